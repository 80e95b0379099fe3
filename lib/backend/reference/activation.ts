// Activations of the contract, and their derivatives, as functions of numbers.
import type { Activation, ActivationKind } from '../../../binding.js';
import { show, wrongType } from '../../errors.js';
import {
  eluGradient,
  geluGradient,
  hardsigmoidGradient,
  hardswishGradient,
  leakyReluGradient,
  relu6Gradient,
  reluGradient,
  sigmoidGradient,
  siluGradient,
  softplusGradient,
  tanhGradient,
} from '../../numerics/derivatives.js';
import {
  elu,
  gelu,
  hardsigmoid,
  hardswish,
  leakyRelu,
  relu,
  relu6,
  sigmoid,
  silu,
  softplus,
  tanh,
} from '../../numerics/elementary.js';
import { oneOf } from './checks.js';

type Scalar = (x: number) => number;
type ScalarGradient = (value: number, upstream: number) => number;

interface Maker {
  /** Which numbers of the struct the functions take. */
  readonly parameters: readonly ('negativeSlope' | 'alpha' | 'beta' | 'threshold')[];
  readonly apply: (x: number, a: number, b: number) => number;
  readonly derive: (value: number, upstream: number, a: number, b: number) => number;
}

const plain = (apply: Scalar, derive: ScalarGradient): Maker => ({ parameters: [], apply, derive });

const makers: Readonly<Record<ActivationKind, Maker>> = {
  none: plain(
    (x) => x,
    (_, upstream) => upstream,
  ),
  relu: plain(relu, reluGradient),
  relu6: plain(relu6, relu6Gradient),
  leakyRelu: { parameters: ['negativeSlope'], apply: leakyRelu, derive: leakyReluGradient },
  sigmoid: plain(sigmoid, sigmoidGradient),
  tanh: plain(tanh, tanhGradient),
  silu: plain(silu, siluGradient),
  gelu: plain(gelu, geluGradient),
  hardswish: plain(hardswish, hardswishGradient),
  elu: { parameters: ['alpha'], apply: elu, derive: eluGradient },
  hardsigmoid: plain(hardsigmoid, hardsigmoidGradient),
  softplus: { parameters: ['beta', 'threshold'], apply: softplus, derive: softplusGradient },
};

const KINDS = Object.keys(makers) as ActivationKind[];

function makerOf(operation: string, activation: Activation): { maker: Maker; a: number; b: number } {
  if (typeof activation !== 'object' || activation === null)
    throw wrongType(operation, `activation must be an object, got ${show(activation)}`);
  const maker = makers[oneOf(operation, 'activation', activation.kind, KINDS)];
  for (const name of ['negativeSlope', ...maker.parameters] as const) {
    if (typeof activation[name] !== 'number')
      throw wrongType(operation, `${name} must be a number, got ${show(activation[name])}`);
  }
  const [a = 0, b = 0] = maker.parameters.map((name) => Math.fround(activation[name] ?? 0));
  return { maker, a, b };
}

/** float32 to float32; null for 'none'. */
export function activationOf(operation: string, activation: Activation): Scalar | null {
  const { maker, a, b } = makerOf(operation, activation);
  if (activation.kind === 'none') return null;
  return maker.parameters.length === 0 ? (maker.apply as Scalar) : (x) => maker.apply(x, a, b);
}

/** What an element of the result (relu, relu6, sigmoid, tanh) or of the argument (the others) passes down. */
export function activationGradientOf(operation: string, activation: Activation): ScalarGradient {
  const { maker, a, b } = makerOf(operation, activation);
  return (value, upstream) => maker.derive(value, upstream, a, b);
}
