// Keras's layers that change the size of images and compute little or nothing: padding with zeros, cropping, enlarging.

import { show, wrongShape, wrongType } from '../errors.js';
import type { Mode } from '../ops/inputs.js';
import { knownOptions, oneOf, type PerDimension, wholeNumber } from '../ops/options.js';
import { preparePad } from '../ops/pad.js';
import type { Prepared } from '../ops/run.js';
import { prepareUpsample } from '../ops/upsample.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { asImages, checkImages, type DataFormat, fromImages, parseDataFormat } from './data-format.js';
import { KerasLayer, LAYER_OPTION_NAMES, type LayerOptions } from './layer.js';
import { own, windowSize } from './window-options.js';

interface ImageOptions extends LayerOptions {
  /** Where inputs have their channels; 'channelsLast'. */
  dataFormat?: DataFormat;
}

/** Positions on both sides of every dimension, of each, or `[before, after]` of each. */
export type Sides = number | readonly (number | readonly [before: number, after: number])[];

export interface ZeroPaddingOptions extends ImageOptions {
  /** What is added; 1. */
  padding?: Sides;
}

export interface CroppingOptions extends ImageOptions {
  /** What is taken away; 0. */
  cropping?: Sides;
}

type Pair = readonly [before: number, after: number];

function parseSides(value: unknown, name: string, rank: number, label: string): Pair[] {
  const amount = (one: unknown): number => wholeNumber(one, 0, name, `${name} must not be negative`, label);
  if (!Array.isArray(value)) {
    const each = amount(value);
    return Array.from({ length: rank }, () => [each, each]);
  }
  // Of one dimension Keras takes the pair itself
  const list: unknown[] = rank === 1 && value.length === 2 && !value.some(Array.isArray) ? [value] : value;
  if (list.length !== rank) {
    throw wrongType(label, `${name} must be a number or a list of ${rank}, not ${show(value)}`);
  }
  return list.map((side) => {
    if (!Array.isArray(side)) return [amount(side), amount(side)];
    if (side.length === 2) return [amount(side[0]), amount(side[1])];
    throw wrongType(label, `${name} must have [before, after] pairs, not ${show(side)}`);
  });
}

abstract class Padded extends KerasLayer {
  readonly #rank: number;
  readonly #format: DataFormat;
  readonly #pairs: readonly Pair[];
  readonly #name: 'padding' | 'cropping';

