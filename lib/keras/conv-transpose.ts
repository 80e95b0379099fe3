// Keras's transposed convolutions, with Keras's rules for the size of the output.

import { show, wrongValue } from '../errors.js';
import { effectiveKernel } from '../ops/conv-geometry.js';
import type { ConvSettings } from '../ops/conv-options.js';
import { prepareConvTranspose } from '../ops/conv-transpose.js';
import { parseConvTransposeOptions } from '../ops/conv-transpose-options.js';
import type { Mode } from '../ops/inputs.js';
import { type PerDimension, perDimension } from '../ops/options.js';
import type { Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { WINDOW_NAMES } from './conv.js';
import { asImages, channelAxisIn, checkImages, type DataFormat, fromImages } from './data-format.js';
import { EngineKernel } from './engine-kernel.js';
import { type Initializer, type InitializerName, parseInitializer } from './initializers.js';
import { WeightedKerasLayer } from './layer.js';
import {
  checkedFilters,
  describeFilter,
  FILTER_OPTION_NAMES,
  type FilterOptions,
  own,
  parseFilterOptions,
  required,
} from './window-options.js';

export interface ConvTransposeOptions extends FilterOptions {
  /** Output channels. */
  filters: number;
  /** Positions at the end of the output, fewer than strides; without it the size is as the class says. */
  outputPadding?: PerDimension | null;
  /** 'glorotUniform'. */
  kernelInitializer?: Initializer | InitializerName;
}

export type Conv1DTransposeOptions = ConvTransposeOptions;
export type Conv2DTransposeOptions = ConvTransposeOptions;
export type Conv3DTransposeOptions = ConvTransposeOptions;

const NAMES = [...FILTER_OPTION_NAMES, 'filters', 'outputPadding', 'kernelInitializer'];

/** Positions cut off at both ends of one dimension of the full transpose, and added at its end. */
interface Crop {
  readonly cut: readonly [begin: number, end: number];
  readonly added: number;
}

/** `total` positions fewer than the full transpose has; where it is negative, so many more. */
const cropBy = (total: number): Crop => {
  const begin = Math.floor(Math.max(0, total) / 2);
  return { cut: [begin, Math.max(0, total) - begin], added: Math.max(0, -total) };
};

/**
 * The full transpose has (input - 1) * stride + window positions. Keras's output has
 * - 'valid': input * stride + max(window - stride, 0), or full + outputPadding
 * - 'same': input * stride, or full - 2 * floor(window / 2) + outputPadding, the odd one cut at the end
 */
function cropOf(padding: string, window: number, stride: number, outputPadding: number | null): Crop {
  if (padding === 'same') {
    return cropBy(outputPadding === null ? window - stride : 2 * Math.floor(window / 2) - outputPadding);
  }
  return { cut: [0, 0], added: outputPadding ?? Math.max(0, stride - window) };
}

abstract class ConvTranspose extends WeightedKerasLayer {
  /** [...kernelSize, filters, inChannels]; null until the input channels are known. */
  declare kernel: Tensor | null;
  /** [filters]; null until the input channels are known, or without `useBias`. */
  declare bias: Tensor | null;
  readonly filters: number;
  readonly kernelSize: readonly number[];
  readonly #padding: string;
  readonly #format: DataFormat;
  readonly #settings: ConvSettings;
  readonly #engineKernel: EngineKernel;

  constructor(rank: number, options: ConvTransposeOptions) {
    const label = `Conv${rank}DTranspose`;
    const parsed = parseFilterOptions(options, NAMES, rank, label);
    const { given, kernelSize, useBias, format, settings } = parsed;
    required(given, ['filters'], label);
    const filters = checkedFilters(given.filters, label);
    const initializer = parseInitializer(
      given.kernelInitializer,
      'glorotUniform',
      'kernelInitializer',
      label,
    );
    const biasInitializer = parseInitializer(given.biasInitializer, 'zeros', 'biasInitializer', label);
    const stride = own(settings.stride, rank);
    const dilation = own(settings.dilation, rank);
    const outputPadding = parseOutputPadding(given.outputPadding, stride, label);
    const crops = kernelSize.map((size, axis) =>
      cropOf(
        parsed.padding,
        effectiveKernel(size, dilation[axis]),
        stride[axis],
        outputPadding === null ? null : outputPadding[axis],
      ),
    );
    super(label, given, {
      names: useBias ? ['kernel', 'bias'] : ['kernel'],
      begin(inputs) {
        const kernel = { shape: [...kernelSize, filters, inputs], initializer };
        const bias = { shape: [filters], initializer: biasInitializer };
        return useBias ? [kernel, bias] : [kernel];
      },
      inputsOf: (shape) => shape.at(-1) ?? 0,
      dimensions: rank + 2,
      channelAxis: (shape) => channelAxisIn(shape, rank, format),
    });
    if (!useBias) this.bias = null;
    this.filters = filters;
    this.kernelSize = kernelSize;
    this.#padding = parsed.padding;
    this.#format = format;
    const sized = parseConvTransposeOptions(
      {
        stride,
        dilation,
        padding: crops.map(({ cut }) => cut),
        outputPadding: crops.map(({ added }) => added),
      },
      rank,
      label,
    );
    this.#settings = { ...sized, activation: settings.activation };
    this.#engineKernel = new EngineKernel('kernel', [...WINDOW_NAMES[rank], 'filters', 'inChannels']);
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    const { rank } = this.#settings;
    checkImages(x, rank, this.#format, this.operation);
    this.settle(x.shape);
    const weight = this.#engineKernel.of(this.kernel, this.operation);
    const images = asImages(x, rank, this.#format, mode, this.operation);
    const { bias, operation } = this;
    const prepared = prepareConvTranspose(images, weight, bias, this.#settings, null, mode, operation);
    return fromImages(prepared, rank, this.#format, mode);
  }

  protected override extraRepr(): string {
    return [
      `filters=${this.filters}`,
      ...describeFilter(this.kernelSize, this.#settings, this.#padding),
    ].join(', ');
  }
}

function parseOutputPadding(
  value: unknown,
  stride: readonly number[],
  label: string,
): readonly number[] | null {
  if (value === undefined || value === null) return null;
  const rank = stride.length;
  const law = 'negative output padding is not supported';
  const added = own(
    perDimension(value, rank, { name: 'outputPadding', least: 0, law, unit: 0 }, label),
    rank,
  );
  if (added.every((size, axis) => size < stride[axis])) return added;
  throw wrongValue(
    label,
    `strides must be greater than output padding. Received: strides=${show([...stride])}, outputPadding=${show(value)}`,
  );
}

/**
 * 1-D transposed convolution of channels-last sequences: x [N, L, C] to [N, L', filters], like {@link Conv2DTranspose}.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * const conv = new Conv1DTranspose({ filters: 8, kernelSize: 4, strides: 2, padding: 'same' });
 * conv.forward(Tensor.zeros([1, 50, 16])).shape; // [1, 100, 8]
 */
export class Conv1DTranspose extends ConvTranspose {
  constructor(options: Conv1DTransposeOptions) {
    super(1, options);
  }
}

/**
 * 2-D transposed convolution of channels-last images: x [N, H, W, C] to [N, H', W', filters], where H' = H * strides with
 * padding 'same', and H * strides + max(kernelHeight - strides, 0) with 'valid'. With `outputPadding`, H' is
 * (H - 1) * strides + kernelHeight + outputPadding, with 'same' less 2 * floor(kernelHeight / 2). A dilated kernel counts
 * as wide as it reaches. The kernel is [kernelHeight, kernelWidth, filters, C]. Dumoulin and Visin 2016.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * const conv = new Conv2DTranspose({ filters: 8, kernelSize: 3, strides: 2, padding: 'same' });
 * conv.forward(Tensor.zeros([1, 7, 7, 16])).shape; // [1, 14, 14, 8]
 */
export class Conv2DTranspose extends ConvTranspose {
  constructor(options: Conv2DTransposeOptions) {
    super(2, options);
  }
}

/**
 * 3-D transposed convolution of channels-last volumes: x [N, D, H, W, C] to [N, D', H', W', filters], like
 * {@link Conv2DTranspose}.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * const conv = new Conv3DTranspose({ filters: 4, kernelSize: 2, strides: 2 });
 * conv.forward(Tensor.zeros([1, 2, 4, 4, 8])).shape; // [1, 4, 8, 8, 4]
 */
export class Conv3DTranspose extends ConvTranspose {
  constructor(options: Conv3DTransposeOptions) {
    super(3, options);
  }
}
