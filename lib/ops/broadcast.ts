// How two tensors of different shapes meet, by PyTorch's and NumPy's rule: shapes are lined up at their last dimensions, and
// along a dimension where one has size 1, or none, it repeats.

import type { Arithmetic } from '../../binding.js';
import { active } from '../backend/index.js';
import { wrongShape } from '../errors.js';
import { sameShape, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import type { Tensor } from '../tensor/tensor.js';
import { inLayout, layoutOf } from './inputs.js';

/** The shape of what two tensors give together. @throws ShapeError where they cannot meet. */
export function commonShape(a: Tensor, b: Tensor, operation: string): readonly number[] {
  if (sameShape(a.shape, b.shape)) return a.shape;
  const rank = Math.max(a.shape.length, b.shape.length);
  const shape = new Array<number>(rank);
  for (let axis = rank - 1; axis >= 0; axis--) {
    const [p, q] = [a, b].map((tensor) => tensor.shape[axis - rank + tensor.shape.length] ?? 1);
    if (p !== q && p !== 1 && q !== 1) {
      throw wrongShape(
        operation,
        `The size of tensor a (${p}) must match the size of tensor b (${q}) at non-singleton dimension ${axis}, ` +
          `but got ${showShape(a.shape)} and ${showShape(b.shape)}`,
      );
    }
    shape[axis] = p === 1 ? q : p;
  }
  return shape;
}

/** Where what two tensors give together has its channels last: as the one of the full shape has them, else the other. */
export function commonLayout(a: Tensor, b: Tensor, shape: readonly number[]): number {
  const larger = sameShape(a.shape, shape) ? [a, b] : [b, a];
  for (const tensor of larger) {
    const own = layoutOf(tensor);
    if (own !== ROW_MAJOR) return own + shape.length - tensor.shape.length;
  }
  return ROW_MAJOR;
}

/** The dimensions in the order in which they lie in memory. */
export function memoryOrder(rank: number, layout: number): number[] {
  const order = Array.from({ length: rank }, (_, axis) => axis);
  if (layout !== ROW_MAJOR) order.push(...order.splice(layout, 1));
  return order;
}

interface Operand {
  readonly data: Float32Array;
  /** Elements from one to the next along each dimension of the result, in the order of memory; 0 where it repeats. */
  readonly steps: readonly number[];
}

function operandOf(tensor: Tensor, shape: readonly number[], layout: number, operation: string): Operand {
  const missing = shape.length - tensor.shape.length;
  const own = layout === ROW_MAJOR || layout < missing ? ROW_MAJOR : layout - missing;
  const data = inLayout(tensor, own, 'now', operation);
  const strides = new Map<number, number>();
  let stride = 1;
  for (const axis of memoryOrder(tensor.shape.length, own).reverse()) {
    if (tensor.shape[axis] !== 1) strides.set(axis + missing, stride);
    stride *= tensor.shape[axis];
  }
  const steps = memoryOrder(shape.length, layout).map((axis) =>
    shape[axis] === 1 ? 0 : (strides.get(axis) ?? 0),
  );
  return { data, steps };
}

/** Combines two tensors that meet in `shape`, into y, which lies in `layout`. */
export function combine(
  kind: Arithmetic,
  a: Tensor,
  b: Tensor,
  shape: readonly number[],
  layout: number,
  y: Float32Array,
  operation: string,
): void {
  if (y.length === 0) return;
  if (sameShape(a.shape, b.shape)) {
    const [left, right] = [a, b].map((tensor) =>
      inLayout(tensor, layoutIn(tensor, shape, layout), 'now', operation),
    );
    active().binary(kind, left, right, y);
    return;
  }
  const [left, right] = [a, b].map((tensor) => operandOf(tensor, shape, layout, operation));
  const sizes: number[] = [];
  const aSteps: number[] = [];
  const bSteps: number[] = [];
  memoryOrder(shape.length, layout).forEach((axis, place) => {
    const size = shape[axis];
    if (size === 1) return;
    const [p, q] = [left.steps[place], right.steps[place]];
    const last = sizes.length - 1;
    // A dimension that goes on where the one after it ends is one with it
    if (last >= 0 && aSteps[last] === p * size && bSteps[last] === q * size) {
      sizes[last] *= size;
      aSteps[last] = p;
      bSteps[last] = q;
      return;
    }
    sizes.push(size);
    aSteps.push(p);
    bSteps.push(q);
  });
  if (sizes.length > MOST_AXES) {
    throw wrongShape(operation, `a and b repeat along too many dimensions in turn: ${showShape(shape)}`);
  }
  active().broadcast(kind, { sizes, aSteps, bSteps }, left.data, right.data, y);
}

const MOST_AXES = 8;

const layoutIn = (tensor: Tensor, shape: readonly number[], layout: number): number =>
  layout === ROW_MAJOR ? ROW_MAJOR : Math.max(ROW_MAJOR, layout - shape.length + tensor.shape.length);
