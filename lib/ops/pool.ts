// Pooling: the largest element or the mean of each window, channel by channel. One function prepares it for any number
// of spatial dimensions.

import type { Binding, Pool, Triple } from '../../binding.js';
import { active, selectionCount } from '../backend/index.js';
import { ownsMemory } from '../tensor/autograd.js';
import { allocateOutput } from '../tensor/shape.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { channelAxisOf, channelsLast, checkNotEmpty, checkTensor, type Mode } from './inputs.js';
import { toTriple } from './options.js';
import { type AdaptivePool, type PoolSettings, poolGeometry } from './pool-geometry.js';
import { recordPool } from './pool-gradient.js';
import {
  type AdaptivePoolOptions,
  type AvgPoolOptions,
  type MaxPoolOptions,
  parseAdaptivePool,
  parseAvgPool,
  parseMaxPool,
} from './pool-options.js';
import { finished, type Prepared, runNow } from './run.js';
import { traced, tracing } from './trace.js';

/** A pooling of each number of dimensions; what they are is documented on each. */
const maxPool =
  (rank: number, operation: string) =>
  (x: Tensor, options: MaxPoolOptions): Tensor =>
    runNow(preparePool(x, parseMaxPool(options, rank, operation), rank, 'now', operation));
const avgPool =
  (rank: number, operation: string) =>
  (x: Tensor, options: AvgPoolOptions): Tensor =>
    runNow(preparePool(x, parseAvgPool(options, rank, operation), rank, 'now', operation));
const adaptivePool =
  (kind: AdaptivePool['kind'], rank: number, operation: string) =>
  (x: Tensor, options: AdaptivePoolOptions): Tensor =>
    runNow(preparePool(x, parseAdaptivePool(kind, options, rank, operation), rank, 'now', operation));

/**
 * The largest element of each window: x [N, C, L] or [C, L] gives [N, C, L'], sized as by {@link maxPool2d}.
 *
 * @throws ShapeError where no window fits.
 * @example
 * ops.maxPool1d(Tensor.from([[1, 5, 2, 3]]), { kernelSize: 2 }).toArray(); // [[5, 3]]
 */
export const maxPool1d = maxPool(1, 'maxPool1d');

/**
 * The largest element of each window: x [N, C, H, W] or [C, H, W] gives [N, C, H', W'], where
 * H' = floor((H + 2 * padding - dilation * (kernelSize - 1) - 1) / stride) + 1, rounded up with `ceilMode`. NaN wins.
 *
 * @throws ShapeError where no window fits.
 * @example
 * ops.maxPool2d(Tensor.randn([1, 8, 32, 32]), { kernelSize: 2 }).shape; // [1, 8, 16, 16]
 */
export const maxPool2d = maxPool(2, 'maxPool2d');

/**
 * The largest element of each window: x [N, C, D, H, W] or [C, D, H, W] gives [N, C, D', H', W'], sized as by {@link maxPool2d}.
 *
 * @throws ShapeError where no window fits.
 * @example
 * ops.maxPool3d(Tensor.randn([1, 4, 8, 8, 8]), { kernelSize: [1, 2, 2] }).shape; // [1, 4, 8, 4, 4]
 */
export const maxPool3d = maxPool(3, 'maxPool3d');

/**
 * The mean of each window: x [N, C, L] or [C, L] gives [N, C, L'], as {@link avgPool2d}.
 *
 * @throws ShapeError where no window fits.
 * @example
 * ops.avgPool1d(Tensor.from([[1, 5, 2, 4]]), { kernelSize: 2 }).toArray(); // [[3, 3]]
 */
export const avgPool1d = avgPool(1, 'avgPool1d');

/**
 * The mean of each window: x [N, C, H, W] or [C, H, W] gives [N, C, H', W'], sized as by {@link maxPool2d}. It divides by
 * the number of positions, padded ones included unless `countIncludePad` is false.
 *
 * @throws ShapeError where no window fits.
 * @example
 * ops.avgPool2d(Tensor.ones([1, 1, 4, 4]), { kernelSize: 2 }).toArray(); // [[[[1, 1], [1, 1]]]]
 */
export const avgPool2d = avgPool(2, 'avgPool2d');

/**
 * The mean of each window: x [N, C, D, H, W] or [C, D, H, W] gives [N, C, D', H', W'], as {@link avgPool2d}.
 *
 * @throws ShapeError where no window fits.
 * @example
 * ops.avgPool3d(Tensor.randn([1, 4, 8, 8, 8]), { kernelSize: 2 }).shape; // [1, 4, 4, 4, 4]
 */
