// Operations that move elements and compute nothing: joining and flattening.

import { active } from '../backend/index.js';
import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { gradientMemory, gradientTensor, record } from '../tensor/autograd.js';
import { allocateOutput, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { checkTensor, inLayout, layoutOf, type Mode, rowMajor } from './inputs.js';
import { knownOptions } from './options.js';
import { finished, type Prepared } from './run.js';
import { traced, tracing } from './trace.js';

/** A dimension as users name it, -1 being the last, as an index. */
export function checkedDimension(value: unknown, rank: number, name: string, operation: string): number {
  if (typeof value !== 'number') {
    throw wrongType(operation, `${name} must be a number, not ${show(value)}`);
  }
  const span = Math.max(rank, 1);
  if (!Number.isInteger(value) || value < -span || value >= span) {
    throw wrongValue(
      operation,
      `Dimension out of range (expected to be in range of [${-span}, ${span - 1}], but got ${name}=${show(value)})`,
    );
  }
  return value < 0 ? value + span : value + 0;
}

export interface ConcatOptions {
  /** The dimension along which the tensors are joined; 0. */
  dim?: number;
}

/**
 * Tensors joined along one dimension; their other sizes are equal.
 *
 * @throws ShapeError where other sizes differ.
 * @example
 * ops.concat([Tensor.ones([1, 2, 4, 4]), Tensor.zeros([1, 3, 4, 4])], { dim: 1 }).shape; // [1, 5, 4, 4]
 */
export function concat(tensors: readonly Tensor[], options?: ConcatOptions): Tensor {
  const operation = 'concat';
  const { dim = 0 } = knownOptions(options, ['dim'], operation);
  if (!Array.isArray(tensors)) {
    throw wrongType(operation, `expected an array of Tensors, not ${show(tensors)}`);
  }
  const parts = Array.from(tensors, (tensor: unknown, i) => {
    checkTensor(tensor, `tensors[${i}]`, operation);
    return tensor;
  });
  if (parts.length === 0) throw wrongValue(operation, 'expected a non-empty list of Tensors');
  const first = parts[0].shape;
  const rank = first.length;
  if (rank === 0) throw wrongShape(operation, 'zero-dimensional tensors cannot be concatenated');
  const joined = checkedDimension(dim, rank, 'dim', operation);
  for (const { shape } of parts) {
    if (shape.length !== rank || shape.some((size, axis) => axis !== joined && size !== first[axis])) {
      throw wrongShape(
        operation,
        `Sizes of tensors must match except in dimension ${joined}, but got ${parts.map((t) => showShape(t.shape)).join(', ')}`,
      );
    }
  }

  // In whatever layout, a joined dimension splits memory into rows before it and widths from it on.
  const layout = parts.map(layoutOf).find((axis) => axis !== ROW_MAJOR) ?? ROW_MAJOR;
  const order = first.map((_, axis) => axis);
  if (layout !== ROW_MAJOR) order.push(...order.splice(layout, 1));
  const place = order.indexOf(joined);
  const product = (shape: readonly number[], axes: number[]) => axes.reduce((n, axis) => n * shape[axis], 1);
  const rows = product(first, order.slice(0, place));
  const inner = product(first, order.slice(place + 1));
  const widths = parts.map((part) => part.shape[joined] * inner);
  const shape = first.with(
    joined,
    parts.reduce((total, tensor) => total + tensor.shape[joined], 0),
  );
  if (tracing()) {
    return traced({ kind: 'concat', operation, inputs: parts, dim: joined }, shape, layout).output;
  }
  const inputs = parts.map((tensor) => inLayout(tensor, layout, 'now', operation));
  const y = allocateOutput(shape, operation);
  if (y.length > 0) active().concat(inputs, widths, y, rows);
  const output = wrap(y, layout, shape);
  record(output, operation, parts, (upstream, needs) => {
    const from = inLayout(upstream, layout, 'now', operation);
    const sizes = parts.map((part) => part.shape[joined]);
    let begin = 0;
    return sizes.map((size, i) => {
      const at = begin;
      begin += size;
      if (!needs[i]) return null;
      const own = first.with(joined, size);
      const gradient = gradientMemory(own);
      const source = [ZERO, ZERO, Int32Array.from({ length: size }, (_, k) => at + k)] as const;
      const map = { channels: inner, inputSize: [1, 1, shape[joined]], source, value: 0 } as const;
      if (gradient.length > 0) active().remap(map, from, gradient, rows);
      return gradientTensor(gradient, layout, own);
    });
  });
  return output;
}

const ZERO = Int32Array.of(0);

export interface FlattenOptions {
  /** The first dimension to join; 0. */
  startDim?: number;
  /** The last dimension to join; -1, the last of all. */
  endDim?: number;
}

/** The shape of x with the dimensions from startDim to endDim joined into one. */
function flattenedShape(x: Tensor, startDim: number, endDim: number, operation: string): number[] {
  const rank = x.shape.length;
  const start = checkedDimension(startDim, rank, 'startDim', operation);
  const end = checkedDimension(endDim, rank, 'endDim', operation);
  if (start > end) {
    throw wrongValue(operation, `startDim cannot come after endDim, but got ${startDim} and ${endDim}`);
  }
  const size = x.shape.slice(start, end + 1).reduce((product, extent) => product * extent, 1);
  return [...x.shape.slice(0, start), size, ...x.shape.slice(end + 1)];
}

/**
 * x with its dimensions from `startDim` to `endDim` joined into one, sharing memory, in logical order
 * (channel, height, width) whatever the layout.
 *
 * @example
 * ops.flatten(Tensor.zeros([2, 3, 4, 4]), { startDim: 1 }).shape; // [2, 48]
 */
export function flatten(x: Tensor, options?: FlattenOptions): Tensor {
  const { startDim = 0, endDim = -1 } = knownOptions(options, ['startDim', 'endDim'], 'flatten');
  checkTensor(x, 'x', 'flatten');
  return x.reshape(flattenedShape(x, startDim, endDim, 'flatten'));
}

/** Flattening for layers: in the background the result must not share memory that a user can write to. */
export function prepareFlatten(x: Tensor, startDim: number, endDim: number, mode: Mode): Prepared {
  checkTensor(x, 'x', 'flatten');
  const shape = flattenedShape(x, startDim, endDim, 'flatten');
  if (mode === 'now') return finished(x.reshape(shape));
  const output = wrap(rowMajor(x, mode, 'flatten'), ROW_MAJOR, shape);
  record(output, 'flatten', [x], (upstream) => [upstream.reshape(x.shape)]);
  return finished(output);
}
