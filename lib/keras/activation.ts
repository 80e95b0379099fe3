// Keras's names of activations, and what the engine calls them.

import { ACTIVATIONS, type ActivationName } from '../ops/activation.js';
import { oneOf } from '../ops/options.js';

/** `'linear'` is none, `'swish'` another name of `'silu'`; `'leakyRelu'` has Keras's slope, 0.2. */
export type KerasActivation = Exclude<ActivationName, 'none'> | 'linear' | 'swish';

/** Those, and the one that is no function of single elements. */
export type KerasOutputActivation = KerasActivation | 'softmax';

const NAMES: readonly KerasActivation[] = [
  'linear',
  'swish',
  ...ACTIVATIONS.filter((name) => name !== 'none'),
];

/** Keras 3's; PyTorch's is 0.01. */
const KERAS_SLOPE = 0.2;

/** The options of an operation of convkit that mean a Keras activation. */
export function engineActivation(value: unknown, operation: string) {
  const name = oneOf(value ?? 'linear', NAMES, 'activation', operation);
  if (name === 'linear') return { activation: 'none' } as const;
  if (name === 'swish') return { activation: 'silu' } as const;
  return name === 'leakyRelu'
    ? ({ activation: name, negativeSlope: KERAS_SLOPE } as const)
    : ({ activation: name } as const);
}
