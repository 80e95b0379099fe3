// Sums, products and the like of two tensors, or of shapes.

import type { Arithmetic } from '../../../binding.js';
import { add, div, mul, sub } from '../../ops/arithmetic.js';
import type { Tensor } from '../../tensor/tensor.js';
import { type Builder, type Built, type Inputs, layer, type Node, tensorAt } from '../node.js';
import { clipped } from './activation.js';
import { allBeside, divided, elementwise } from './beside.js';
import { larger, smaller } from './compare.js';

const OF_TENSORS: Readonly<Record<Arithmetic, (a: Tensor, b: Tensor) => Tensor>> = { add, sub, mul, div };
const OF_NUMBERS: Readonly<Record<Arithmetic, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
};

/** Before opset 7 the second tensor repeats where an attribute says so, its first dimension at `axis`. */
function placed(b: Tensor, rank: number, axis: number): Tensor {
  const trailing = rank - axis - b.shape.length;
  return trailing > 0 ? b.reshape([...b.shape, ...new Array<number>(trailing).fill(1)]) : b;
}

export const arithmetic =
  (kind: Arithmetic): Builder =>
  (node) => {
    if (allBeside(node)) return kind === 'div' ? divided(node) : elementwise(node, OF_NUMBERS[kind], null);
    node.needs(2);
    node.tensors([0, 1], 'value');
    const combine = OF_TENSORS[kind];
    const axis = node.opset < 7 && node.has('axis') ? node.int('axis', 0) : null;
    return layer((inputs) => {
      const [a, b] = [tensorAt(inputs, 0), tensorAt(inputs, 1)];
      return combine(a, axis === null ? b : placed(b, a.shape.length, axis));
    });
  };

/** That all inputs are there, as tensors. */
function allTensors(node: Node): void {
  const indices = node.slots.map((_, index) => index);
  node.needs(indices.length);
  node.tensors(indices, 'value');
}

const addedUp = (inputs: Inputs): Tensor => inputs.map((_, index) => tensorAt(inputs, index)).reduce(add);

/** One after another. */
export const sum: Builder = (node) => {
  if (allBeside(node)) return elementwise(node, (...values) => values.reduce((a, b) => a + b), null);
  allTensors(node);
  return layer(addedUp);
};

/** Their sum, divided once by their number. */
export const mean: Builder = (node) => {
  const count = node.slots.length;
  if (allBeside(node)) return elementwise(node, (...values) => values.reduce((a, b) => a + b) / count, null);
  allTensors(node);
  return layer((inputs) => div(addedUp(inputs), count));
};

/** The larger, or smaller, of tensors and numbers, one after another; a bound where the other is a constant number. */
const bounded = (node: Node, least: boolean): Built => {
  if (allBeside(node)) {
    return elementwise(
      node,
      (...values) => values.reduce((a, b) => (least ? Math.max(a, b) : Math.min(a, b))),
      null,
    );
  }
  if (node.slots.length === 2 && node.constant(1)?.values.length === 1) {
    const bound = node.number(1, 'bound');
    return least ? clipped(node, bound, undefined) : clipped(node, undefined, bound);
  }
  allTensors(node);
  return layer((inputs) =>
    inputs.map((_, index) => tensorAt(inputs, index)).reduce(least ? larger : smaller),
  );
};

export const max: Builder = (node) => bounded(node, true);
export const min: Builder = (node) => bounded(node, false);
