// The options of pooling: what users write, and what it means with every default filled in.

import type { Triple } from '../../binding.js';
import { show, wrongType, wrongValue } from '../errors.js';
import { effectiveKernel } from './conv-geometry.js';
import { flag, knownOptions, type PerDimension, perDimension, toTriple, wholeNumber } from './options.js';
import type { AdaptivePool, SlidingPool } from './pool-geometry.js';

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
  kind: AdaptivePool['kind'],
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
    return { kind, outputSize: toTriple(new Array<number>(rank).fill(each), 1) };
  }
  if (outputSize.length !== rank) {
    throw wrongValue(
      operation,
      `expected outputSize to be a single number or a list of ${rank}, but got outputSize=${show(outputSize)}`,
    );
  }
  return { kind, outputSize: toTriple(Array.from(outputSize, size), 1) };
}
