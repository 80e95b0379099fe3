// Convolution layers: sizes, options and initial weights; the work is that of ops.conv1d, conv2d and conv3d. One base
// serves every number of dimensions.

import { computeConv, prepareConv } from '../ops/conv.js';
import {
  CONV_OPTION_NAMES,
  type ConvOptions,
  type Padding1d,
  parseConvOptions,
} from '../ops/conv-options.js';
import type { Mode } from '../ops/inputs.js';
import { knownOptions, type PerDimension } from '../ops/options.js';
import type { Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { ConvLayer } from './conv-layer.js';

interface BiasOption {
  /** Whether a learned number is added to each output channel; true. */
  bias?: boolean;
}

export interface Conv1dOptions extends ConvOptions<Padding1d>, BiasOption {}
export interface Conv2dOptions extends ConvOptions, BiasOption {}
export interface Conv3dOptions extends ConvOptions, BiasOption {}

/** A convolution of `rank` spatial dimensions. */
abstract class ForwardConvLayer extends ConvLayer {
  constructor(
    rank: number,
    inChannels: number | null,
    outChannels: number,
    kernelSize: PerDimension,
    options: Conv1dOptions | undefined,
  ) {
    const label = `Conv${rank}d`;
    const { bias = true, ...rest } = knownOptions(options, [...CONV_OPTION_NAMES, 'bias'], label);
    const settings = parseConvOptions(rest, rank, label);
    super({ label, operation: `conv${rank}d`, inChannels, outChannels, kernelSize, bias, settings });
  }

  override forward(x: Tensor): Tensor {
    if (!this.begun) return super.forward(x);
    return computeConv(x, this.weight, this.bias, this.settings, this.operation);
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    return this.settledFor(x, () =>
      prepareConv(x, this.weight, this.bias, this.settings, mode, this.operation),
    );
  }
}

/**
 * 1-D convolution: x [N, inChannels, L] or [inChannels, L] to [N, outChannels, L'], as `ops.conv1d` computes it; padding
 * `'causal'` among its options. Weights begin, and `null` waits, as in {@link Conv2d}.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * const conv = new nn.Conv1d(16, 32, 2, { dilation: 4, padding: 'causal' });
 * conv.forward(Tensor.randn([1, 16, 100])).shape; // [1, 32, 100]
 */
export class Conv1d extends ForwardConvLayer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  /** [outChannels, inChannels / groups, kernelWidth] */
  declare weight: Tensor;
  /** [outChannels], or null */
  declare bias: Tensor | null;

  constructor(
    inChannels: number | null,
    outChannels: number,
    kernelSize: PerDimension,
    options?: Conv1dOptions,
  ) {
    super(1, inChannels, outChannels, kernelSize, options);
  }
}

/**
 * 2-D convolution: x [N, inChannels, H, W] or [inChannels, H, W] to [N, outChannels, H', W'], as `ops.conv2d` computes it.
 *
 * Weight and bias begin uniform in ±1 / sqrt(inChannels / groups * kernelHeight * kernelWidth), PyTorch's default (Kaiming,
 * He et al. 2015, with a = sqrt(5)), from `manualSeed`'s sequence. With `null` for inChannels the first input says how many
 * there are (PyTorch's LazyConv2d); until then there are no parameters, and asking for them is an error.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * const conv = new nn.Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false });
 * conv.forward(Tensor.randn([1, 3, 32, 32])).shape; // [1, 64, 16, 16]
 */
export class Conv2d extends ForwardConvLayer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  /** [outChannels, inChannels / groups, kernelHeight, kernelWidth] */
  declare weight: Tensor;
  /** [outChannels], or null */
  declare bias: Tensor | null;

  constructor(
    inChannels: number | null,
    outChannels: number,
    kernelSize: PerDimension,
    options?: Conv2dOptions,
  ) {
    super(2, inChannels, outChannels, kernelSize, options);
  }
}

/**
 * 3-D convolution: x [N, inChannels, D, H, W] or [inChannels, D, H, W] to [N, outChannels, D', H', W'], as `ops.conv3d`
 * computes it. Weights begin, and `null` waits, as in {@link Conv2d}.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * const conv = new nn.Conv3d(3, 16, 3, { stride: [1, 2, 2], padding: 1 });
 * conv.forward(Tensor.randn([1, 3, 8, 32, 32])).shape; // [1, 16, 8, 16, 16]
 */
export class Conv3d extends ForwardConvLayer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  /** [outChannels, inChannels / groups, kernelDepth, kernelHeight, kernelWidth] */
  declare weight: Tensor;
  /** [outChannels], or null */
  declare bias: Tensor | null;

  constructor(
    inChannels: number | null,
    outChannels: number,
    kernelSize: PerDimension,
    options?: Conv3dOptions,
  ) {
    super(3, inChannels, outChannels, kernelSize, options);
  }
}
