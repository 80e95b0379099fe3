// Which elementwise functions there are, and how options name them.

import type { Activation, ActivationKind } from '../../binding.js';
import { show, wrongType, wrongValue } from '../errors.js';
import { knownOptions, oneOf } from './options.js';

/** The functions a layer can apply to its result before storing it. */
export type ActivationName = ActivationKind;

export const ACTIVATIONS: readonly ActivationKind[] = [
  'none',
  'relu',
  'relu6',
  'leakyRelu',
  'sigmoid',
  'tanh',
  'silu',
  'gelu',
  'hardswish',
  'elu',
  'hardsigmoid',
  'softplus',
];

export const NO_ACTIVATION: Activation = Object.freeze({ kind: 'none', negativeSlope: 0 });
/** PyTorch's default slope. */
const SLOPE = 0.01;

/** What `activation` and `negativeSlope` mean together. The slope is rounded to float32, as the engine reads it. */
export function parseActivation(kind: unknown, negativeSlope: unknown, operation: string): Activation {
  if (kind === undefined || kind === null) {
    if (negativeSlope !== undefined) {
      throw wrongValue(
        operation,
        'negativeSlope is read with an activation only',
        "add activation: 'leakyRelu'",
      );
    }
    return NO_ACTIVATION;
  }
  const name = oneOf(kind, ACTIVATIONS, 'activation', operation);
  if (name !== 'leakyRelu') {
    if (negativeSlope !== undefined) {
      throw wrongValue(
        operation,
        `negativeSlope is read with 'leakyRelu' only, but activation is ${show(name)}`,
      );
    }
    return plainActivation(name);
  }
  return { kind: name, negativeSlope: parseSlope(negativeSlope, operation) };
}

/** A finite slope, PyTorch's 0.01 where none is given. */
export function parseSlope(value: unknown, operation: string): number {
  return finite(value === undefined ? SLOPE : value, 'negativeSlope', operation);
}

/** An activation with PyTorch's defaults for whatever numbers it takes. */
export function plainActivation(kind: ActivationKind): Activation {
  switch (kind) {
    case 'none':
      return NO_ACTIVATION;
    case 'leakyRelu':
      return { kind, negativeSlope: parseSlope(undefined, kind) };
    case 'elu':
      return parseElu(undefined, kind);
    case 'softplus':
      return parseSoftplus(undefined, kind);
    default:
      return { kind, negativeSlope: 0 };
  }
}

/** ELU with PyTorch's alpha of 1 where none is given. */
export function parseElu(options: { alpha?: number } | null | undefined, operation: string): Activation {
  const { alpha = 1 } = knownOptions(options, ['alpha'], operation);
  return { kind: 'elu', negativeSlope: 0, alpha: finite(alpha, 'alpha', operation) };
}

/** Softplus with PyTorch's beta of 1 and threshold of 20 where none are given. */
export function parseSoftplus(
  options: { beta?: number; threshold?: number } | null | undefined,
  operation: string,
): Activation {
  const { beta = 1, threshold = 20 } = knownOptions(options, ['beta', 'threshold'], operation);
  const sharpness = finite(beta, 'beta', operation);
  if (!(sharpness > 0)) throw wrongValue(operation, `beta must be positive, but got beta=${show(beta)}`);
  return {
    kind: 'softplus',
    negativeSlope: 0,
    beta: sharpness,
    threshold: finite(threshold, 'threshold', operation),
  };
}

/** A number as the engine reads it. */
function finite(value: unknown, name: string, operation: string): number {
  if (typeof value !== 'number') throw wrongType(operation, `${name} must be a number, not ${show(value)}`);
  const float = Math.fround(value);
  if (Number.isFinite(float)) return float;
  throw wrongValue(operation, `${name} must be finite, but got ${name}=${show(value)}`);
}

/** Whether two activations are the same function. */
export const sameActivation = (a: Activation, b: Activation): boolean =>
  a === b ||
  (a.kind === b.kind &&
    Object.is(a.negativeSlope, b.negativeSlope) &&
    Object.is(a.alpha, b.alpha) &&
    Object.is(a.beta, b.beta) &&
    Object.is(a.threshold, b.threshold));
