// Comparisons of computed tensors, and choices by them: truth is a float tensor of zeros and ones, made of differences and
// clamps, so that every step is one of the engine's. Exact for finite elements; what is not finite compares as NaN.

import { add, mul, sub } from '../../ops/arithmetic.js';
import { clamp } from '../../ops/clamp.js';
import type { Tensor } from '../../tensor/tensor.js';
import { type Builder, layer, type Node, tensorAt } from '../node.js';
import { allBeside, beside, elementwise } from './beside.js';

/** Twice this often, and the smallest subnormal is beyond 1. */
const LARGE = 2 ** 127;

/** -1, 0 and 1 by sign: clamped, so that no product overflows. No gradient flows. */
export function sign(x: Tensor): Tensor {
  const most = { min: -1, max: 1 };
  return clamp(mul(clamp(mul(clamp(x.detach(), most), LARGE), most), LARGE), most);
}

/** 1 where a > b, else 0: differences of floats are zero for equal ones alone. */
const above = (a: Tensor, b: Tensor): Tensor => clamp(sign(sub(a, b)), { min: 0 });

const not = (x: Tensor): Tensor => sub(1, x);

/** 1 where x is not zero. */
export const truth = (x: Tensor): Tensor => {
  const signs = sign(x);
  return mul(signs, signs);
};

/** a where the condition is 1, b where it is 0. */
export const choose = (condition: Tensor, a: Tensor, b: Tensor): Tensor =>
  add(mul(condition, a), mul(not(condition), b));

export const larger = (a: Tensor, b: Tensor): Tensor => choose(above(a, b), a, b);
export const smaller = (a: Tensor, b: Tensor): Tensor => choose(above(b, a), a, b);

/** What is done to tensors, or beside them where all inputs are numbers. */
const either =
  (operator: string, count: number, combine: (...values: Tensor[]) => Tensor): Builder =>
  (node) => {
    if (allBeside(node)) return beside[operator](node);
    // Constant truth stays as it is: zeros and ones beside the tensors
    node.tensors(
      [0, 1, 2].filter((index) => node.constant(index)?.type === 'float'),
      'value',
    );
    node.needs(count);
    if (node.slots.length !== count) node.fail(`has ${node.slots.length} inputs, where ${count} belong`);
    finite(node);
    return layer((inputs) => combine(...inputs.map((_, index) => tensorAt(inputs, index))));
  };

/** That constants among the inputs are finite: no tensor is chosen by multiplying it with infinities. */
function finite(node: Node): void {
  for (const index of node.slots.keys()) {
    const host = node.constant(index);
    if (host?.values.some((value) => !Number.isFinite(value))) {
      node.fail('compares a computed tensor with, or chooses, a constant that is not finite');
    }
  }
}

export const compared: Readonly<Record<string, Builder>> = {
  And: either('And', 2, (a, b) => mul(a, b)),
  Equal: either('Equal', 2, (a, b) => not(truth(sub(a, b)))),
  Greater: either('Greater', 2, above),
  GreaterOrEqual: either('GreaterOrEqual', 2, (a, b) => not(above(b, a))),
  Less: either('Less', 2, (a, b) => above(b, a)),
  LessOrEqual: either('LessOrEqual', 2, (a, b) => not(above(a, b))),
  Not: either('Not', 1, not),
  Or: either('Or', 2, (a, b) => clamp(add(a, b), { max: 1 })),
  Where: either('Where', 3, choose),
  Xor: either('Xor', 2, (a, b) => truth(sub(a, b))),
  Sign: (node) =>
    node.beside(0) ? elementwise(node, Math.sign, null) : layer((inputs) => sign(tensorAt(inputs, 0))),
};
