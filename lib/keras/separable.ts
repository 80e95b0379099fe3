// Keras's separable convolutions: a depthwise one, then a 1x1 convolution that mixes the channels.

import { prepareConv } from '../ops/conv.js';
import { type ConvSettings, parseConvOptions } from '../ops/conv-options.js';
import type { Mode } from '../ops/inputs.js';
import { checkedSignal, type ForwardOptions, type Prepared, runInBackground, runNow } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { asImages, channelAxisIn, checkImages, type DataFormat, fromImages } from './data-format.js';
import {
  DEPTHWISE_OPTION_NAMES,
  type DepthwiseOptions,
  depthwiseEngineKernel,
  parseDepthwise,
} from './depthwise.js';
import { EngineKernel } from './engine-kernel.js';
import { type Initializer, type InitializerName, parseInitializer } from './initializers.js';
import { WeightedKerasLayer } from './layer.js';
import {
  checkedFilters,
  describeFilter,
  type KerasPadding,
  parseFilterOptions,
  required,
} from './window-options.js';

export interface SeparableConv2DOptions extends DepthwiseOptions {
  /** Output channels. */
  filters: number;
  /** 'glorotUniform'. */
  pointwiseInitializer?: Initializer | InitializerName;
}

export interface SeparableConv1DOptions extends Omit<SeparableConv2DOptions, 'padding'> {
  /** 'valid'; 'causal' as of `Conv1D`. */
  padding?: KerasPadding | 'causal';
}

const NAMES = [...DEPTHWISE_OPTION_NAMES, 'filters', 'pointwiseInitializer'];

abstract class SeparableConv extends WeightedKerasLayer {
  /** [...kernelSize, inChannels, depthMultiplier]; null until the input channels are known. */
  declare depthwiseKernel: Tensor | null;
  /** [1, ..., inChannels * depthMultiplier, filters]; null until the input channels are known. */
  declare pointwiseKernel: Tensor | null;
  /** [filters]; null until the input channels are known, or without `useBias`. */
  declare bias: Tensor | null;
  readonly filters: number;
  readonly kernelSize: readonly number[];
  readonly depthMultiplier: number;
  readonly #padding: string;
  readonly #format: DataFormat;
  readonly #settings: ConvSettings;
  readonly #pointwise: ConvSettings;
  readonly #depthwiseEngineKernel: EngineKernel;
  readonly #pointwiseEngineKernel: EngineKernel;
  #grouped: ConvSettings | undefined;

