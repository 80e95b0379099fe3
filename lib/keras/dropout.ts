// Keras's dropout layers: at work in training mode only.

import { prepareChannelDropout } from '../ops/channel-dropout.js';
import { checkedProbability, prepareDropout } from '../ops/dropout.js';
import { checkTensor, type Mode } from '../ops/inputs.js';
import { knownOptions } from '../ops/options.js';
import { finished, type Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { asImages, checkImages, type DataFormat, fromImages, parseDataFormat } from './data-format.js';
import { KerasLayer, LAYER_OPTION_NAMES, type LayerOptions } from './layer.js';
import { required } from './window-options.js';

export interface DropoutOptions extends LayerOptions {
  /** The probability of an element to become 0. */
  rate: number;
}

/** The options with a rate among them. */
function parsed<T extends DropoutOptions>(options: T, names: readonly string[], label: string): T {
  return required<T>(
    knownOptions(options, [...LAYER_OPTION_NAMES, 'rate', ...names], label),
    ['rate'],
    label,
  );
}

/**
 * Sets elements to 0 with probability `rate` in training mode, and divides the others by 1 - rate (Srivastava et al. 2014).
 * Which ones is the next draw of `manualSeed`'s sequence.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new Dropout({ rate: 0.5 }).eval().forward(Tensor.from([[1, 2]])).toArray(); // [[1, 2]]
 */
export class Dropout extends KerasLayer {
  readonly rate: number;

  constructor(options: DropoutOptions) {
    const given = parsed(options, [], 'Dropout');
    super('Dropout', given);
    this.rate = checkedProbability(given.rate, 'Dropout');
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkTensor(x, 'x', this.operation);
    return this.training ? prepareDropout(x, this.rate, undefined, mode) : finished(x);
  }

  protected override extraRepr(): string {
    return `rate=${this.rate}`;
  }
}

export interface SpatialDropoutOptions extends DropoutOptions {
  /** Where inputs have their channels; 'channelsLast'. */
  dataFormat?: DataFormat;
}

abstract class SpatialDropout extends KerasLayer {
  readonly rate: number;
  readonly #rank: number;
  readonly #format: DataFormat;

  constructor(rank: number, options: SpatialDropoutOptions) {
    const label = `SpatialDropout${rank}D`;
    const given = parsed(options, ['dataFormat'], label);
    super(label, given);
    this.rate = checkedProbability(given.rate, label);
    this.#rank = rank;
    this.#format = parseDataFormat(given.dataFormat, label);
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkImages(x, this.#rank, this.#format, this.operation);
    if (!this.training) return finished(x);
    const images = asImages(x, this.#rank, this.#format, mode, this.operation);
    const axis = x.shape.length - this.#rank - 1;
    const prepared = prepareChannelDropout(images, this.rate, undefined, axis, mode, this.operation);
    return fromImages(prepared, this.#rank, this.#format, mode);
  }

  protected override extraRepr(): string {
    return `rate=${this.rate}`;
  }
}

/** Drops whole channels of [N, L, C] in training mode, like {@link SpatialDropout2D}. @throws TypeError | RangeError where an option is not one. */
export class SpatialDropout1D extends SpatialDropout {
  constructor(options: SpatialDropoutOptions) {
    super(1, options);
  }
}

/**
 * Sets whole channels of [N, H, W, C] to 0 with probability `rate` in training mode (Tompson et al. 2015).
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new SpatialDropout2D({ rate: 0.2 }).forward(Tensor.ones([2, 5, 5, 8])).shape; // [2, 5, 5, 8]
 */
export class SpatialDropout2D extends SpatialDropout {
  constructor(options: SpatialDropoutOptions) {
    super(2, options);
  }
}

/** Drops whole channels of [N, D, H, W, C] in training mode, like {@link SpatialDropout2D}. @throws TypeError | RangeError where an option is not one. */
export class SpatialDropout3D extends SpatialDropout {
  constructor(options: SpatialDropoutOptions) {
    super(3, options);
  }
}
