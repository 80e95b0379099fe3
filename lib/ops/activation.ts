// Which elementwise functions there are, and how options name them.

import type { Activation, ActivationKind } from '../../binding.js';
import { show, wrongType, wrongValue } from '../errors.js';
import { oneOf } from './options.js';

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
];

const NONE: Activation = Object.freeze({ kind: 'none', negativeSlope: 0 });
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
    return NONE;
  }
  const name = oneOf(kind, ACTIVATIONS, 'activation', operation);
  if (name !== 'leakyRelu') {
    if (negativeSlope !== undefined) {
      throw wrongValue(
        operation,
        `negativeSlope is read with 'leakyRelu' only, but activation is ${show(name)}`,
      );
    }
    return name === 'none' ? NONE : { kind: name, negativeSlope: 0 };
  }
  return { kind: name, negativeSlope: parseSlope(negativeSlope, operation) };
}

/** A finite slope, PyTorch's 0.01 where none is given. */
export function parseSlope(value: unknown, operation: string): number {
  if (value === undefined) return Math.fround(SLOPE);
  if (typeof value !== 'number') {
    throw wrongType(operation, `negativeSlope must be a number, not ${show(value)}`);
  }
  const slope = Math.fround(value);
  if (!Number.isFinite(slope)) {
    throw wrongValue(operation, `negativeSlope must be finite, but got negativeSlope=${show(value)}`);
  }
  return slope;
}