  constructor(
    label: string,
    rank: number,
    name: 'padding' | 'cropping',
    options: (ZeroPaddingOptions & CroppingOptions) | undefined,
  ) {
    const given = knownOptions(options, [...LAYER_OPTION_NAMES, 'dataFormat', name], label);
    super(label, given);
    this.#rank = rank;
    this.#name = name;
    this.#format = parseDataFormat(given.dataFormat, label);
    this.#pairs = parseSides(given[name] ?? (name === 'padding' ? 1 : 0), name, rank, label);
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkImages(x, this.#rank, this.#format, this.operation);
    const images = asImages(x, this.#rank, this.#format, mode, this.operation);
    const sign = this.#name === 'padding' ? 1 : -1;
    const pairs = this.#pairs.map(([before, after]) => [sign * before, sign * after] as const);
    const prepared = preparePad(images, { pairs, mode: 'constant', value: 0 }, mode, this.operation);
    return fromImages(prepared, this.#rank, this.#format, mode);
  }

  protected override extraRepr(): string {
    return `${this.#name}=[${this.#pairs.map((pair) => `[${pair.join(', ')}]`).join(', ')}]`;
  }
}

/**
 * Zeros before and after x [N, L, C], like {@link ZeroPadding2D}; a pair is [before, after].
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new ZeroPadding1D({ padding: [2, 0] }).forward(Tensor.ones([1, 1, 1])).toArray(); // [[[0], [0], [1]]]
 */
export class ZeroPadding1D extends Padded {
  constructor(options?: ZeroPaddingOptions) {
    super('ZeroPadding1D', 1, 'padding', options);
  }
}

/**
 * Zeros around x [N, H, W, C]: as many on every side, [rows, columns], or [[top, bottom], [left, right]].
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new ZeroPadding2D({ padding: [[0, 1], [2, 3]] }).forward(Tensor.ones([1, 4, 4, 3])).shape; // [1, 5, 9, 3]
 */
export class ZeroPadding2D extends Padded {
  constructor(options?: ZeroPaddingOptions) {
    super('ZeroPadding2D', 2, 'padding', options);
  }
}

/** Zeros around x [N, D, H, W, C], like {@link ZeroPadding2D}. @throws TypeError | RangeError where an option is not one. */
export class ZeroPadding3D extends Padded {
  constructor(options?: ZeroPaddingOptions) {
    super('ZeroPadding3D', 3, 'padding', options);
  }
}

/** Takes positions away from x [N, L, C], like {@link Cropping2D}. @throws TypeError | RangeError where an option is not one. */
export class Cropping1D extends Padded {
  constructor(options?: CroppingOptions) {
    super('Cropping1D', 1, 'cropping', options);
  }
}

/**
 * Takes positions away around x [N, H, W, C]: as many on every side, [rows, columns], or [[top, bottom], [left, right]].
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new Cropping2D({ cropping: [1, 2] }).forward(Tensor.ones([1, 6, 6, 3])).shape; // [1, 4, 2, 3]
 */
export class Cropping2D extends Padded {
  constructor(options?: CroppingOptions) {
    super('Cropping2D', 2, 'cropping', options);
  }
}

/** Takes positions away around x [N, D, H, W, C], like {@link Cropping2D}. @throws TypeError | RangeError where an option is not one. */
export class Cropping3D extends Padded {
  constructor(options?: CroppingOptions) {
    super('Cropping3D', 3, 'cropping', options);
  }
}

export interface UpSamplingOptions extends ImageOptions {
  /** How many times each position is taken; 2. */
  size?: PerDimension;
}

export interface UpSampling2DOptions extends UpSamplingOptions {
  /** 'nearest' repeats positions, 'bilinear' goes straight from one's centre to the next; 'nearest'. */
  interpolation?: 'nearest' | 'bilinear';
}

abstract class UpSampling extends KerasLayer {
  readonly #rank: number;
  readonly #format: DataFormat;
  readonly #scale: readonly number[];
  readonly #interpolation: 'nearest' | 'bilinear';

  constructor(rank: number, options: UpSampling2DOptions | undefined) {
    const label = `UpSampling${rank}D`;
    const names = ['dataFormat', 'size', ...(rank === 2 ? ['interpolation'] : [])];
    const given = knownOptions(options, [...LAYER_OPTION_NAMES, ...names], label);
    super(label, given);
    const kinds = ['nearest', 'bilinear'] as const;
    this.#rank = rank;
    this.#format = parseDataFormat(given.dataFormat, label);
    this.#scale = own(windowSize(given.size ?? 2, 'size', rank, label), rank);
    this.#interpolation = oneOf(given.interpolation ?? 'nearest', kinds, 'interpolation', label);
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkImages(x, this.#rank, this.#format, this.operation);
    if (x.shape.length !== this.#rank + 2) {
      throw wrongShape(
        this.operation,
        `Input 0 is incompatible with the layer: expected ndim=${this.#rank + 2}, found ndim=${x.shape.length}. Full shape received: ${showShape(x.shape)}`,
      );
    }
    const images = asImages(x, this.#rank, this.#format, mode, this.operation);
    const size = images.shape.slice(2).map((extent, axis) => extent * this.#scale[axis]);
    const settings = { size, scaleFactor: null, mode: this.#interpolation, alignCorners: false };
    return fromImages(prepareUpsample(images, settings, mode), this.#rank, this.#format, mode);
  }

  protected override extraRepr(): string {
    const smooth = this.#interpolation === 'nearest' ? '' : `, interpolation='${this.#interpolation}'`;
    return `size=[${this.#scale.join(', ')}]${smooth}`;
  }
}

/**
 * Repeats each position of x [N, L, C].
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new UpSampling1D().forward(Tensor.from([[[1], [2]]])).toArray(); // [[[1], [1], [2], [2]]]
 */
export class UpSampling1D extends UpSampling {
  constructor(options?: UpSamplingOptions) {
    super(1, options);
  }
}

/**
 * Enlarges x [N, H, W, C] to [N, H * size, W * size, C].
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new UpSampling2D({ size: [2, 3], interpolation: 'bilinear' }).forward(Tensor.zeros([1, 4, 4, 8])).shape; // [1, 8, 12, 8]
 */
export class UpSampling2D extends UpSampling {
  constructor(options?: UpSampling2DOptions) {
    super(2, options);
  }
}

/** Repeats each position of x [N, D, H, W, C]. @throws TypeError | RangeError where an option is not one. */
export class UpSampling3D extends UpSampling {
  constructor(options?: UpSamplingOptions) {
    super(3, options);
  }
}
