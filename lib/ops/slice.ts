// Part of a tensor along one dimension, and a tensor turned round.

import { show, wrongType, wrongValue } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkTensor, type Mode } from './inputs.js';
import { knownOptions, wholeNumber } from './options.js';
import { checkedDimension } from './rearrange.js';
import { prepareRemap, remappedLayout, remappedShape, type Sources } from './remap.js';
import { type Prepared, runNow } from './run.js';
import { traced, tracing } from './trace.js';

export interface SliceOptions {
  /** The dimension; 0. */
  dim?: number;
  /** The first position; 0. A negative number counts from the end. */
  start?: number;
  /** The position after the last; the size. A negative number counts from the end. */
  end?: number;
  /** Every how many positions one is taken; 1. */
  step?: number;
}

const LEAST = -(2 ** 31);

/**
 * The positions from `start` up to, not including, `end` of x along `dim`, as a copy. Positions beyond either end are left
 * out, as in PyTorch's and NumPy's slices.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * ops.slice(Tensor.from([[1, 2, 3, 4], [5, 6, 7, 8]]), { dim: 1, start: 1, end: -1 }).toArray(); // [[2, 3], [6, 7]]
 */
export function slice(x: Tensor, options?: SliceOptions): Tensor {
  const operation = 'slice';
  const {
    dim = 0,
    start = 0,
    end,
    step = 1,
  } = knownOptions(options, ['dim', 'start', 'end', 'step'], operation);
  checkTensor(x, 'x', operation);
  const rank = x.shape.length;
  const axis = checkedDimension(dim, rank, 'dim', operation);
  if (rank === 0) throw wrongValue(operation, 'slice() cannot be applied to a 0-dim tensor');
  const size = x.shape[axis];
  const position = (value: unknown, name: string): number => {
    if (value === Infinity) return size;
    const at = wholeNumber(value, LEAST, name, `${name} is too small`, operation);
    return Math.min(Math.max(at < 0 ? at + size : at, 0), size);
  };
  if (typeof step !== 'number') throw wrongType(operation, `step must be a number, not ${show(step)}`);
  const stride = wholeNumber(step, 1, 'step', 'slice step must be positive', operation);
  const first = position(start, 'start');
  const last = end === undefined || end === null ? size : position(end, 'end');
  const length = Math.max(0, Math.ceil((last - first) / stride));
  const sources = new Map([[axis, Int32Array.from({ length }, (_, i) => first + i * stride)]]);
  const taken = first === 0 && length === size ? new Map() : sources;
  if (tracing()) {
    const begin = new Map([[axis, -first]]);
    const step =
      stride === 1
        ? ({ kind: 'pad', operation, inputs: [x], sources, begin } as const)
        : ({ kind: 'other', operation, inputs: [x] } as const);
    return traced(step, remappedShape(x.shape, taken), remappedLayout(x, taken)).output;
  }
  return runNow(prepareRemap(x, taken, 0, 'now', operation));
}

/** x with the given dimensions turned round. */
export function prepareFlip(x: Tensor, axes: readonly number[], mode: Mode, operation: string): Prepared {
  const sources: Sources = new Map(
    axes.map((axis) => [axis, Int32Array.from({ length: x.shape[axis] }, (_, i) => x.shape[axis] - 1 - i)]),
  );
  return prepareRemap(x, sources, 0, mode, operation);
}
