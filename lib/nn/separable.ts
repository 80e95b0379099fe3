// The depthwise separable convolution: two convolutions under one name.

import { wrongValue } from '../errors.js';
import { type ActivationName, parseActivation } from '../ops/activation.js';
import { CONV_OPTION_NAMES, type ConvOptions, parseConvOptions } from '../ops/conv-options.js';
import { channelAxisOf, checkTensor } from '../ops/inputs.js';
import { flag, knownOptions, type PerDimension, perDimension } from '../ops/options.js';
import { checkedSignal, type ForwardOptions } from '../ops/run.js';
import { Tensor } from '../tensor/tensor.js';
import { Conv2d } from './conv.js';
import { KERNEL } from './conv-layer.js';
import { Module } from './module.js';
import { arrive, checkedCount, WAITING_CURE, waitFor } from './weighted-layer.js';

type DepthwiseOptions = Omit<ConvOptions, 'groups' | 'activation' | 'negativeSlope'>;

export interface DepthwiseSeparableConv2dOptions extends DepthwiseOptions {
  /** Channels that the depthwise step makes of each input channel; 1. */
  depthMultiplier?: number;
  /** Applied between the steps; 'none', as in Xception. MobileNet has 'relu' there. */
  depthwiseActivation?: ActivationName | null;
  /** Applied after the pointwise step; 'none'. */
  activation?: ActivationName | null;
  /** Where either activation is 'leakyRelu': the slope left of zero; 0.01. */
  negativeSlope?: number;
  /** Whether the depthwise step adds a learned number to each of its channels; as `bias`. */
  depthwiseBias?: boolean;
  /** Whether the pointwise step adds a learned number to each output channel; true. */
  bias?: boolean;
}

const OPTION_NAMES = [
  ...CONV_OPTION_NAMES.filter((name) => name !== 'groups'),
  'depthMultiplier',
  'depthwiseActivation',
  'depthwiseBias',
  'bias',
] as const;

const LABEL = 'DepthwiseSeparableConv2d';

/**
 * A spatial convolution of each channel by itself, then a 1x1 convolution that mixes them: x [N, inChannels, H, W] or
 * [inChannels, H, W] to [N, outChannels, H', W'], sized as by `ops.conv2d`. Of a full convolution's multiplications it
 * needs depthMultiplier * (1 / outChannels + 1 / (kernelHeight * kernelWidth)), or nearly so (Howard et al. 2017,
 * MobileNets; Chollet 2017, Xception).
 *
 * Stride, padding, dilation and padding mode are the depthwise step's. The parameters are those of two layers, `depthwise`
 * [inChannels * depthMultiplier, 1, kernelHeight, kernelWidth] and `pointwise` [outChannels, inChannels * depthMultiplier, 1, 1].
 * With `null` for inChannels the first input says how many there are.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * const layer = new nn.DepthwiseSeparableConv2d(32, 64, 3, { padding: 1, depthwiseActivation: 'relu', activation: 'relu' });
 * layer.forward(Tensor.randn([1, 32, 16, 16])).shape; // [1, 64, 16, 16]
 * Object.keys(layer.stateDict()); // ['depthwise.weight', 'depthwise.bias', 'pointwise.weight', 'pointwise.bias']
 */
export class DepthwiseSeparableConv2d extends Module {
  /** One filter per channel and multiple; there once the number of input channels is known. */
  declare readonly depthwise: Conv2d;
  /** The 1x1 convolution that follows. */
  declare readonly pointwise: Conv2d;
  readonly outChannels: number;
  readonly depthMultiplier: number;
  readonly kernelSize: readonly number[];
  readonly #make: (inChannels: number) => { depthwise: Conv2d; pointwise: Conv2d };
  #waiting: boolean;

