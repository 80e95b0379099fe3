// Pooling: the largest element or the mean of each window, channel by channel.

import type { Binding, Pool, Triple } from '../../binding.js';
import { active, selectionCount } from '../backend/index.js';
import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { allocate, showShape } from '../tensor/shape.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { effectiveKernel } from './conv-geometry.js';
import { channelsLast, checkTensor, type Mode } from './inputs.js';
import { flag, knownOptions, type PerDimension, perDimension, toTriple, wholeNumber } from './options.js';
import { type AdaptivePool, type PoolSettings, poolGeometry, type SlidingPool } from './pool-geometry.js';
import { finished, type Prepared, runNow } from './run.js';

interface SlidingOptions {
  /** Positions a window covers. */
  kernelSize: PerDimension;
  /** Steps between neighbouring windows; the kernel size. */
  stride?: PerDimension | null;
  /** Positions added on both sides; 0, and at most half a window. They are never the largest. */
  padding?: PerDimension;
  /** Whether a last window may reach past the end, as long as it begins before it; false. */
  ceilMode?: boolean;
}

export interface MaxPoolOptions extends SlidingOptions {
  /** Steps between neighbouring elements of a window; 1. */
  dilation?: PerDimension;
}

export interface AvgPoolOptions extends SlidingOptions {
  /** Whether padded positions count in the divisor; true. */
  countIncludePad?: boolean;
}

export interface AdaptivePoolOptions {
  /** The wanted size: one number, or one per dimension where null keeps the input's. */
  outputSize: number | readonly (number | null)[];
}

/**
 * The largest element of each window: x [N, C, H, W] or [C, H, W] gives [N, C, H', W'], where
 * H' = floor((H + 2 * padding - dilation * (kernelSize - 1) - 1) / stride) + 1, rounded up with `ceilMode`. NaN wins.
 *
 * @throws ShapeError where no window fits.
 * @example
 * ops.maxPool2d(Tensor.randn([1, 8, 32, 32]), { kernelSize: 2 }).shape; // [1, 8, 16, 16]
 */
export function maxPool2d(x: Tensor, options: MaxPoolOptions): Tensor {
  return runNow(preparePool(x, parseMaxPool(options, 2, 'maxPool2d'), 2, 'now', 'maxPool2d'));
}

/**
 * The mean of each window: x [N, C, H, W] or [C, H, W] gives [N, C, H', W'], sized as by {@link maxPool2d}. It divides by
 * the number of positions, padded ones included unless `countIncludePad` is false.
 *
 * @throws ShapeError where no window fits.
 * @example
 * ops.avgPool2d(Tensor.ones([1, 1, 4, 4]), { kernelSize: 2 }).toArray(); // [[[[1, 1], [1, 1]]]]
 */
export function avgPool2d(x: Tensor, options: AvgPoolOptions): Tensor {
  return runNow(preparePool(x, parseAvgPool(options, 2, 'avgPool2d'), 2, 'now', 'avgPool2d'));
}

/**
 * Means that bring x [N, C, H, W] or [C, H, W] to a given size: window i of H' covers floor(i * H / H') up to
 * ceil((i + 1) * H / H').
 *
 * @example
 * ops.adaptiveAvgPool2d(Tensor.randn([1, 8, 7, 5]), { outputSize: 1 }).shape; // [1, 8, 1, 1]
 */
export function adaptiveAvgPool2d(x: Tensor, options: AdaptivePoolOptions): Tensor {
  const settings = parseAdaptivePool(options, 2, 'adaptiveAvgPool2d');
  return runNow(preparePool(x, settings, 2, 'now', 'adaptiveAvgPool2d'));
}

const SLIDING = ['kernelSize', 'stride', 'padding', 'ceilMode'];
const KERNEL = { name: 'kernelSize', least: 1, law: 'kernel size should be greater than zero', unit: 1 };
const STRIDE = { name: 'stride', least: 1, law: 'stride should not be zero or negative', unit: 1 };
const PADDING = { name: 'padding', least: 0, law: 'negative padding is not supported', unit: 0 };
const DILATION = { name: 'dilation', least: 1, law: 'dilation should be greater than zero', unit: 1 };

export function parseMaxPool(options: MaxPoolOptions, rank: number, operation: string): SlidingPool {
  const { dilation = 1, ...rest } = knownOptions(options, [...SLIDING, 'dilation'], operation);
  return sliding('max', rest, perDimension(dilation, rank, DILATION, operation), true, rank, operation);
}

export function parseAvgPool(options: AvgPoolOptions, rank: number, operation: string): SlidingPool {
  const { countIncludePad = true, ...rest } = knownOptions(
    options,
    [...SLIDING, 'countIncludePad'],
    operation,
  );
  const counted = flag(countIncludePad, 'countIncludePad', operation);
  return sliding('average', rest, [1, 1, 1], counted, rank, operation);
}

