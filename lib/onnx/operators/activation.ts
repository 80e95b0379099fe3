// Functions of one element: the engine's own where it has them, else made of those and arithmetic.

import type { Activation } from '../../../binding.js';
import { prepareActivation } from '../../ops/activate.js';
import { parseElu, parseSlope, plainActivation } from '../../ops/activation.js';
import { add, div, mul, sub } from '../../ops/arithmetic.js';
import { parseClamp, prepareClamp } from '../../ops/clamp.js';
import { runNow } from '../../ops/run.js';
import { Tensor } from '../../tensor/tensor.js';
import { Host } from '../host.js';
import { type Builder, type Built, layer, type Node, tensorAt } from '../node.js';
import { clippedNumbers, elementwise } from './beside.js';
import { sign } from './compare.js';

export const apply = (x: Tensor, activation: Activation): Tensor =>
  runNow(prepareActivation(x, activation, 'now', activation.kind));

const engine = (activation: Activation): Built =>
  layer((inputs, mode) => prepareActivation(tensorAt(inputs, 0), activation, mode, activation.kind));

/** An activation without options. */
export const plain =
  (kind: Activation['kind']): Builder =>
  () =>
    engine(plainActivation(kind));

export const leakyRelu: Builder = (node) => {
  const slope = node.float('alpha', 0.01);
  node.described = `alpha=${slope}`;
  return engine({ kind: 'leakyRelu', negativeSlope: parseSlope(slope, 'leakyRelu') });
};

export const elu: Builder = (node) => engine(parseElu({ alpha: node.float('alpha', 1) }, 'elu'));

/** gamma * elu(x, alpha). */
export const selu: Builder = (node) => {
  const inner = parseElu({ alpha: node.float('alpha', 1.6732632423543772) }, 'elu');
  const gamma = Tensor.full([], node.float('gamma', 1.0507009873554805));
  return layer((inputs) => mul(apply(tensorAt(inputs, 0), inner), gamma));
};

const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-6 * Math.abs(b);

/** Whether min(max(alpha * x + beta, 0), 1) is the engine's hardsigmoid. */
export const isHardSigmoid = (alpha: number, beta: number): boolean => near(alpha, 1 / 6) && beta === 0.5;

export const hardSigmoid: Builder = (node) => {
  const [alpha, beta] = [node.float('alpha', 0.2), node.float('beta', 0.5)];
  if (isHardSigmoid(alpha, beta)) return engine(plainActivation('hardsigmoid'));
  const [factor, shift] = [Tensor.full([], alpha), Tensor.full([], beta)];
  const bounds = { low: 0, high: 1 };
  return layer((inputs, mode) =>
    prepareClamp(add(mul(tensorAt(inputs, 0), factor), shift), bounds, mode, 'hardSigmoid'),
  );
};

const SQRT_2_OVER_PI = 0.7978845608028654;

export const gelu: Builder = (node) => {
  if (node.word('approximate', 'none', ['none', 'tanh']) === 'none') return engine(plainActivation('gelu'));
  const number = (value: number) => Tensor.full([], value);
  const [half, one, cubic, factor] = [0.5, 1, 0.044715, SQRT_2_OVER_PI].map(number);
  const tanh = plainActivation('tanh');
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    const bent = mul(add(mul(mul(mul(x, x), x), cubic), x), factor);
    return mul(mul(x, half), add(apply(bent, tanh), one));
  });
};

/** x * tanh(softplus(x)). */
export const mish: Builder = () => {
  const [softplus, tanh] = [plainActivation('softplus'), plainActivation('tanh')];
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    return mul(x, apply(apply(x, softplus), tanh));
  });
};

/** x * sigmoid(alpha * x). */
export const swish: Builder = (node) => {
  if (node.float('alpha', 1) !== 1) node.fail(`has alpha=${node.float('alpha', 1)}; convkit does alpha=1`);
  return engine(plainActivation('silu'));
};

const positive = plainActivation('relu');

