// Convolution layers: sizes, options and initial weights; the work is that of ops.conv1d, conv2d and conv3d. One base
// serves every number of dimensions.

import { checkWinograd } from '../ops/algorithm.js';
import { prepareConv } from '../ops/conv.js';
import {
  CONV_OPTION_NAMES,
  type ConvOptions,
  type ConvSettings,
  type Padding1d,
  parseConvOptions,
} from '../ops/conv-options.js';
import { channelAxisOf, checkTensor, type Mode } from '../ops/inputs.js';
import { flag, knownOptions, type PerDimension, perDimension } from '../ops/options.js';
import type { Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { describeConv } from './describe.js';
import { checkDivisible, checkedCount, WeightedLayer } from './weighted-layer.js';

interface BiasOption {
  /** Whether a learned number is added to each output channel; true. */
  bias?: boolean;
}

export interface Conv1dOptions extends ConvOptions<Padding1d>, BiasOption {}
export interface Conv2dOptions extends ConvOptions, BiasOption {}
export interface Conv3dOptions extends ConvOptions, BiasOption {}

export const KERNEL = {
  name: 'kernelSize',
  least: 1,
  law: 'kernel size should be greater than zero',
  unit: 1,
};

/** A convolution of `rank` spatial dimensions. */
abstract class ConvLayer extends WeightedLayer {
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly #settings: ConvSettings;
  readonly #operation: string;

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
    const { groups } = settings;
    const inputs = inChannels === null ? null : checkedCount(inChannels, 'inChannels', label);
    const outputs = checkedCount(outChannels, 'outChannels', label);
    if (inputs !== null) checkDivisible('in_channels', inputs, groups, label);
    checkDivisible('out_channels', outputs, groups, label);
    const kernelTriple = perDimension(kernelSize, rank, KERNEL, label);
    checkWinograd(settings.algorithm, { ...settings, kernelSize: kernelTriple }, label);
    const kernel = kernelTriple.slice(3 - rank);
    super({
      label,
      inputsName: 'inChannels',
      inputs,
      outputs,
      bias: flag(bias, 'bias', label),
      shape(count) {
        checkDivisible('in_channels', count, groups, label);
        return [outputs, count / groups, ...kernel];
      },
      inputsOf: (shape) => shape[1] * groups,
    });
    this.outChannels = outputs;
    this.kernelSize = Object.freeze(kernel);
    this.#settings = settings;
    this.#operation = `conv${rank}d`;
  }

  /** @throws RangeError where it is not known before the first input. */
  get inChannels(): number {
    return this.inputs;
  }

  protected get operation(): string {
    return this.#operation;
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    const count = () => {
      checkTensor(x, 'x', this.#operation);
      const axis = channelAxisOf(x.shape, this.#settings.rank, this.#operation);
      return checkedCount(x.shape[axis], 'inChannels', this.#operation);
    };
    return this.settled(count, () =>
      prepareConv(x, this.weight, this.bias, this.#settings, mode, this.#operation),
    );
  }

  protected override extraRepr(): string {
    return [
      this.shownInputs,
      this.outChannels,
      `kernelSize=[${this.kernelSize.join(', ')}]`,
      ...describeConv(this.#settings),
      ...(this.hasBias ? [] : ['bias=false']),
    ].join(', ');
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
export class Conv1d extends ConvLayer {
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
export class Conv2d extends ConvLayer {
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
export class Conv3d extends ConvLayer {
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
