// Activation layers: one class per function, nothing to learn.

import type { Activation } from '../../binding.js';
import { parseSlope } from '../ops/activation.js';
import type { Mode } from '../ops/inputs.js';
import { knownOptions } from '../ops/options.js';
import { type LeakyReluOptions, prepareActivation } from '../ops/pointwise.js';
import type { Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { Layer } from './layer.js';

class ActivationLayer extends Layer {
  readonly #activation: Activation;

  constructor(kind: Activation['kind'], negativeSlope = 0) {
    super();
    this.#activation = Object.freeze({ kind, negativeSlope });
  }

  protected get operation(): string {
    return this.#activation.kind;
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    return prepareActivation(x, this.#activation, mode, this.operation);
  }
}

/** max(x, 0). */
export class ReLU extends ActivationLayer {
  constructor() {
    super('relu');
  }
}

/** min(max(x, 0), 6). */
export class ReLU6 extends ActivationLayer {
  constructor() {
    super('relu6');
  }
}

/**
 * x where it is positive, negativeSlope * x elsewhere.
 *
 * @example
 * String(new nn.LeakyReLU({ negativeSlope: 0.1 })); // 'LeakyReLU(negativeSlope=0.1)'
 */
export class LeakyReLU extends ActivationLayer {
  /** The slope left of zero. */
  readonly negativeSlope: number;

  constructor(options?: LeakyReluOptions) {
    const { negativeSlope = 0.01 } = knownOptions(options, ['negativeSlope'], 'LeakyReLU');
    super('leakyRelu', parseSlope(negativeSlope, 'LeakyReLU'));
    this.negativeSlope = negativeSlope;
  }

  protected override extraRepr(): string {
    return `negativeSlope=${this.negativeSlope}`;
  }
}

/** 1 / (1 + exp(-x)). */
export class Sigmoid extends ActivationLayer {
  constructor() {
    super('sigmoid');
  }
}

/** The hyperbolic tangent. */
export class Tanh extends ActivationLayer {
  constructor() {
    super('tanh');
  }
}

/** x * sigmoid(x). */
export class SiLU extends ActivationLayer {
  constructor() {
    super('silu');
  }
}

/** x * (1 + erf(x / sqrt(2))) / 2: the exact form. */
export class GELU extends ActivationLayer {
  constructor() {
    super('gelu');
  }
}

/** x * min(max(x + 3, 0), 6) / 6. */
export class Hardswish extends ActivationLayer {
  constructor() {
    super('hardswish');
  }
}
