// The fully connected layer; the work is ops.linear's.

import type { ConvSettings } from '../ops/conv-options.js';
import { checkTensor, type Mode } from '../ops/inputs.js';
import { type LinearOptions, parseLinearOptions, prepareLinear } from '../ops/linear.js';
import { flag, knownOptions } from '../ops/options.js';
import type { Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { describeActivation } from './describe.js';
import { checkedCount, WeightedLayer } from './weighted-layer.js';

export interface LinearLayerOptions extends LinearOptions {
  /** Whether a learned number is added to each output feature; true. */
  bias?: boolean;
}

/**
 * x [..., inFeatures] to [..., outFeatures], as `ops.linear` computes it. Weight and bias begin uniform in
 * ±1 / sqrt(inFeatures). With `null` for inFeatures the first input says it.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * new nn.Linear(8, 10).forward(Tensor.randn([2, 8])).shape; // [2, 10]
 */
export class Linear extends WeightedLayer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  /** [outFeatures, inFeatures] */
  declare weight: Tensor;
  /** [outFeatures], or null */
  declare bias: Tensor | null;
  readonly outFeatures: number;
  readonly #settings: ConvSettings;

  constructor(inFeatures: number | null, outFeatures: number, options?: LinearLayerOptions) {
    const { bias = true, ...rest } = knownOptions(options, ['activation', 'negativeSlope', 'bias'], 'Linear');
    const settings = parseLinearOptions(rest, 'Linear');
    const outputs = checkedCount(outFeatures, 'outFeatures', 'Linear');
    super({
      label: 'Linear',
      inputsName: 'inFeatures',
      inputs: inFeatures === null ? null : checkedCount(inFeatures, 'inFeatures', 'Linear'),
      outputs,
      bias: flag(bias, 'bias', 'Linear'),
      shape: (inputs) => [outputs, inputs],
      inputsOf: (shape) => shape[1],
    });
    this.outFeatures = outputs;
    this.#settings = settings;
  }

  /** @throws RangeError where it is not known before the first input. */
  get inFeatures(): number {
    return this.inputs;
  }

  protected get operation(): string {
    return 'linear';
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkTensor(x, 'x', 'linear');
    return this.settled(
      () => checkedCount(x.shape.at(-1) ?? 0, 'inFeatures', 'Linear'),
      () => prepareLinear(x, this.weight, this.bias, this.#settings, mode, 'linear'),
    );
  }

  protected override extraRepr(): string {
    return [
      this.shownInputs,
      this.outFeatures,
      ...describeActivation(this.#settings.activation),
      ...(this.hasBias ? [] : ['bias=false']),
    ].join(', ');
  }
}