export const avgPool3d = avgPool(3, 'avgPool3d');

/**
 * Means that bring x [N, C, L] or [C, L] to a given length; see {@link adaptiveAvgPool2d}.
 *
 * @example
 * ops.adaptiveAvgPool1d(Tensor.from([[1, 2, 3, 4]]), { outputSize: 2 }).toArray(); // [[1.5, 3.5]]
 */
export const adaptiveAvgPool1d = adaptivePool('adaptiveAverage', 1, 'adaptiveAvgPool1d');

/**
 * Means that bring x [N, C, H, W] or [C, H, W] to a given size: window i of H' covers floor(i * H / H') up to
 * ceil((i + 1) * H / H').
 *
 * @example
 * ops.adaptiveAvgPool2d(Tensor.randn([1, 8, 7, 5]), { outputSize: 1 }).shape; // [1, 8, 1, 1]
 */
export const adaptiveAvgPool2d = adaptivePool('adaptiveAverage', 2, 'adaptiveAvgPool2d');

/**
 * Means that bring x [N, C, D, H, W] or [C, D, H, W] to a given size; see {@link adaptiveAvgPool2d}.
 *
 * @example
 * ops.adaptiveAvgPool3d(Tensor.randn([1, 8, 4, 7, 5]), { outputSize: [null, 1, 1] }).shape; // [1, 8, 4, 1, 1]
 */
export const adaptiveAvgPool3d = adaptivePool('adaptiveAverage', 3, 'adaptiveAvgPool3d');

/**
 * The largest elements of windows that bring x [N, C, L] or [C, L] to a given length; windows as by {@link adaptiveAvgPool2d}.
 *
 * @example
 * ops.adaptiveMaxPool1d(Tensor.from([[1, 2, 3, 4]]), { outputSize: 2 }).toArray(); // [[2, 4]]
 */
export const adaptiveMaxPool1d = adaptivePool('adaptiveMax', 1, 'adaptiveMaxPool1d');

/**
 * The largest elements of windows that bring x [N, C, H, W] or [C, H, W] to a given size; windows as by
 * {@link adaptiveAvgPool2d}.
 *
 * @example
 * ops.adaptiveMaxPool2d(Tensor.randn([1, 8, 7, 5]), { outputSize: [3, 2] }).shape; // [1, 8, 3, 2]
 */
export const adaptiveMaxPool2d = adaptivePool('adaptiveMax', 2, 'adaptiveMaxPool2d');

/**
 * The largest elements of windows that bring x [N, C, D, H, W] or [C, D, H, W] to a given size; windows as by
 * {@link adaptiveAvgPool2d}.
 *
 * @example
 * ops.adaptiveMaxPool3d(Tensor.randn([1, 8, 4, 7, 5]), { outputSize: 1 }).shape; // [1, 8, 1, 1, 1]
 */
export const adaptiveMaxPool3d = adaptivePool('adaptiveMax', 3, 'adaptiveMaxPool3d');

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
  if (selection >= 0) pools.set(settings, [made, ...known].slice(0, POOLS_KEPT));
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
  const channelAxis = channelAxisOf(shape, rank, operation);
  checkNotEmpty(shape, channelAxis, operation);
  const inputSize = toTriple(shape.slice(channelAxis + 1), 1);
  const shapeOf = (outputSize: Triple) => [...shape.slice(0, channelAxis + 1), ...outputSize.slice(3 - rank)];
  if (tracing()) {
    const geometry = poolGeometry(settings, shape[channelAxis], inputSize, operation);
    const step = { kind: 'pool', operation, inputs: [x], rank, settings, geometry } as const;
    return traced(step, shapeOf(geometry.outputSize), channelAxis);
  }
  const { binding, pool, outputSize } = poolOf(settings, shape[channelAxis], inputSize, operation);
  const outputShape = shapeOf(outputSize);
  const batch = channelAxis === 1 ? shape[0] : 1;
  const input = channelsLast(x, channelAxis, mode, operation);
  const y = allocateOutput(outputShape, operation);
  const output = wrap(y, channelAxis, outputShape);
  const readsInput = settings.kind === 'max' || settings.kind === 'adaptiveMax';
  recordPool(output, x, { binding, pool, batch, channelAxis, readsInput }, operation);
  ownsMemory(output);
  if (batch === 0) return finished(output);
  return {
    output,
    run: () => binding.pool(pool, input, y, batch),
    submit: () => binding.submit('pool', pool, input, y, batch),
  };
}