/** max(x, 0) + slope * min(x, 0); before opset 7 a slope is one number for each channel. */
export const prelu: Builder = (node) => {
  const slope = node.weight(1, 'slope', (host) => {
    if (node.opset >= 7 || host.values.length === 1) return host;
    return new Host('float', [host.values.length], host.values);
  });
  node.described = `[${slope.shape.join(', ')}]`;
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    const byChannel = node.opset < 7 && slope.shape[0] !== 1;
    const factor = byChannel
      ? slope.reshape([slope.shape[0], ...new Array<number>(Math.max(0, x.shape.length - 2)).fill(1)])
      : slope;
    const above = apply(x, positive);
    return add(above, mul(sub(x, above), factor));
  });
};

/** |x|, as the relus of x and of -x. */
export const magnitude = (x: Tensor): Tensor => add(apply(x, positive), apply(sub(0, x), positive));

export const abs: Builder = () => layer((inputs) => magnitude(tensorAt(inputs, 0)));

export const negative: Builder = () => layer((inputs) => sub(0, tensorAt(inputs, 0)));

/** alpha * elu(x / alpha). */
export const celu: Builder = (node) => {
  const alpha = node.float('alpha', 1);
  const inner = parseElu({ alpha: 1 }, 'elu');
  if (alpha === 1) return engine(inner);
  if (!(alpha > 0 && alpha < Infinity)) node.fail(`has alpha=${alpha}`);
  node.described = `alpha=${alpha}`;
  return layer((inputs) => mul(apply(div(tensorAt(inputs, 0), alpha), inner), alpha));
};

/** log(sigmoid(x)), which files have as two nodes: -softplus(-x). */
export const logSigmoid: Builder = () => {
  const softplus = plainActivation('softplus');
  return layer((inputs) => sub(0, apply(sub(0, tensorAt(inputs, 0)), softplus)));
};

/** x beyond alpha, else 0. */
export const thresholdedRelu: Builder = (node) => {
  const alpha = node.float('alpha', 1);
  node.described = `alpha=${alpha}`;
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    return mul(x, apply(sign(sub(x, alpha)), positive));
  });
};

/** x - bias beyond lambd, x + bias below -lambd, else 0. */
export const shrink: Builder = (node) => {
  const [lambda, bias] = [node.float('lambd', 0.5), node.float('bias', 0)];
  node.described = `lambd=${lambda}, bias=${bias}`;
  return layer((inputs) => {
    const x = tensorAt(inputs, 0);
    const [over, under] = [sub(x, lambda), sub(-lambda, x)].map((far) => apply(sign(far), positive));
    return add(mul(sub(x, bias), over), mul(add(x, bias), under));
  });
};

/** The engine's relu and relu6 where the bounds are theirs. */
export function clipped(node: Node, min: number | undefined, max: number | undefined): Built {
  const [low, high] = [min ?? -Infinity, max ?? Infinity];
  node.described = [`${min === undefined ? '' : `min=${low}`}`, `${max === undefined ? '' : `max=${high}`}`]
    .filter((part) => part !== '')
    .join(', ');
  if (low === 0 && high === 6) return engine(plainActivation('relu6'));
  if (low === 0 && high > 3.4e38) return engine(plainActivation('relu'));
  const bounds = parseClamp({ min: low, max: high }, 'clamp');
  return layer((inputs, mode) => prepareClamp(tensorAt(inputs, 0), bounds, mode, 'clamp'));
}

/** Bounds are attributes before opset 11, and inputs from then on. */
export const clip: Builder = (node) => {
  const bound = (name: string, index: number) =>
    node.has(name) ? node.float(name, 0) : node.number(index, name);
  const fits = [0, 1, 2].every((index) => !node.present(index) || node.beside(index));
  return fits ? clippedNumbers(node) : clipped(node, bound('min', 1), bound('max', 2));
};

/** Of shapes: padding that is never less than nothing. */
export const relu: Builder = (node) =>
  node.beside(0) ? elementwise(node, (value) => Math.max(0, value), null) : plain('relu')(node);
