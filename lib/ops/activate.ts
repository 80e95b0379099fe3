// Activations: functions of one element, and their gradients. Layout cannot matter to them, so results lie as inputs do.

import type { Activation } from '../../binding.js';
import { active } from '../backend/index.js';
import {
  gradientMemory,
  gradientTensor,
  overwritable,
  ownsMemory,
  record,
  recording,
  save,
} from '../tensor/autograd.js';
import { allocateOutput } from '../tensor/shape.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { parseElu, parseSlope, parseSoftplus, plainActivation } from './activation.js';
import { asTheyLie, checkTensor, inLayout, layoutOf, type Mode } from './inputs.js';
import { knownOptions } from './options.js';
import { finished, type Prepared, runNow } from './run.js';
import { traced, tracing } from './trace.js';

/** Everything but the computing of y = activation(x). */
export function prepareActivation(
  x: Tensor,
  activation: Activation,
  mode: Mode,
  operation: string,
): Prepared {
  checkTensor(x, 'x', operation);
  if (tracing()) return traced({ kind: 'pointwise', operation, inputs: [x] }, x.shape, layoutOf(x));
  const binding = active();
  const input = asTheyLie(x, mode, operation);
  const y = allocateOutput(x.shape, operation);
  const output = wrap(y, layoutOf(x), x.shape);
  if (recording([x])) {
    const values = save(derivesFromResult(activation) ? output : x);
    record(output, operation, [x], (upstream) => [activationGradient(activation, values(), upstream)]);
    ownsMemory(output);
  }
  if (y.length === 0) return finished(output);
  return {
    output,
    run: () => binding.activate(activation, input, y),
    submit: () => binding.submit('activate', activation, input, y),
  };
}

/**
 * Whether an activation's gradient reads what it gave, rather than what it was given: then a convolution may apply it on the
 * way to memory and need not keep what came before.
 */
export function derivesFromResult({ kind, negativeSlope }: Activation): boolean {
  switch (kind) {
    case 'relu':
    case 'relu6':
    case 'sigmoid':
    case 'tanh':
      return true;
    case 'leakyRelu':
      return negativeSlope >= 0; // the sign of the result is that of the argument
    default:
      return false;
  }
}

/** What comes from above times the derivative; `values` are results or arguments, see {@link derivesFromResult}. */
export function activationGradient(activation: Activation, values: Tensor, upstream: Tensor): Tensor {
  const layout = layoutOf(values);
  if (overwritable(upstream) && layoutOf(upstream) === layout) {
    const own = asTheyLie(upstream, 'now', activation.kind);
    if (own.length > 0) {
      active().activateGradient(activation, asTheyLie(values, 'now', activation.kind), own, own);
    }
    return upstream;
  }
  const gradient = gradientMemory(values.shape);
  if (gradient.length > 0) {
    const from = asTheyLie(values, 'now', activation.kind);
    const above = inLayout(upstream, layout, 'now', activation.kind);
    active().activateGradient(activation, from, above, gradient);
  }
  return gradientTensor(gradient, layout, values.shape);
}

const plain = (kind: Activation['kind']) => {
  const activation = plainActivation(kind);
  return (x: Tensor): Tensor => runNow(prepareActivation(x, activation, 'now', kind));
};

/** max(x, 0), element by element; NaN stays NaN. */
export const relu = plain('relu');

/** min(max(x, 0), 6), element by element. */
export const relu6 = plain('relu6');

/** 1 / (1 + exp(-x)), element by element. */
export const sigmoid = plain('sigmoid');

/** The hyperbolic tangent, element by element. */
export const tanh = plain('tanh');

/** x * sigmoid(x), element by element (Elfwing, Uchibe, Doya 2017; "swish"). */
export const silu = plain('silu');

/** x * (1 + erf(x / sqrt(2))) / 2, element by element: the exact form (Hendrycks, Gimpel 2016). */
export const gelu = plain('gelu');

/** x * min(max(x + 3, 0), 6) / 6, element by element (MobileNetV3). */
export const hardswish = plain('hardswish');

export interface LeakyReluOptions {
  /** The slope left of zero; 0.01. */
  negativeSlope?: number;
}

/**
 * x where it is positive, negativeSlope * x elsewhere.
 *
 * @example
 * ops.leakyRelu(Tensor.from([-4, 2]), { negativeSlope: 0.25 }).toArray(); // [-1, 2]
 */
export function leakyRelu(x: Tensor, options?: LeakyReluOptions): Tensor {
  const { negativeSlope } = knownOptions(options, ['negativeSlope'], 'leakyRelu');
  const activation: Activation = { kind: 'leakyRelu', negativeSlope: parseSlope(negativeSlope, 'leakyRelu') };
  return runNow(prepareActivation(x, activation, 'now', 'leakyRelu'));
}

/** min(max(x + 3, 0), 6) / 6, element by element: a sigmoid of straight lines. */
export const hardsigmoid = plain('hardsigmoid');

export interface EluOptions {
  /** What it tends to on the left, without its sign; 1. */
  alpha?: number;
}

/**
 * x where it is positive, alpha * (exp(x) - 1) elsewhere (Clevert, Unterthiner, Hochreiter 2015).
 *
 * @example
 * ops.elu(Tensor.from([-100, 2]), { alpha: 0.5 }).toArray(); // [-0.5, 2]
 */
export const elu = (x: Tensor, options?: EluOptions): Tensor =>
  runNow(prepareActivation(x, parseElu(options, 'elu'), 'now', 'elu'));

export interface SoftplusOptions {
  /** How sharply it turns at 0; 1. */
  beta?: number;
  /** Where beta * x is above it the result is x; 20. */
  threshold?: number;
}

/**
 * log(1 + exp(beta * x)) / beta, a smooth relu; x itself where beta * x is above the threshold.
 *
 * @example
 * ops.softplus(Tensor.from([0, 30])).toArray(); // [0.6931471824645996, 30]
 */
export const softplus = (x: Tensor, options?: SoftplusOptions): Tensor =>
  runNow(prepareActivation(x, parseSoftplus(options, 'softplus'), 'now', 'softplus'));
