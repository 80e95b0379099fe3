// Powers, roots and exponentials of computed tensors, made of what the engine has: x^p is the local response normalisation of
// one channel alone, x / (x^2)^beta, and e^x the quotient of two sigmoids.

import { plainActivation } from '../../ops/activation.js';
import { add, div, mul, sub } from '../../ops/arithmetic.js';
import { clamp } from '../../ops/clamp.js';
import { prepareLocalResponse } from '../../ops/local-response.js';
import { permute } from '../../ops/permute-tensor.js';
import { sum } from '../../ops/reduce.js';
import { runNow } from '../../ops/run.js';
import { slice } from '../../ops/slice.js';
import { prepareSoftmax } from '../../ops/softmax.js';
import { elementCount } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { type Builder, layer, type Node, tensorAt } from '../node.js';
import { apply, magnitude } from './activation.js';
import { allBeside, beside, elementwise } from './beside.js';
import { sign } from './compare.js';
import { reducedAxes } from './rows.js';

/** So small that squares of what is no rounding error are larger: roots of zero are zero. */
const LEAST = 2 ** -126;
/** More factors than this are no power that networks take. */
const MOST_FACTORS = 16;

/** x^exponent of x >= 0 for an exponent above 0 and below 1; of x up to 2^63, whose squares are finite. */
export function root(x: Tensor, exponent: number): Tensor {
  // Products of square roots are exact where a general power is not
  if (exponent === 0.25) return root(root(x, 0.5), 0.5);
  if (exponent === 0.75) return mul(root(x, 0.5), root(x, 0.25));
  const settings = { size: 1, alpha: 1, beta: (1 - exponent) / 2, k: LEAST };
  const { shape } = x;
  const channels =
    shape.length >= 3 ? x : x.reshape(shape.length === 2 ? [...shape, 1] : [1, ...shape, 1, 1].slice(0, 3));
  return runNow(prepareLocalResponse(channels, settings, 'now', 'pow')).reshape(shape);
}

/** `made` where x is no less than zero, else NaN: 0 / 0. */
function ofPositive(x: Tensor, made: Tensor): Tensor {
  const kept = add(1, clamp(sign(x), { max: 0 }));
  return div(mul(made, kept), kept);
}

/** The product of a whole number of factors. */
export function product(x: Tensor, count: number): Tensor {
  let y = x;
  for (let i = 1; i < count; i++) y = mul(y, x);
  return y;
}

function powered(x: Tensor, exponent: number): Tensor {
  if (exponent < 0) return div(1, powered(x, -exponent));
  const whole = Math.floor(exponent);
  if (whole === exponent) return product(x, whole);
  const part = ofPositive(x, root(x, exponent - whole));
  return whole === 0 ? part : mul(product(x, whole), part);
}

/** By a constant exponent; fractional ones of positive numbers. */
export const pow: Builder = (node) => {
  if (allBeside(node)) return elementwise(node, hostPower, null);
  const exponent = node.number(1, 'exponent') ?? 0;
  if (!(exponent !== 0 && Math.abs(exponent) <= MOST_FACTORS)) {
    node.fail(`has exponent ${exponent}; convkit does those from -${MOST_FACTORS} to ${MOST_FACTORS} but 0`);
  }
  node.described = `${exponent}`;
  return layer((inputs) => powered(tensorAt(inputs, 0), exponent));
};

/** Whole powers by products, roots by square roots; the rest is no business of shapes. */
function hostPower(base: number, exponent: number): number {
  if (exponent === 0.5) return Math.sqrt(base);
  if (!Number.isInteger(exponent) || Math.abs(exponent) > 64) return Number.NaN;
  let made = 1;
  for (let i = 0; i < Math.abs(exponent); i++) made *= base;
  return exponent < 0 ? 1 / made : made;
}

const sqrt: Builder = (node) =>
  allBeside(node)
    ? beside.Sqrt(node)
    : layer((inputs) => {
        const x = tensorAt(inputs, 0);
        return ofPositive(x, root(x, 0.5));
      });

const reciprocal: Builder = (node) =>
  allBeside(node)
    ? elementwise(node, (value) => 1 / value, 'float')
    : layer((inputs) => div(1, tensorAt(inputs, 0)));

const exp: Builder = () => {
  const sigmoid = plainActivation('sigmoid');
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    return div(apply(x, sigmoid), apply(sub(0, x), sigmoid));
  });
};

/** Some dimensions of x together, made by `combine` from x and these. */
const reducing =
  (combine: (x: Tensor, dim: number[], keepDim: boolean) => Tensor): Builder =>
  (node: Node) => {
    const axesFor = reducedAxes(node);
    const keepDim = node.int('keepdims', 1) !== 0;
    return layer((inputs) => {
      const x = tensorAt(inputs, 0);
      return combine(x, axesFor(x, inputs), keepDim);
    });
  };

const total = (x: Tensor, dim: number[], keepDim: boolean): Tensor =>
  dim.length === 0 ? x : sum(x, { dim, keepDim });

/** log(sum(e^x)): x without its logarithmic softmax, at any place. */
function logSumExp(x: Tensor, axes: readonly number[], keepDim: boolean): Tensor {
  if (axes.length === 0) return x;
  const rest = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const rows = permute(x, { dims: [...rest, ...axes] }).reshape([
    elementCount(rest.map((axis) => x.shape[axis])),
    -1,
  ]);
  const first = { dim: 1, start: 0, end: 1 };
  const made = sub(slice(rows, first), slice(runNow(prepareSoftmax(rows, 'logSoftmax', 1, 'now')), first));
  const shape = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  return made.reshape(keepDim ? shape : rest.map((axis) => x.shape[axis]));
}

/** By their names. */
export const powers: Readonly<Record<string, Builder>> = {
  Exp: exp,
  Pow: pow,
  Reciprocal: reciprocal,
  ReduceL1: reducing((x, dim, keepDim) => total(magnitude(x), dim, keepDim)),
  ReduceL2: reducing((x, dim, keepDim) => root(total(mul(x, x), dim, keepDim), 0.5)),
  ReduceLogSumExp: reducing(logSumExp),
  ReduceSumSquare: reducing((x, dim, keepDim) => total(mul(x, x), dim, keepDim)),
  Softsign: () =>
    layer((inputs) => {
      const x = tensorAt(inputs, 0);
      return div(x, add(magnitude(x), 1));
    }),
  Sqrt: sqrt,
};
