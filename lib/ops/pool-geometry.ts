// Pooling windows, axis by axis: where each begins and ends inside the input, and what an average divides by.

import type { PoolGeometry, Triple } from '../../binding.js';
import { wrongShape } from '../errors.js';
import { checkCountable, effectiveKernel } from './conv-geometry.js';

/** Windows that slide. */
export interface SlidingPool {
  readonly kind: 'max' | 'average';
  readonly kernelSize: Triple;
  readonly stride: Triple;
  /**
   * On both sides, or on each; 'same': as much as makes the output size ceil(input / stride), the odd position at the end,
   * or with 'same-lower' at the beginning.
   */
  readonly padding: Triple | 'same' | 'same-lower' | { readonly begin: Triple; readonly end: Triple };
  readonly dilation: Triple;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;
}

/** Windows that divide the input into a given number of parts; 0 keeps the size of the input. */
export interface AdaptivePool {
  readonly kind: 'adaptiveMax' | 'adaptiveAverage';
  readonly outputSize: Triple;
}

export type PoolSettings = SlidingPool | AdaptivePool;

interface Axis {
  begin: Int32Array;
  end: Int32Array;
  span: Int32Array;
}

/** Positions added before and after `size` of them. */
export function paddingOf(pool: SlidingPool, axis: number, size: number): { before: number; after: number } {
  const { padding } = pool;
  if (typeof padding !== 'string') {
    const { begin, end } = 'begin' in padding ? padding : { begin: padding, end: padding };
    return { before: begin[axis], after: end[axis] };
  }
  const stride = pool.stride[axis];
  const window = effectiveKernel(pool.kernelSize[axis], pool.dilation[axis]);
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + window - size);
  const before = padding === 'same' ? Math.floor(total / 2) : Math.ceil(total / 2);
  return { before, after: total - before };
}

/** One or more windows over `size` positions; the number of them, in PyTorch's way of rounding up. */
function slidingCount(pool: SlidingPool, axis: number, size: number): number {
  const stride = pool.stride[axis];
  const { before, after } = paddingOf(pool, axis, size);
  const free = size + before + after - effectiveKernel(pool.kernelSize[axis], pool.dilation[axis]);
  if (!pool.ceilMode) return Math.floor(free / stride) + 1;
  const count = Math.ceil(free / stride) + 1;
  // A window must not begin in the padding at the end.
  return (count - 1) * stride >= size + before ? count - 1 : count;
}

function slidingAxis(pool: SlidingPool, axis: number, size: number, count: number): Axis {
  const window = effectiveKernel(pool.kernelSize[axis], pool.dilation[axis]);
  const { before, after } = paddingOf(pool, axis, size);
  const dilation = pool.dilation[axis];
  const begin = new Int32Array(count);
  const end = new Int32Array(count);
  const span = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const first = i * pool.stride[axis] - before;
    const last = first + window;
    begin[i] = first < 0 ? first + Math.ceil(-first / dilation) * dilation : first;
    end[i] = Math.min(last, size);
    // Padding counts where it was asked for; what ceilMode adds beyond it never does.
    const reached = pool.countIncludePad ? Math.min(last, size + after) - first : end[i] - begin[i];
    span[i] = Math.ceil(reached / dilation);
  }
  return { begin, end, span };
}

function adaptiveAxis(size: number, count: number): Axis {
  const begin = new Int32Array(count);
  const end = new Int32Array(count);
  const span = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    begin[i] = Math.floor((i * size) / count);
    end[i] = Math.ceil(((i + 1) * size) / count);
    span[i] = end[i] - begin[i];
  }
  return { begin, end, span };
}

/** Everything about the pooling of one image. @throws ShapeError where no window fits. */
export function poolGeometry(
  pool: PoolSettings,
  channels: number,
  inputSize: Triple,
  operation: string,
): PoolGeometry {
  const adaptive = 'outputSize' in pool;
  const counts = inputSize.map((size, axis) =>
    adaptive ? pool.outputSize[axis] || size : slidingCount(pool, axis, size),
  );
  if (counts.some((count) => count < 1)) {
    throw wrongShape(
      operation,
      `Given input size: (${[channels, ...inputSize].join('x')}). Calculated output size: (${[channels, ...counts].join('x')}). ` +
        'Output size is too small',
    );
  }
  checkCountable(operation, 'one image of the input', [channels, ...inputSize]);
  checkCountable(operation, 'one image of the output', [channels, ...counts]);
  const axes = counts.map((count, axis) =>
    adaptive ? adaptiveAxis(inputSize[axis], count) : slidingAxis(pool, axis, inputSize[axis], count),
  );
  for (const { begin, end } of axes) {
    const empty = begin.findIndex((first, i) => first >= end[i]);
    if (empty >= 0) {
      throw wrongShape(
        operation,
        `window ${empty} lies in the padding, with no input under any of its taps`,
        'use less padding or dilation',
      );
    }
  }
  return {
    kind: pool.kind === 'max' || pool.kind === 'adaptiveMax' ? 'max' : 'average',
    channels,
    inputSize,
    outputSize: [counts[0], counts[1], counts[2]],
    dilation: adaptive ? [1, 1, 1] : pool.dilation,
    begin: [axes[0].begin, axes[1].begin, axes[2].begin],
    end: [axes[0].end, axes[1].end, axes[2].end],
    span: [axes[0].span, axes[1].span, axes[2].span],
  };
}
