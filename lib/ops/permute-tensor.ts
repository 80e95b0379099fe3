// A tensor with its dimensions in another order. Where the order wanted is one in which the elements lie already, nothing
// is transposed: images with their channels last become [N, H, W, C], and back.

import { duplicate } from '../backend/substitute.js';
import { show, wrongType, wrongValue } from '../errors.js';
import { gradientMemory, gradientTensor, record } from '../tensor/autograd.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { storageOf, type Tensor, wrap } from '../tensor/tensor.js';
import { memoryOrder } from './broadcast.js';
import { checkTensor, inLayout, layoutOf } from './inputs.js';
import { knownOptions } from './options.js';
import { permuted } from './permute.js';
import { checkedDimension } from './rearrange.js';
import { traced, tracing } from './trace.js';

export interface PermuteOptions {
  /** The dimensions of x in the order wanted, each once; -1 is the last. */
  dims: readonly number[];
}

/**
 * x with its dimensions in another order, as a copy: size i of the result is x's size dims[i].
 *
 * @throws RangeError where `dims` does not name every dimension of x once.
 * @example
 * ops.permute(Tensor.zeros([2, 3, 5, 7]), { dims: [0, 2, 3, 1] }).shape; // [2, 5, 7, 3]
 */
export function permute(x: Tensor, options: PermuteOptions): Tensor {
  const operation = 'permute';
  const { dims } = knownOptions(options, ['dims'], operation);
  checkTensor(x, 'x', operation);
  const rank = x.shape.length;
  if (!Array.isArray(dims))
    throw wrongType(operation, `dims must be a list of dimensions, not ${show(dims)}`);
  const order = rank === 0 ? [] : dims.map((dim: unknown) => checkedDimension(dim, rank, 'dims', operation));
  if (dims.length !== rank || new Set(order).size !== rank) {
    throw wrongValue(operation, `dims must name each of ${rank} dimensions once, but got dims=${show(dims)}`);
  }
  return permuteBy(x, order);
}

function permuteBy(x: Tensor, order: readonly number[]): Tensor {
  const shape = order.map((axis) => x.shape[axis]);
  const layout = layoutAs(x, order, shape);
  if (tracing()) {
    return traced({ kind: 'other', operation: 'permute', inputs: [x] }, shape, layout ?? ROW_MAJOR).output;
  }
  const output = wrap(moved(x, order, layout, true), layout ?? ROW_MAJOR, shape);
  const inputShape = x.shape;
  const back = inputShape.map((_, axis) => order.indexOf(axis));
  record(output, 'permute', [x], (upstream) => {
    const own = layoutAs(upstream, back, inputShape);
    const gradient = gradientMemory(inputShape);
    gradient.set(moved(upstream, back, own, false));
    return [gradientTensor(gradient, own ?? ROW_MAJOR, inputShape)];
  });
  return output;
}

/** The layout in which the permuted tensor lies as x does; null where there is none. */
function layoutAs(x: Tensor, order: readonly number[], shape: readonly number[]): number | null {
  const matters = (axis: number): boolean => x.shape[axis] !== 1;
  const lies = memoryOrder(x.shape.length, layoutOf(x)).filter(matters);
  for (const layout of order.length > 2 ? [ROW_MAJOR, 1, 0] : [ROW_MAJOR]) {
    const wanted = memoryOrder(shape.length, layout)
      .map((axis) => order[axis])
      .filter(matters);
    if (wanted.every((axis, i) => axis === lies[i])) return layout;
  }
  return null;
}

/** The elements in the new order; `apart` from x's where nothing had to move. */
function moved(x: Tensor, order: readonly number[], layout: number | null, apart: boolean): Float32Array {
  const own = layoutOf(x);
  const data = inLayout(x, own, 'now', 'permute');
  if (layout !== null) return apart ? duplicate(data) : data;
  const lies = memoryOrder(x.shape.length, own);
  const sizes = lies.map((axis) => x.shape[axis]);
  const places = order.map((axis) => lies.indexOf(axis));
  const result = permuted(data, sizes, places);
  return apart && result === storageOf(x).data ? duplicate(result) : result;
}
