// Operations that treat elements one by one, or two by two: activations, sums, products, the modulus.
// Layout cannot matter to them, so results lie as their inputs do.

import type { Activation } from '../../binding.js';
import { active } from '../backend/index.js';
import { wrongShape } from '../errors.js';
import { allocateOutput, sameShape, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { parseSlope } from './activation.js';
import { asTheyLie, channelsLast, checkTensor, inLayout, layoutOf, type Mode } from './inputs.js';
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
  if (y.length === 0) return finished(output);
  return {
    output,
    run: () => binding.activate(activation, input, y),
    submit: () => binding.submit('activate', activation, input, y),
  };
}

const plain = (kind: Activation['kind']) => {
  const activation: Activation = Object.freeze({ kind, negativeSlope: 0 });
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

/** Everything but the computing of the modulus. */
export function prepareModulus(x: Tensor, mode: Mode): Prepared {
  const operation = 'modulus';
  checkTensor(x, 'x', operation);
  const rank = x.shape.length;
  const channelAxis = rank - 3;
  if ((rank !== 3 && rank !== 4) || x.shape[channelAxis] % 2 !== 0) {
    throw wrongShape(
      operation,
      `x must be [N, 2C, H, W] or [2C, H, W], channels 2c and 2c + 1 being real and imaginary parts, but got input of size: ${showShape(x.shape)}`,
    );
  }
  const shape = x.shape.with(channelAxis, x.shape[channelAxis] / 2);
  if (tracing()) return traced({ kind: 'pointwise', operation, inputs: [x] }, shape, channelAxis);
  const binding = active();
  const input = channelsLast(x, channelAxis, mode, operation);
  const y = allocateOutput(shape, operation);
  const output = wrap(y, channelAxis, shape);
  if (y.length === 0) return finished(output);
  return {
    output,
    run: () => binding.modulus(input, y),
    submit: () => binding.submit('modulus', input, y),
  };
}

/**
 * The absolute value of complex channels: x [N, 2C, H, W] or [2C, H, W], whose channels 2c and 2c + 1 are real and
 * imaginary parts, gives [N, C, H, W] of sqrt(re^2 + im^2).
 *
 * @throws ShapeError where the number of channels is odd.
 * @example
 * ops.modulus(new Tensor(new Float32Array([3, 4]), [1, 2, 1, 1])).item(); // 5
 */
export const modulus = (x: Tensor): Tensor => runNow(prepareModulus(x, 'now'));