  constructor(
    inChannels: number | null,
    outChannels: number,
    kernelSize: PerDimension,
    options?: DepthwiseSeparableConv2dOptions,
  ) {
    super();
    const {
      depthMultiplier = 1,
      depthwiseActivation,
      activation,
      negativeSlope,
      bias = true,
      depthwiseBias = bias,
      ...spatial
    } = knownOptions(options, OPTION_NAMES, LABEL);
    parseConvOptions(spatial, 2, LABEL);
    const kernel = perDimension(kernelSize, 2, KERNEL, LABEL).slice(1);
    const multiplier = checkedCount(depthMultiplier, 'depthMultiplier', LABEL);
    const outputs = checkedCount(outChannels, 'outChannels', LABEL);
    const biases = {
      depthwise: flag(depthwiseBias, 'depthwiseBias', LABEL),
      pointwise: flag(bias, 'bias', LABEL),
    };
    const between = activationOptions(depthwiseActivation, negativeSlope);
    const after = activationOptions(activation, negativeSlope);
    if (
      negativeSlope !== undefined &&
      between.negativeSlope === undefined &&
      after.negativeSlope === undefined
    ) {
      throw wrongValue(LABEL, "negativeSlope is read with 'leakyRelu' only", "add activation: 'leakyRelu'");
    }
    this.outChannels = outputs;
    this.depthMultiplier = multiplier;
    this.kernelSize = Object.freeze(kernel);
    this.#make = (count) => ({
      depthwise: new Conv2d(count, count * multiplier, kernel, {
        ...spatial,
        ...between,
        groups: count,
        bias: biases.depthwise,
      }),
      pointwise: new Conv2d(count * multiplier, outputs, 1, { ...after, bias: biases.pointwise }),
    });
    this.#waiting = inChannels === null;
    if (inChannels !== null) {
      arrive(this, this.#make(checkedCount(inChannels, 'inChannels', LABEL)));
      return;
    }
    this.#wait();
  }

  override forward(x: Tensor): Tensor {
    const waited = this.#waiting;
    this.#settle(x);
    try {
      return this.pointwise.forward(this.depthwise.forward(x));
    } catch (error) {
      if (waited) this.#wait();
      throw error;
    }
  }

  /** Both steps off the event loop; see {@link Layer.forwardAsync}. */
  override async forwardAsync(x: Tensor, options?: ForwardOptions): Promise<Tensor> {
    const signal = checkedSignal(options, LABEL);
    signal?.throwIfAborted();
    this.#settle(x);
    const between = await this.depthwise.forwardAsync(x, { signal });
    return this.pointwise.forwardAsync(between, { signal });
  }

  protected override pending(): string | null {
    return this.#waiting ? 'inChannels is inferred from the first input' : null;
  }

  protected override adopt(find: (name: string) => Tensor | undefined): void {
    const weight = find('depthwise.weight');
    const count = weight instanceof Tensor ? weight.shape[0] / this.depthMultiplier : 0;
    if (Number.isInteger(count) && count > 0) this.#begin(count);
  }

  protected override forget(): void {
    this.#wait();
  }

  protected override extraRepr(): string {
    if (!this.#waiting) return '';
    return `null, ${this.outChannels}, kernelSize=[${this.kernelSize.join(', ')}]`;
  }

  #settle(x: Tensor): void {
    if (!this.#waiting) return;
    checkTensor(x, 'x', LABEL);
    this.#begin(checkedCount(x.shape[channelAxisOf(x.shape, 2, LABEL)], 'inChannels', LABEL));
  }

  #wait(): void {
    this.#waiting = true;
    for (const name of ['depthwise', 'pointwise']) {
      waitFor(this, name, () =>
        wrongValue(LABEL, `${name} is not there yet: ${this.pending()}`, WAITING_CURE),
      );
    }
  }

  #begin(inChannels: number): void {
    arrive(this, this.#make(inChannels));
    this.#waiting = false;
    this.train(this.training);
  }
}

/** The slope goes with a leaky activation only. */
function activationOptions(activation: ActivationName | null | undefined, negativeSlope: number | undefined) {
  const slope = activation === 'leakyRelu' && negativeSlope !== undefined ? { negativeSlope } : {};
  parseActivation(activation, slope.negativeSlope, LABEL);
  return { activation, ...slope };
}
