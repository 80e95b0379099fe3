// Activation layers: one class per function, nothing to learn.

import type { Activation } from '../../binding.js';
import {
  type EluOptions,
  type LeakyReluOptions,
  prepareActivation,
  type SoftplusOptions,
} from '../ops/activate.js';
import { parseElu, parseSlope, parseSoftplus, plainActivation } from '../ops/activation.js';
import type { Mode } from '../ops/inputs.js';
import { knownOptions } from '../ops/options.js';
import type { Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { Layer } from './layer.js';

class ActivationLayer extends Layer {
  readonly #activation: Activation;

  constructor(activation: Activation) {
    super();
    this.#activation = Object.freeze(activation);
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
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  constructor() {
    super(plainActivation('relu'));
  }
}

/** min(max(x, 0), 6). */
export class ReLU6 extends ActivationLayer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  constructor() {
    super(plainActivation('relu6'));
  }
}

/**
 * x where it is positive, negativeSlope * x elsewhere.
 *
 * @example
 * String(new nn.LeakyReLU({ negativeSlope: 0.1 })); // 'LeakyReLU(negativeSlope=0.1)'
 */
export class LeakyReLU extends ActivationLayer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  /** The slope left of zero. */
  readonly negativeSlope: number;

  constructor(options?: LeakyReluOptions) {
    const { negativeSlope = 0.01 } = knownOptions(options, ['negativeSlope'], 'LeakyReLU');
    super({ kind: 'leakyRelu', negativeSlope: parseSlope(negativeSlope, 'LeakyReLU') });
    this.negativeSlope = negativeSlope;
  }

  protected override extraRepr(): string {
    return `negativeSlope=${this.negativeSlope}`;
  }
}

/** 1 / (1 + exp(-x)). */
export class Sigmoid extends ActivationLayer {
  constructor() {
    super(plainActivation('sigmoid'));
  }
}

/** The hyperbolic tangent. */
export class Tanh extends ActivationLayer {
  constructor() {
    super(plainActivation('tanh'));
  }
}

/** x * sigmoid(x). */
export class SiLU extends ActivationLayer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  constructor() {
    super(plainActivation('silu'));
  }
}

/** x * (1 + erf(x / sqrt(2))) / 2: the exact form. */
export class GELU extends ActivationLayer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  constructor() {
    super(plainActivation('gelu'));
  }
}

/** x * min(max(x + 3, 0), 6) / 6. */
export class Hardswish extends ActivationLayer {
  constructor() {
    super(plainActivation('hardswish'));
  }
}

/** min(max(x + 3, 0), 6) / 6. */
export class Hardsigmoid extends ActivationLayer {
  constructor() {
    super(plainActivation('hardsigmoid'));
  }
}

/**
 * x where it is positive, alpha * (exp(x) - 1) elsewhere.
 *
 * @example
 * String(new nn.ELU()); // 'ELU(alpha=1)'
 */
export class ELU extends ActivationLayer {
  readonly alpha: number;

  constructor(options?: EluOptions) {
    super(parseElu(options, 'ELU'));
    this.alpha = options?.alpha ?? 1;
  }

  protected override extraRepr(): string {
    return `alpha=${this.alpha}`;
  }
}

/**
 * log(1 + exp(beta * x)) / beta; x itself where beta * x is above the threshold.
 *
 * @example
 * String(new nn.Softplus()); // 'Softplus(beta=1, threshold=20)'
 */
export class Softplus extends ActivationLayer {
  readonly beta: number;
  readonly threshold: number;

  constructor(options?: SoftplusOptions) {
    super(parseSoftplus(options, 'Softplus'));
    this.beta = options?.beta ?? 1;
    this.threshold = options?.threshold ?? 20;
  }

  protected override extraRepr(): string {
    return `beta=${this.beta}, threshold=${this.threshold}`;
  }
}
