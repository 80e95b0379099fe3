// What convolution layers of both directions share: sizes, channels, and how they are shown. Which way one computes, and
// how its weight lies, its own class says.

import { type ConvSettings, checkServed } from '../ops/conv-options.js';
import { channelAxisOf, checkTensor } from '../ops/inputs.js';
import { flag, type PerDimension, perDimension } from '../ops/options.js';
import type { Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { describeConv } from './describe.js';
import { checkDivisible, checkedCount, WeightedLayer } from './weighted-layer.js';

export const KERNEL = {
  name: 'kernelSize',
  least: 1,
  law: 'kernel size should be greater than zero',
  unit: 1,
};

/** A convolution as its constructor was asked for it. */
export interface ConvPlan {
  /** The layer's name in sentences, and its function's. */
  readonly label: string;
  readonly operation: string;
  readonly inChannels: number | null;
  readonly outChannels: number;
  readonly kernelSize: PerDimension;
  readonly bias: unknown;
  readonly settings: ConvSettings;
}

export abstract class ConvLayer extends WeightedLayer {
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly #settings: ConvSettings;
  readonly #operation: string;

  constructor({ label, operation, inChannels, outChannels, kernelSize, bias, settings }: ConvPlan) {
    const { groups, rank, transposed } = settings;
    const inputs = inChannels === null ? null : checkedCount(inChannels, 'inChannels', label);
    const outputs = checkedCount(outChannels, 'outChannels', label);
    if (inputs !== null) checkDivisible('in_channels', inputs, groups, label);
    checkDivisible('out_channels', outputs, groups, label);
    const triple = perDimension(kernelSize, rank, KERNEL, label);
    checkServed(settings, triple, label);
    const kernel = triple.slice(3 - rank);
    super({
      label,
      inputsName: 'inChannels',
      inputs,
      outputs,
      bias: flag(bias, 'bias', label),
      shape(count) {
        checkDivisible('in_channels', count, groups, label);
        return transposed ? [count, outputs / groups, ...kernel] : [outputs, count / groups, ...kernel];
      },
      inputsOf: (shape) => (transposed ? shape[0] : shape[1] * groups),
    });
    this.outChannels = outputs;
    this.kernelSize = Object.freeze(kernel);
    this.#settings = settings;
    this.#operation = operation;
  }

  /** @throws RangeError where it is not known before the first input. */
  get inChannels(): number {
    return this.inputs;
  }

  protected get operation(): string {
    return this.#operation;
  }

  protected get settings(): ConvSettings {
    return this.#settings;
  }

  /** Does `use` with parameters for the channels of x. */
  protected settledFor(x: Tensor, use: () => Prepared): Prepared {
    return this.settled(() => {
      checkTensor(x, 'x', this.#operation);
      const axis = channelAxisOf(x.shape, this.#settings.rank, this.#operation);
      return checkedCount(x.shape[axis], 'inChannels', this.#operation);
    }, use);
  }

  /** What a class shows beside the rest. */
  protected extraSettings(): string[] {
    return [];
  }

  protected override extraRepr(): string {
    return [
      this.shownInputs,
      this.outChannels,
      `kernelSize=[${this.kernelSize.join(', ')}]`,
      ...describeConv(this.#settings),
      ...this.extraSettings(),
      ...(this.hasBias ? [] : ['bias=false']),
    ].join(', ');
  }
}
