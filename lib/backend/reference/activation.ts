// Activations of the contract as functions of one number.
import type { Activation, ActivationKind } from '../../../binding.js';
import { show, wrongType } from '../../errors.js';
import { gelu, hardswish, leakyRelu, relu, relu6, sigmoid, silu, tanh } from '../../numerics/elementary.js';
import { oneOf } from './checks.js';

type Scalar = (x: number) => number;

const makers: Readonly<Record<ActivationKind, (negativeSlope: number) => Scalar | null>> = {
  none: () => null,
  relu: () => relu,
  relu6: () => relu6,
  leakyRelu: (negativeSlope) => {
    const slope = Math.fround(negativeSlope);
    return (x) => leakyRelu(x, slope);
  },
  sigmoid: () => sigmoid,
  tanh: () => tanh,
  silu: () => silu,
  gelu: () => gelu,
  hardswish: () => hardswish,
};

const KINDS = Object.keys(makers) as ActivationKind[];

/** float32 to float32; null for 'none'. */
export function activationOf(operation: string, activation: Activation): Scalar | null {
  if (typeof activation !== 'object' || activation === null)
    throw wrongType(operation, `activation must be an object, got ${show(activation)}`);
  const kind = oneOf(operation, 'activation', activation.kind, KINDS);
  if (typeof activation.negativeSlope !== 'number')
    throw wrongType(operation, `negativeSlope must be a number, got ${show(activation.negativeSlope)}`);
  return makers[kind](activation.negativeSlope);
}
