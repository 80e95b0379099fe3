// Keras's Conv2D over ops.conv2d. Channels-last tensors lie in memory as the engine wants them, so nothing is converted.

import { active } from '../backend/index.js';
import { wrongShape, wrongType, wrongValue } from '../errors.js';
import { Layer } from '../nn/layer.js';
import { nextStream, uniformInto } from '../numerics/philox.js';
import type { ActivationName } from '../ops/activation.js';
import { prepareConv } from '../ops/conv.js';
import { type ConvSettings, parseConvOptions } from '../ops/conv-options.js';
import { checkTensor, type Mode, rowMajor } from '../ops/inputs.js';
import { flag, knownOptions, oneOf, type PerDimension, perDimension, wholeNumber } from '../ops/options.js';
import type { Prepared } from '../ops/run.js';
import { allocate, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { storageOf, Tensor, wrap } from '../tensor/tensor.js';

export interface Conv2DOptions {
  /** Output channels. */
  filters: number;
  /** Height and width of the windows. */
  kernelSize: PerDimension;
  /** Steps between neighbouring windows; 1. */
  strides?: PerDimension;
  /** 'valid' (the default) adds nothing; 'same' makes the output size ceil(input / strides). */
  padding?: 'valid' | 'same';
  /** Steps between neighbouring taps of a window; 1. */
  dilationRate?: PerDimension;
  /** Input and output channels fall into so many groups that do not see each other; 1. */
  groups?: number;
  /** Applied to the result; 'linear' (the default) is none. */
  activation?: ActivationName | 'linear' | null;
  /** Whether a learned number is added to each output channel; true. */
  useBias?: boolean;
}

const NAMES = [
  'filters',
  'kernelSize',
  'strides',
  'padding',
  'dilationRate',
  'groups',
  'activation',
  'useBias',
] as const satisfies readonly (keyof Conv2DOptions)[];

const KERNEL = { name: 'kernelSize', least: 1, law: 'kernelSize must be positive', unit: 1 };

/**
 * 2-D convolution of channels-last images: x [N, H, W, C] or [H, W, C] to [N, H', W', filters]. The number of input
 * channels is that of the first input, which is when the weights are made: the kernel [height, width, C / groups, filters]
 * by Glorot and Bengio's uniform rule (2010), the bias zero, as in Keras.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * const conv = new Conv2D({ filters: 8, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' });
 * conv.forward(Tensor.zeros([1, 32, 32, 3])).shape; // [1, 16, 16, 8]
 */
export class Conv2D extends Layer {
  /** [kernelHeight, kernelWidth, inChannels / groups, filters]; null until the first input or `build`. */
  kernel: Tensor | null = null;
  /** [filters]; null until the first input, or without `useBias`. */
  bias: Tensor | null = null;
  readonly filters: number;
  readonly kernelSize: readonly number[];
  readonly #useBias: boolean;
  readonly #settings: ConvSettings;
  #weight: { tensor: Tensor; kernel: Tensor; version: number } | undefined;

  constructor(options: Conv2DOptions) {
    super();
    const {
      filters,
      kernelSize,
      strides = 1,
      padding = 'valid',
      dilationRate = 1,
      groups = 1,
      activation,
      useBias = true,
    } = knownOptions(options, NAMES, 'Conv2D');
    if (filters === undefined || kernelSize === undefined) {
      throw wrongType('Conv2D', `${filters === undefined ? 'filters' : 'kernelSize'} is missing`);
    }
    this.filters = wholeNumber(filters, 1, 'filters', 'filters must be a positive integer', 'Conv2D');
    const kernel = perDimension(kernelSize, 2, KERNEL, 'Conv2D');
    this.kernelSize = Object.freeze([kernel[1], kernel[2]]);
    this.#useBias = flag(useBias, 'useBias', 'Conv2D');
    this.#settings = parseConvOptions(
      {
        stride: strides,
        padding: oneOf<'valid' | 'same'>(padding, ['valid', 'same'], 'padding', 'Conv2D'),
        dilation: dilationRate,
        groups,
        activation: activation === 'linear' ? null : activation,
      },
      2,
      'Conv2D',
    );
    if (this.filters % this.#settings.groups !== 0) {
      throw wrongValue(
        'Conv2D',
        `The number of filters must be evenly divisible by the number of groups. Received: groups=${groups}, filters=${filters}`,
      );
    }
  }

  /** Makes the weights for inputs of so many channels. */
  build(inChannels: number): void {
    const channels = wholeNumber(
      inChannels,
      1,
      'inChannels',
      'inChannels must be a positive integer',
      'Conv2D',
    );
    const { groups } = this.#settings;
    if (channels % groups !== 0) {
      throw wrongShape(
        'Conv2D',
        `the input's ${channels} channels must be evenly divisible by groups=${groups}`,
      );
    }
    const [height, width] = this.kernelSize;
    const shape = [height, width, channels / groups, this.filters];
    const data = allocate(shape, 'Conv2D');
    const limit = Math.sqrt(6 / (height * width * (channels / groups + this.filters)));
    uniformInto(data, nextStream(), -limit, limit);
    this.kernel = wrap(data, ROW_MAJOR, shape);
    this.bias = this.#useBias ? Tensor.zeros([this.filters]) : null;
  }

  protected get operation(): string {
    return 'Conv2D';
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkTensor(x, 'x', 'Conv2D');
    const rank = x.shape.length;
    if (rank !== 3 && rank !== 4) {
      throw wrongShape(
        'Conv2D',
        `expected input [N, H, W, C] or [H, W, C], but got input of size: ${showShape(x.shape)}`,
      );
    }
    const channels = x.shape[rank - 1];
    if (this.kernel === null) this.build(channels);
    const weight = this.#filter();
    const expected = weight.shape[1] * this.#settings.groups;
    if (channels !== expected) {
      throw wrongShape(
        'Conv2D',
        `kernel ${showShape(this.kernel?.shape ?? [])} needs ${expected} input channels, but the input has ${channels} channels (full input shape is ${showShape(x.shape)})`,
      );
    }

    // The same memory under the engine's names: [N, H, W, C] is [N, C, H, W] laid out channels-last.
    const axis = rank - 3;
    const outer = x.shape.slice(0, axis);
    const image = wrap(rowMajor(x, mode, 'Conv2D'), axis, [
      ...outer,
      channels,
      ...x.shape.slice(axis, axis + 2),
    ]);
    const prepared = prepareConv(image, weight, this.bias, this.#settings, mode, 'Conv2D');
    const [height, width] = prepared.output.shape.slice(-2);
    const y = storageOf(prepared.output).data;
    const output = wrap(y, ROW_MAJOR, [...outer, height, width, this.filters]);
    return { ...prepared, output };
  }

  protected override extraRepr(): string {
    return `filters=${this.filters}, kernelSize=[${this.kernelSize.join(', ')}]`;
  }

  /** The kernel in the order of ops.conv2d, made anew where it may have changed. */
  #filter(): Tensor {
    const { kernel } = this;
    checkTensor(kernel, 'kernel', 'Conv2D');
    const { version } = storageOf(kernel);
    if (this.#weight?.kernel === kernel && this.#weight.version === version) return this.#weight.tensor;
    if (kernel.shape.length !== 4) {
      throw wrongShape(
        'Conv2D',
        `kernel must be [kernelHeight, kernelWidth, inChannels / groups, filters], but got ${showShape(kernel.shape)}`,
      );
    }
    const [height, width, channels, filters] = kernel.shape;
    const data = rowMajor(kernel, 'now', 'Conv2D');
    const turned = new Float32Array(data.length);
    const result = new Float32Array(data.length);
    if (data.length > 0) {
      active().toChannelsFirst(data, turned, 1, filters, height * width * channels);
      active().toChannelsFirst(turned, result, filters, channels, height * width);
    }
    const tensor = wrap(result, ROW_MAJOR, [filters, channels, height, width]);
    this.#weight = { tensor, kernel, version };
    return tensor;
  }
}
