// Keras's activations as layers: of single elements, and softmax.

import type { Activation as EngineActivation } from '../../binding.js';
import { show, wrongType, wrongValue } from '../errors.js';
import { prepareActivation } from '../ops/activate.js';
import { parseActivation, parseElu } from '../ops/activation.js';
import { checkTensor, type Mode } from '../ops/inputs.js';
import { knownOptions } from '../ops/options.js';
import { checkedDimension } from '../ops/rearrange.js';
import { inOrder, type Prepared } from '../ops/run.js';
import { prepareSoftmax } from '../ops/softmax.js';
import type { Tensor } from '../tensor/tensor.js';
import { engineActivation, type KerasActivation, type KerasOutputActivation } from './activation.js';
import { KerasLayer, LAYER_OPTION_NAMES, type LayerOptions } from './layer.js';
import { required } from './window-options.js';

/** What was prepared, with softmax along its last dimension. */
export function softmaxAfter(prepared: Prepared, operation: string): Prepared {
  const { output } = prepared;
  const last = checkedDimension(-1, output.shape.length, 'axis', operation);
  const after = prepareSoftmax(output, 'softmax', last, 'now');
  return inOrder(after.output, [prepared, after]);
}

abstract class Elementwise extends KerasLayer {
  readonly #activation: EngineActivation;

  constructor(label: string, options: LayerOptions, activation: EngineActivation) {
    super(label, options);
    this.#activation = Object.freeze(activation);
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    return prepareActivation(x, this.#activation, mode, this.operation);
  }
}

function elementwise(name: KerasActivation, label: string): EngineActivation {
  const { activation, negativeSlope } = { negativeSlope: undefined, ...engineActivation(name, label) };
  return parseActivation(activation, negativeSlope, label);
}

export interface ActivationOptions extends LayerOptions {
  activation: KerasOutputActivation;
}

/**
 * An activation as a layer, element by element; 'softmax' along the last dimension.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new Activation({ activation: 'relu' }).forward(Tensor.from([[-1, 2]])).toArray(); // [[0, 2]]
 * new Activation({ activation: 'softmax' }).forward(Tensor.from([[5, 5]])).toArray(); // [[0.5, 0.5]]
 */
export class Activation extends KerasLayer {
  /** null: softmax. */
  readonly #activation: EngineActivation | null;

  constructor(options: ActivationOptions) {
    const label = 'Activation';
    const known = knownOptions(options, [...LAYER_OPTION_NAMES, 'activation'], label);
    const given = required<ActivationOptions>(known, ['activation'], label);
    super(label, given);
    const { activation } = given;
    this.#activation = activation === 'softmax' ? null : Object.freeze(elementwise(activation, label));
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    if (this.#activation !== null) return prepareActivation(x, this.#activation, mode, this.operation);
    checkTensor(x, 'x', this.operation);
    const last = checkedDimension(-1, x.shape.length, 'axis', this.operation);
    return prepareSoftmax(x, 'softmax', last, mode);
  }

  protected override extraRepr(): string {
    return `activation='${this.#activation?.kind ?? 'softmax'}'`;
  }
}

export interface ReLUOptions extends LayerOptions {
  /** What it is cut off at: 6 (MobileNet's ReLU6), or null. */
  maxValue?: 6 | null;
}

/**
 * max(x, 0), element by element, or min(max(x, 0), 6).
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new ReLU().forward(Tensor.from([[-1, 2]])).toArray(); // [[0, 2]]
 * new ReLU({ maxValue: 6 }).forward(Tensor.from([[2, 7]])).toArray(); // [[2, 6]]
 */
export class ReLU extends Elementwise {
  readonly maxValue: 6 | null;

  constructor(options?: ReLUOptions) {
    const given = knownOptions(options, [...LAYER_OPTION_NAMES, 'maxValue'], 'ReLU');
    const { maxValue = null } = given;
    if (maxValue !== null && maxValue !== 6) {
      throw wrongValue('ReLU', `maxValue must be 6 or null. Received: maxValue=${show(maxValue)}`);
    }
    super('ReLU', given, elementwise(maxValue === 6 ? 'relu6' : 'relu', 'ReLU'));
    this.maxValue = maxValue;
  }

  protected override extraRepr(): string {
    return this.maxValue === null ? '' : `maxValue=${this.maxValue}`;
  }
}

export interface LeakyReLUOptions extends LayerOptions {
  /** The slope left of zero; 0.3, as of Keras's layer (its activation has 0.2). */
  alpha?: number;
}

/**
 * x where it is positive, alpha * x elsewhere.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new LeakyReLU({ alpha: 0.5 }).forward(Tensor.from([[-4, 2]])).toArray(); // [[-2, 2]]
 */
export class LeakyReLU extends Elementwise {
  readonly alpha: number;

  constructor(options?: LeakyReLUOptions) {
    const given = knownOptions(options, [...LAYER_OPTION_NAMES, 'alpha'], 'LeakyReLU');
    const alpha = checkedAlpha(given.alpha ?? 0.3, 'LeakyReLU');
    super('LeakyReLU', given, parseActivation('leakyRelu', alpha, 'LeakyReLU'));
    this.alpha = alpha;
  }

  protected override extraRepr(): string {
    return `alpha=${this.alpha}`;
  }
}

export interface ELUOptions extends LayerOptions {
  /** What it tends to on the left, without its sign; 1. */
  alpha?: number;
}

/**
 * x where it is positive, alpha * (exp(x) - 1) elsewhere (Clevert, Unterthiner, Hochreiter 2015).
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new ELU().forward(Tensor.from([[-100, 2]])).toArray(); // [[-1, 2]]
 */
export class ELU extends Elementwise {
  readonly alpha: number;

  constructor(options?: ELUOptions) {
    const given = knownOptions(options, [...LAYER_OPTION_NAMES, 'alpha'], 'ELU');
    const alpha = checkedAlpha(given.alpha ?? 1, 'ELU');
    super('ELU', given, parseElu({ alpha }, 'ELU'));
    this.alpha = alpha;
  }

  protected override extraRepr(): string {
    return `alpha=${this.alpha}`;
  }
}

function checkedAlpha(alpha: unknown, label: string): number {
  if (typeof alpha === 'number') return alpha;
  throw wrongType(label, `alpha must be a number, not ${show(alpha)}`);
}

export interface SoftmaxOptions extends LayerOptions {
  /** The dimension whose elements sum to 1; -1, the last. */
  axis?: number;
}

/**
 * e^x over the sum of e^x along a dimension.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new Softmax().forward(Tensor.from([[3, 3]])).toArray(); // [[0.5, 0.5]]
 */
export class Softmax extends KerasLayer {
  readonly axis: number;

  constructor(options?: SoftmaxOptions) {
    const given = knownOptions(options, [...LAYER_OPTION_NAMES, 'axis'], 'Softmax');
    super('Softmax', given);
    const { axis = -1 } = given;
    if (!Number.isInteger(axis)) {
      throw wrongType('Softmax', `axis must be a whole number, not ${show(axis)}`);
    }
    this.axis = axis;
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkTensor(x, 'x', this.operation);
    const dim = checkedDimension(this.axis, x.shape.length, 'axis', this.operation);
    return prepareSoftmax(x, 'softmax', dim, mode);
  }

  protected override extraRepr(): string {
    return `axis=${this.axis}`;
  }
}