  constructor(rank: number, options: SeparableConv1DOptions) {
    const label = `SeparableConv${rank}D`;
    const paddings = rank === 1 ? ['valid', 'same', 'causal'] : ['valid', 'same'];
    const parsed = parseFilterOptions(options as SeparableConv2DOptions, NAMES, rank, label, paddings);
    const { given, kernelSize, useBias, format } = parsed;
    required(given, ['filters'], label);
    const filters = checkedFilters(given.filters, label);
    const { multiplier, initializer } = parseDepthwise(given, label);
    const pointwiseInitializer = parseInitializer(
      given.pointwiseInitializer,
      'glorotUniform',
      'pointwiseInitializer',
      label,
    );
    const biasInitializer = parseInitializer(given.biasInitializer, 'zeros', 'biasInitializer', label);
    const kernels = ['depthwiseKernel', 'pointwiseKernel'];
    const ones = kernelSize.map(() => 1);
    super(label, given, {
      names: useBias ? [...kernels, 'bias'] : kernels,
      begin(inputs) {
        const depthwise = { shape: [...kernelSize, inputs, multiplier], initializer };
        const pointwise = {
          shape: [...ones, inputs * multiplier, filters],
          initializer: pointwiseInitializer,
        };
        const bias = { shape: [filters], initializer: biasInitializer };
        return useBias ? [depthwise, pointwise, bias] : [depthwise, pointwise];
      },
      inputsOf: (shape) => shape.at(-2) ?? 0,
      dimensions: rank + 2,
      channelAxis: (shape) => channelAxisIn(shape, rank, format),
    });
    if (!useBias) this.bias = null;
    this.filters = filters;
    this.kernelSize = kernelSize;
    this.depthMultiplier = multiplier;
    this.#padding = parsed.padding;
    this.#format = format;
    const plain = parseConvOptions({}, rank, label);
    this.#settings = { ...parsed.settings, activation: plain.activation };
    this.#pointwise = { ...plain, activation: parsed.settings.activation };
    this.#depthwiseEngineKernel = depthwiseEngineKernel(rank);
    this.#pointwiseEngineKernel = new EngineKernel('pointwiseKernel', [
      ...ones.map(String),
      'inChannels * depthMultiplier',
      'filters',
    ]);
  }

  override forward(x: Tensor): Tensor {
    return runNow(this.#mix(runNow(this.prepare(x, 'now')), 'now'));
  }

  /** Both steps off the event loop; see `Layer.forwardAsync`. */
  override async forwardAsync(x: Tensor, options?: ForwardOptions): Promise<Tensor> {
    const signal = checkedSignal(options, this.operation);
    const between = await runInBackground(() => this.prepare(x, 'background'), { signal }, this.operation);
    return runInBackground(() => this.#mix(between, 'background'), { signal }, this.operation);
  }

  /** The depthwise step; its output stays as the engine names it. */
  protected prepare(x: Tensor, mode: Mode): Prepared {
    const { rank } = this.#settings;
    checkImages(x, rank, this.#format, this.operation);
    this.settle(x.shape);
    const weight = this.#depthwiseEngineKernel.of(this.depthwiseKernel, this.operation);
    const groups = x.shape[channelAxisIn(x.shape, rank, this.#format)];
    if (this.#grouped?.groups !== groups) this.#grouped = { ...this.#settings, groups };
    const images = asImages(x, rank, this.#format, mode, this.operation);
    return prepareConv(images, weight, null, this.#grouped, mode, this.operation);
  }

  #mix(between: Tensor, mode: Mode): Prepared {
    const weight = this.#pointwiseEngineKernel.of(this.pointwiseKernel, this.operation);
    const prepared = prepareConv(between, weight, this.bias, this.#pointwise, mode, this.operation);
    return fromImages(prepared, this.#settings.rank, this.#format, mode);
  }

  protected override extraRepr(): string {
    const shown = describeFilter(this.kernelSize, this.#settings, this.#padding);
    if (this.depthMultiplier !== 1) shown.push(`depthMultiplier=${this.depthMultiplier}`);
    if (this.#pointwise.activation.kind !== 'none') {
      shown.push(`activation='${this.#pointwise.activation.kind}'`);
    }
    return [`filters=${this.filters}`, ...shown].join(', ');
  }
}

/**
 * 1-D depthwise, then pointwise convolution: x [N, L, C] to [N, L', filters], like {@link SeparableConv2D}; with padding
 * 'causal' too.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * const conv = new SeparableConv1D({ filters: 32, kernelSize: 5, padding: 'same' });
 * conv.forward(Tensor.zeros([1, 100, 8])).shape; // [1, 100, 32]
 */
export class SeparableConv1D extends SeparableConv {
  constructor(options: SeparableConv1DOptions) {
    super(1, options);
  }
}

/**
 * 2-D depthwise convolution without a bias, then a 1x1 convolution: x [N, H, W, C] to [N, H', W', filters], sized as by
 * `Conv2D`. Its weights are [kernelHeight, kernelWidth, C, depthMultiplier], [1, 1, C * depthMultiplier, filters] and
 * [filters]. Chollet 2017, Xception.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * const conv = new SeparableConv2D({ filters: 16, kernelSize: 3, padding: 'same', activation: 'relu' });
 * conv.forward(Tensor.zeros([1, 28, 28, 3])).shape; // [1, 28, 28, 16]
 * conv.getWeights().map((weight) => weight.shape); // [[3, 3, 3, 1], [1, 1, 3, 16], [16]]
 */
export class SeparableConv2D extends SeparableConv {
  constructor(options: SeparableConv2DOptions) {
    super(2, options);
  }
}
