// Arithmetic on two tensors, element by element, and its gradients.

import type { Arithmetic } from '../../binding.js';
import { discard, gradientMemory, gradientTensor, record, recording, save } from '../tensor/autograd.js';
import { allocateOutput } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { Tensor, wrap } from '../tensor/tensor.js';
import { combine, commonLayout, commonShape } from './broadcast.js';
import { checkTensor, layoutOf } from './inputs.js';
import { sumTo } from './reduce.js';
import { traced, tracing } from './trace.js';

/** A tensor, or a number that stands for one of as many as the other has. */
export type Operand = Tensor | number;

function arithmetic(kind: Arithmetic, left: Operand, right: Operand): Tensor {
  if (typeof left === 'number') checkTensor(right, 'b', kind);
  const [a, b] = [operand(left, 'a', kind), operand(right, 'b', kind)];
  const shape = commonShape(a, b, kind);
  const layout = commonLayout(a, b, shape);
  if (tracing()) {
    const inputs = [left, right].filter((one) => typeof one !== 'number');
    return traced({ kind: 'pointwise', operation: kind, inputs }, shape, layout).output;
  }
  const y = allocateOutput(shape, kind);
  combine(kind, a, b, shape, layout, y, kind);
  const output = wrap(y, layout, shape);
  if (recording([a, b])) recordArithmetic(kind, output, a, b);
  return output;
}

function operand(value: Operand, name: string, operation: string): Tensor {
  if (typeof value === 'number') return wrap(Float32Array.of(value), ROW_MAJOR, []);
  checkTensor(value, name, operation);
  return value;
}

function recordArithmetic(kind: Arithmetic, output: Tensor, a: Tensor, b: Tensor): void {
  const [aShape, bShape] = [a.shape, b.shape];
  const left = kind === 'mul' && b.requiresGrad ? save(a) : null;
  const right = kind === 'div' || (kind === 'mul' && a.requiresGrad) ? save(b) : null;
  const quotient = kind === 'div' && b.requiresGrad ? save(output) : null;
  record(output, kind, [a, b], (upstream, needs) => {
    const by = (how: Arithmetic, p: Tensor, q: Tensor): Tensor => {
      const gradient = gradientMemory(upstream.shape);
      const layout = layoutOf(upstream);
      combine(how, p, q, upstream.shape, layout, gradient, kind);
      return gradientTensor(gradient, layout, upstream.shape);
    };
    /** Where an operand has repeated, what its places received is added up. */
    const gathered = (gradient: Tensor, shape: readonly number[]): Tensor => {
      const sum = sumTo(gradient, shape, kind);
      if (sum !== gradient && gradient !== upstream) discard(gradient);
      return sum;
    };
    const ofA = (): Tensor => {
      if (kind === 'mul' && right !== null) return by('mul', upstream, right());
      if (kind === 'div' && right !== null) return by('div', upstream, right());
      return upstream;
    };
    const ofB = (): Tensor => {
      if (kind === 'mul' && left !== null) return by('mul', upstream, left());
      if (kind === 'sub') return by('sub', ZERO, upstream);
      if (right === null || quotient === null) return upstream;
      // -(upstream * (a / b)) / b
      const product = by('mul', upstream, quotient());
      const share = by('div', product, right());
      discard(product);
      const negative = by('sub', ZERO, share);
      discard(share);
      return negative;
    };
    return [needs[0] ? gathered(ofA(), aShape) : null, needs[1] ? gathered(ofB(), bShape) : null];
  });
}

const ZERO = Tensor.zeros([]);

/**
 * a + b, element by element. Where shapes differ they are lined up at their last dimensions, and along a dimension of size
 * 1 the tensor repeats (PyTorch's broadcasting). One of them may be a number, rounded to float32.
 *
 * @throws ShapeError where sizes differ and neither is 1.
 * @example
 * ops.add(Tensor.from([[1, 2], [3, 4]]), Tensor.from([10, 20])).toArray(); // [[11, 22], [13, 24]]
 * ops.add(Tensor.from([1, 2]), 0.5).toArray(); // [1.5, 2.5]
 */
export const add = (a: Operand, b: Operand): Tensor => arithmetic('add', a, b);

/** a - b, element by element; shapes meet as by {@link add}. @throws ShapeError where they cannot. */
export const sub = (a: Operand, b: Operand): Tensor => arithmetic('sub', a, b);

/**
 * a * b, element by element; shapes meet as by {@link add}.
 *
 * @throws ShapeError where they cannot.
 * @example
 * // One number for each channel
 * ops.mul(Tensor.ones([1, 2, 1, 2]), Tensor.from([[[3]], [[5]]])).toArray(); // [[[[3, 3]], [[5, 5]]]]
 */
export const mul = (a: Operand, b: Operand): Tensor => arithmetic('mul', a, b);

/** a / b, element by element, exactly rounded; shapes meet as by {@link add}. @throws ShapeError where they cannot. */
export const div = (a: Operand, b: Operand): Tensor => arithmetic('div', a, b);
