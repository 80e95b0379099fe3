// Activations of the contract as functions of one number, with NaN and signed zeros spelled out.
import type { Activation, ActivationKind } from '../../../binding.js';
import { show, wrongType } from '../../errors.js';
import { oneOf } from './checks.js';

type Scalar = (x: number) => number;

// biome-ignore lint/complexity/useMathMinMax: Math.max(0, -0) is 0, this is -0
const relu: Scalar = (x) => (0 > x ? 0 : x);

const relu6: Scalar = (x) => {
  const positive = relu(x);
  // biome-ignore lint/complexity/useMathMinMax: one rule for both comparisons
  return positive > 6 ? 6 : positive;
};

const leakyRelu =
  (slope: number): Scalar =>
  (x) =>
    0 > x ? Math.fround(slope * x) : x;

const makers: Partial<Record<ActivationKind, (negativeSlope: number) => Scalar | null>> = {
  none: () => null,
  relu: () => relu,
  relu6: () => relu6,
  leakyRelu: (negativeSlope) => leakyRelu(Math.fround(negativeSlope)),
};

/** float32 to float32; null for 'none'. */
export function activationOf(operation: string, activation: Activation): Scalar | null {
  if (typeof activation !== 'object' || activation === null)
    throw wrongType(operation, `activation must be an object, got ${show(activation)}`);
  const kind = oneOf(operation, 'activation', activation.kind, Object.keys(makers) as ActivationKind[]);
  if (typeof activation.negativeSlope !== 'number')
    throw wrongType(operation, `negativeSlope must be a number, got ${show(activation.negativeSlope)}`);
  const make = makers[kind];
  return make === undefined ? null : make(activation.negativeSlope);
}
