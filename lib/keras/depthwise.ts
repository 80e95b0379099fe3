// Keras's depthwise convolutions: each channel by itself.

import { prepareConv } from '../ops/conv.js';
import type { ConvSettings } from '../ops/conv-options.js';
import type { Mode } from '../ops/inputs.js';
import { wholeNumber } from '../ops/options.js';
import type { Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { WINDOW_NAMES } from './conv.js';
import { asImages, channelAxisIn, checkImages, type DataFormat, fromImages } from './data-format.js';
import { EngineKernel } from './engine-kernel.js';
import { type Initializer, type InitializerName, parseInitializer } from './initializers.js';
import { WeightedKerasLayer } from './layer.js';
import {
  describeFilter,
  FILTER_OPTION_NAMES,
  type FilterOptions,
  parseFilterOptions,
  positive,
} from './window-options.js';

export interface DepthwiseOptions extends FilterOptions {
  /** Output channels made of each input channel; 1. */
  depthMultiplier?: number;
  /** 'glorotUniform'. */
  depthwiseInitializer?: Initializer | InitializerName;
}

export type DepthwiseConv1DOptions = DepthwiseOptions;
export type DepthwiseConv2DOptions = DepthwiseOptions;

export const DEPTHWISE_OPTION_NAMES = [...FILTER_OPTION_NAMES, 'depthMultiplier', 'depthwiseInitializer'];

/** The depthwise options, checked. */
export function parseDepthwise(given: DepthwiseOptions, label: string) {
  const { depthMultiplier = 1 } = given;
  return {
    multiplier: wholeNumber(depthMultiplier, 1, 'depthMultiplier', positive('depthMultiplier'), label),
    initializer: parseInitializer(given.depthwiseInitializer, 'glorotUniform', 'depthwiseInitializer', label),
  };
}

/** A depthwise kernel in the order of the operations. */
export const depthwiseEngineKernel = (rank: number): EngineKernel =>
  new EngineKernel('depthwiseKernel', [...WINDOW_NAMES[rank], 'inChannels', 'depthMultiplier'], {
    depthwise: true,
  });

abstract class DepthwiseConv extends WeightedKerasLayer {
  /** [...kernelSize, inChannels, depthMultiplier]; null until the input channels are known. */
  declare depthwiseKernel: Tensor | null;
  /** [inChannels * depthMultiplier]; null until the input channels are known, or without `useBias`. */
  declare bias: Tensor | null;
  readonly kernelSize: readonly number[];
  readonly depthMultiplier: number;
  readonly #padding: string;
  readonly #format: DataFormat;
  readonly #settings: ConvSettings;
  readonly #engineKernel: EngineKernel;
  #grouped: ConvSettings | undefined;

  constructor(rank: number, options: DepthwiseOptions) {
    const label = `DepthwiseConv${rank}D`;
    const parsed = parseFilterOptions(options, DEPTHWISE_OPTION_NAMES, rank, label);
    const { given, kernelSize, useBias, format } = parsed;
    const { multiplier, initializer } = parseDepthwise(given, label);
    const biasInitializer = parseInitializer(given.biasInitializer, 'zeros', 'biasInitializer', label);
    super(label, given, {
      names: useBias ? ['depthwiseKernel', 'bias'] : ['depthwiseKernel'],
      begin(inputs) {
        const kernel = { shape: [...kernelSize, inputs, multiplier], initializer };
        const bias = { shape: [inputs * multiplier], initializer: biasInitializer };
        return useBias ? [kernel, bias] : [kernel];
      },
      inputsOf: (shape) => shape.at(-2) ?? 0,
      dimensions: rank + 2,
      channelAxis: (shape) => channelAxisIn(shape, rank, format),
    });
    if (!useBias) this.bias = null;
    this.kernelSize = kernelSize;
    this.depthMultiplier = multiplier;
    this.#padding = parsed.padding;
    this.#format = format;
    this.#settings = parsed.settings;
    this.#engineKernel = depthwiseEngineKernel(rank);
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    const { rank } = this.#settings;
    checkImages(x, rank, this.#format, this.operation);
    this.settle(x.shape);
    const weight = this.#engineKernel.of(this.depthwiseKernel, this.operation);
    const groups = x.shape[channelAxisIn(x.shape, rank, this.#format)];
    if (this.#grouped?.groups !== groups) this.#grouped = { ...this.#settings, groups };
    const images = asImages(x, rank, this.#format, mode, this.operation);
    const prepared = prepareConv(images, weight, this.bias, this.#grouped, mode, this.operation);
    return fromImages(prepared, rank, this.#format, mode);
  }

  protected override extraRepr(): string {
    const shown = describeFilter(this.kernelSize, this.#settings, this.#padding);
    if (this.depthMultiplier !== 1) shown.push(`depthMultiplier=${this.depthMultiplier}`);
    return shown.join(', ');
  }
}

/**
 * 1-D convolution of each channel by itself: x [N, L, C] to [N, L', C * depthMultiplier], like {@link DepthwiseConv2D}.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * const conv = new DepthwiseConv1D({ kernelSize: 5, depthMultiplier: 2, padding: 'same' });
 * conv.forward(Tensor.zeros([1, 100, 8])).shape; // [1, 100, 16]
 */
export class DepthwiseConv1D extends DepthwiseConv {
  constructor(options: DepthwiseConv1DOptions) {
    super(1, options);
  }
}

/**
 * 2-D convolution of each channel by itself: x [N, H, W, C] to [N, H', W', C * depthMultiplier], sized as by `Conv2D`;
 * output channel c * depthMultiplier + m is made of input channel c by `depthwiseKernel[..., c, m]`, whose shape is
 * [kernelHeight, kernelWidth, C, depthMultiplier]. Howard et al. 2017, MobileNets.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * const conv = new DepthwiseConv2D({ kernelSize: 3, depthMultiplier: 2, dilationRate: 2 });
 * conv.forward(Tensor.zeros([1, 16, 16, 8])).shape; // [1, 12, 12, 16]
 */
export class DepthwiseConv2D extends DepthwiseConv {
  constructor(options: DepthwiseConv2DOptions) {
    super(2, options);
  }
}
