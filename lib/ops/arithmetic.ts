// Sums and products of two tensors, element by element.

import { active } from '../backend/index.js';
import { wrongShape } from '../errors.js';
import { allocateOutput, sameShape, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { checkTensor, inLayout, layoutOf } from './inputs.js';
import { traced, tracing } from './trace.js';

function binary(kind: 'add' | 'mul', a: Tensor, b: Tensor): Tensor {
  checkTensor(a, 'a', kind);
  checkTensor(b, 'b', kind);
  if (!sameShape(a.shape, b.shape)) {
    throw wrongShape(
      kind,
      `a and b must have the same shape, but got ${showShape(a.shape)} and ${showShape(b.shape)}`,
    );
  }
  const layout = layoutOf(a) === ROW_MAJOR ? layoutOf(b) : layoutOf(a);
  if (tracing()) {
    return traced({ kind: 'pointwise', operation: kind, inputs: [a, b] }, a.shape, layout).output;
  }
  const left = inLayout(a, layout, 'now', kind);
  const right = inLayout(b, layout, 'now', kind);
  const y = allocateOutput(a.shape, kind);
  if (y.length > 0) active().binary(kind, left, right, y);
  return wrap(y, layout, a.shape);
}

/**
 * a + b, element by element; shapes equal.
 *
 * @throws ShapeError where the shapes differ.
 */
export const add = (a: Tensor, b: Tensor): Tensor => binary('add', a, b);

/**
 * a * b, element by element; shapes equal.
 *
 * @throws ShapeError where the shapes differ.
 */
export const mul = (a: Tensor, b: Tensor): Tensor => binary('mul', a, b);