function sliding(
  kind: 'max' | 'average',
  options: Partial<SlidingOptions>,
  dilation: Triple,
  countIncludePad: boolean,
  rank: number,
  operation: string,
): SlidingPool {
  const { kernelSize, stride, padding = 0, ceilMode = false } = options;
  if (kernelSize === undefined) throw wrongType(operation, 'kernelSize is missing');
  const kernel = perDimension(kernelSize, rank, KERNEL, operation);
  const pool = {
    kind,
    kernelSize: kernel,
    stride: perDimension(stride ?? kernelSize, rank, STRIDE, operation),
    padding: perDimension(padding, rank, PADDING, operation),
    dilation,
    ceilMode: flag(ceilMode, 'ceilMode', operation),
    countIncludePad,
  };
  for (let axis = 0; axis < 3; axis++) {
    const most = Math.floor(effectiveKernel(kernel[axis], dilation[axis]) / 2);
    if (pool.padding[axis] > most) {
      throw wrongValue(
        operation,
        `pad should be at most half of effective kernel size, but got pad=${pool.padding[axis]}, ` +
          `kernelSize=${kernel[axis]} and dilation=${dilation[axis]}`,
      );
    }
  }
  return pool;
}

export function parseAdaptivePool(
  options: AdaptivePoolOptions,
  rank: number,
  operation: string,
): AdaptivePool {
  const { outputSize } = knownOptions(options, ['outputSize'], operation);
  if (outputSize === undefined) throw wrongType(operation, 'outputSize is missing');
  const size = (value: unknown) =>
    value === null ? 0 : wholeNumber(value, 1, 'outputSize', 'output size must be positive', operation);
  if (!Array.isArray(outputSize)) {
    const each = size(outputSize);
    return { kind: 'adaptiveAverage', outputSize: toTriple(new Array<number>(rank).fill(each), 1) };
  }
  if (outputSize.length !== rank) {
    throw wrongValue(
      operation,
      `expected outputSize to be a single number or a list of ${rank}, but got outputSize=${show(outputSize)}`,
    );
  }
  return { kind: 'adaptiveAverage', outputSize: toTriple(Array.from(outputSize, size), 1) };
}

/** A pooling at one image size on one backend. */
interface KnownPool {
  binding: Binding;
  selection: number;
  channels: number;
  inputSize: Triple;
  pool: Pool;
  outputSize: Triple;
}

/** Layers keep their settings, so their pools are found by them; the last few image sizes stay. */
const pools = new WeakMap<PoolSettings, KnownPool[]>();
const POOLS_KEPT = 4;

function poolOf(settings: PoolSettings, channels: number, inputSize: Triple, operation: string): KnownPool {
  const binding = active();
  const selection = selectionCount();
  const known = pools.get(settings) ?? [];
  for (const entry of known) {
    if (
      entry.selection === selection &&
      entry.channels === channels &&
      entry.inputSize.every((size, axis) => size === inputSize[axis])
    ) {
      return entry;
    }
  }
  const geometry = poolGeometry(settings, channels, inputSize, operation);
  const pool = binding.createPool(geometry);
  const made = { binding, selection, channels, inputSize, pool, outputSize: geometry.outputSize };
  pools.set(settings, [made, ...known].slice(0, POOLS_KEPT));
  return made;
}

/** Everything but the computing of a pooling under checked settings. */
export function preparePool(
  x: Tensor,
  settings: PoolSettings,
  rank: number,
  mode: Mode,
  operation: string,
): Prepared {
  checkTensor(x, 'x', operation);
  const shape = x.shape;
  if (shape.length !== rank + 2 && shape.length !== rank + 1) {
    throw wrongShape(
      operation,
      `Expected ${rank + 1}D (unbatched) or ${rank + 2}D (batched) input to ${operation}, but got input of size: ${showShape(shape)}`,
    );
  }
  const channelAxis = shape.length - rank - 1;
  for (let axis = channelAxis; axis < shape.length; axis++) {
    if (shape[axis] === 0) {
      throw wrongShape(
        operation,
        `input must have non-zero size for dimensions other than batch, but got input of size: ${showShape(shape)}`,
      );
    }
  }
  const inputSize = toTriple(shape.slice(channelAxis + 1), 1);
  const { binding, pool, outputSize } = poolOf(settings, shape[channelAxis], inputSize, operation);
  const outputShape = [...shape.slice(0, channelAxis + 1), ...outputSize.slice(3 - rank)];
  const batch = channelAxis === 1 ? shape[0] : 1;
  const input = channelsLast(x, channelAxis, mode, operation);
  const y = allocate(outputShape, operation);
  const output = wrap(y, channelAxis, outputShape);
  if (batch === 0) return finished(output);
  return {
    output,
    run: () => binding.pool(pool, input, y, batch),
    submit: () => binding.submit('pool', pool, input, y, batch),
  };
}
