// Keras's Conv1D, Conv2D and Conv3D over convkit's convolution of any number of dimensions.

import { wrongShape, wrongValue } from '../errors.js';
import { type Algorithm, checkAlgorithm } from '../ops/algorithm.js';
import { prepareConv } from '../ops/conv.js';
import { type ConvSettings, checkServed } from '../ops/conv-options.js';
import type { Mode } from '../ops/inputs.js';
import { toTriple, wholeNumber } from '../ops/options.js';
import type { Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { asImages, channelAxisIn, checkImages, type DataFormat, fromImages } from './data-format.js';
import { EngineKernel } from './engine-kernel.js';
import { type Initializer, type InitializerName, parseInitializer } from './initializers.js';
import { WeightedKerasLayer } from './layer.js';
import {
  checkedFilters,
  describeFilter,
  FILTER_OPTION_NAMES,
  type FilterOptions,
  type KerasPadding,
  parseFilterOptions,
  positive,
  required,
} from './window-options.js';

export interface ConvOptions extends FilterOptions {
  /** Output channels. */
  filters: number;
  /** Input and output channels fall into so many groups that do not see each other; 1. */
  groups?: number;
  /** How to compute: convkit's own option, as `nn.Conv2d` has it; 'auto'. */
  algorithm?: Algorithm;
  /** 'glorotUniform'. */
  kernelInitializer?: Initializer | InitializerName;
}

export type Conv2DOptions = ConvOptions;
export type Conv3DOptions = ConvOptions;
export interface Conv1DOptions extends Omit<ConvOptions, 'padding'> {
  /** 'valid'; 'causal' adds dilationRate * (kernelSize - 1) positions at the beginning, so that no output sees the future. */
  padding?: KerasPadding | 'causal';
}

const NAMES = [...FILTER_OPTION_NAMES, 'filters', 'groups', 'algorithm', 'kernelInitializer'];

/** What is between the window's sizes in the name of a kernel's shape. */
export const WINDOW_NAMES: readonly (readonly string[])[] = [
  [],
  ['kernelWidth'],
  ['kernelHeight', 'kernelWidth'],
  ['kernelDepth', 'kernelHeight', 'kernelWidth'],
];

abstract class Conv extends WeightedKerasLayer {
  /** [...kernelSize, inChannels / groups, filters]; null until the input channels are known. */
  declare kernel: Tensor | null;
  /** [filters]; null until the input channels are known, or without `useBias`. */
  declare bias: Tensor | null;
  readonly filters: number;
  readonly kernelSize: readonly number[];
  readonly #padding: string;
  readonly #format: DataFormat;
  readonly #settings: ConvSettings;
  readonly #engineKernel: EngineKernel;

  constructor(rank: number, options: Conv1DOptions) {
    const label = `Conv${rank}D`;
    const paddings = rank === 1 ? ['valid', 'same', 'causal'] : ['valid', 'same'];
    const parsed = parseFilterOptions(options as ConvOptions, NAMES, rank, label, paddings);
    const { given, kernelSize, useBias, format } = parsed;
    required(given, ['filters'], label);
    const filters = checkedFilters(given.filters, label);
    const groups = wholeNumber(given.groups ?? 1, 1, 'groups', positive('groups'), label);
    if (filters % groups !== 0) {
      throw wrongValue(
        label,
        `The number of filters must be evenly divisible by the number of groups. Received: groups=${groups}, filters=${filters}`,
      );
    }
    const settings = {
      ...parsed.settings,
      groups,
      algorithm: checkAlgorithm(given.algorithm ?? 'auto', label),
    };
    checkServed(settings, toTriple(kernelSize, 1), label);
    const kernelInitializer = parseInitializer(
      given.kernelInitializer,
      'glorotUniform',
      'kernelInitializer',
      label,
    );
    const biasInitializer = parseInitializer(given.biasInitializer, 'zeros', 'biasInitializer', label);
    super(label, given, {
      names: useBias ? ['kernel', 'bias'] : ['kernel'],
      begin(inputs, inputShape) {
        if (inputs % groups !== 0) {
          const full =
            inputShape === null ? '' : ` (full input shape is [${inputShape.map(String).join(', ')}])`;
          throw wrongShape(
            label,
            `The number of input channels must be evenly divisible by the number of groups. ` +
              `Received: groups=${groups}, but the input has ${inputs} channels${full}`,
          );
        }
        const kernel = { shape: [...kernelSize, inputs / groups, filters], initializer: kernelInitializer };
        const bias = { shape: [filters], initializer: biasInitializer };
        return useBias ? [kernel, bias] : [kernel];
      },
      inputsOf: (shape) => (shape.at(-2) ?? 0) * groups,
      dimensions: rank + 2,
      channelAxis: (shape) => channelAxisIn(shape, rank, format),
    });
    if (!useBias) this.bias = null;
    this.filters = filters;
    this.kernelSize = kernelSize;
    this.#padding = parsed.padding;
    this.#format = format;
    this.#settings = settings;
    this.#engineKernel = new EngineKernel('kernel', [
      ...WINDOW_NAMES[rank],
      'inChannels / groups',
      'filters',
    ]);
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    const { rank } = this.#settings;
    checkImages(x, rank, this.#format, this.operation);
    this.settle(x.shape);
    const weight = this.#engineKernel.of(this.kernel, this.operation);
    const images = asImages(x, rank, this.#format, mode, this.operation);
    const prepared = prepareConv(images, weight, this.bias, this.#settings, mode, this.operation);
    return fromImages(prepared, rank, this.#format, mode);
  }

  protected override extraRepr(): string {
    return [
      `filters=${this.filters}`,
      ...describeFilter(this.kernelSize, this.#settings, this.#padding),
    ].join(', ');
  }
}

/**
 * 1-D convolution (cross-correlation) of channels-last sequences: x [N, L, C] to [N, L', filters], where
 * L' = floor((L - dilationRate * (kernelSize - 1) - 1) / strides) + 1 with padding 'valid', and ceil(L / strides) with
 * 'same' and 'causal' (van den Oord et al. 2016, WaveNet). Otherwise like {@link Conv2D}.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * const conv = new Conv1D({ filters: 32, kernelSize: 2, dilationRate: 4, padding: 'causal' });
 * conv.forward(Tensor.zeros([1, 100, 16])).shape; // [1, 100, 32]
 */
export class Conv1D extends Conv {
  constructor(options: Conv1DOptions) {
    super(1, options);
  }
}

/**
 * 2-D convolution (cross-correlation) of channels-last images: x [N, H, W, C] or [H, W, C] to [N, H', W', filters], where
 * H' = floor((H - dilationRate * (kernelHeight - 1) - 1) / strides) + 1 with padding 'valid', and ceil(H / strides) with
 * 'same', which adds the odd position at the end, as TensorFlow does.
 *
 * The number of input channels is that of the first input, of `inputShape` or of `build`, which is when the weights are made:
 * `kernel` [kernelHeight, kernelWidth, C / groups, filters] by Glorot and Bengio's uniform rule (2010), `bias` zero.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * const conv = new Conv2D({ filters: 8, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' });
 * conv.forward(Tensor.zeros([1, 32, 32, 3])).shape; // [1, 16, 16, 8]
 * conv.getWeights().map((weight) => weight.shape); // [[3, 3, 3, 8], [8]]
 */
export class Conv2D extends Conv {
  constructor(options: Conv2DOptions) {
    super(2, options);
  }
}

/**
 * 3-D convolution (cross-correlation) of channels-last volumes: x [N, D, H, W, C] to [N, D', H', W', filters], sized as
 * by {@link Conv2D}, and like it otherwise.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * const conv = new Conv3D({ filters: 4, kernelSize: 3, strides: [1, 2, 2], padding: 'same' });
 * conv.forward(Tensor.zeros([1, 8, 16, 16, 3])).shape; // [1, 8, 8, 8, 4]
 */
export class Conv3D extends Conv {
  constructor(options: Conv3DOptions) {
    super(3, options);
  }
}
