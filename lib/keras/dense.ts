// Keras's fully connected layer.

import { wrongShape } from '../errors.js';
import type { ConvSettings } from '../ops/conv-options.js';
import { channelsLast, checkTensor, type Mode } from '../ops/inputs.js';
import { parseLinearOptions, prepareLinear } from '../ops/linear.js';
import { flag, knownOptions, wholeNumber } from '../ops/options.js';
import type { Prepared } from '../ops/run.js';
import { tracing } from '../ops/trace.js';
import { record } from '../tensor/autograd.js';
import { showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { engineActivation, type KerasOutputActivation } from './activation.js';
import { softmaxAfter } from './activations.js';
import { relabelled } from './data-format.js';
import { EngineKernel } from './engine-kernel.js';
import { type Initializer, type InitializerName, parseInitializer } from './initializers.js';
import { LAYER_OPTION_NAMES, type LayerOptions, WeightedKerasLayer } from './layer.js';
import { positive, required } from './window-options.js';

export interface DenseOptions extends LayerOptions {
  /** Output features. */
  units: number;
  /** Applied to the result; 'linear' (the default) is none, 'softmax' is along the units. */
  activation?: KerasOutputActivation | null;
  /** Whether a learned number is added to each output feature; true. */
  useBias?: boolean;
  /** 'glorotUniform'. */
  kernelInitializer?: Initializer | InitializerName;
  /** 'zeros'. */
  biasInitializer?: Initializer | InitializerName;
}

const NAMES = [
  ...LAYER_OPTION_NAMES,
  'units',
  'activation',
  'useBias',
  'kernelInitializer',
  'biasInitializer',
];

/**
 * Fully connected: x [N, ..., features] to [N, ..., units], by the last dimension whatever comes before it. The kernel is
 * [features, units].
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * const dense = new Dense({ units: 10, activation: 'relu' });
 * dense.forward(Tensor.zeros([2, 7, 64])).shape; // [2, 7, 10]
 */
export class Dense extends WeightedKerasLayer {
  /** [features, units]; null until the input features are known. */
  declare kernel: Tensor | null;
  /** [units]; null until the input features are known, or without `useBias`. */
  declare bias: Tensor | null;
  readonly units: number;
  readonly #settings: ConvSettings;
  readonly #softmax: boolean;
  readonly #engineKernel = new EngineKernel('kernel', ['features', 'units']);

  constructor(options: DenseOptions) {
    const label = 'Dense';
    const given = required<DenseOptions>(knownOptions(options, NAMES, label), ['units'], label);
    const units = wholeNumber(given.units, 1, 'units', positive('units'), label);
    const useBias = flag(given.useBias ?? true, 'useBias', label);
    const initializer = parseInitializer(
      given.kernelInitializer,
      'glorotUniform',
      'kernelInitializer',
      label,
    );
    const biasInitializer = parseInitializer(given.biasInitializer, 'zeros', 'biasInitializer', label);
    const softmax = given.activation === 'softmax';
    const settings = parseLinearOptions(engineActivation(softmax ? null : given.activation, label), label);
    super(label, given, {
      names: useBias ? ['kernel', 'bias'] : ['kernel'],
      begin(inputs) {
        const kernel = { shape: [inputs, units], initializer };
        const bias = { shape: [units], initializer: biasInitializer };
        return useBias ? [kernel, bias] : [kernel];
      },
      inputsOf: (shape) => shape[0],
      dimensions: null,
      channelAxis: (shape) => shape.length - 1,
    });
    if (!useBias) this.bias = null;
    this.units = units;
    this.#settings = settings;
    this.#softmax = softmax;
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    const prepared = this.#linear(x, mode);
    return this.#softmax ? softmaxAfter(prepared, this.operation) : prepared;
  }

  #linear(x: Tensor, mode: Mode): Prepared {
    checkTensor(x, 'x', this.operation);
    if (x.shape.length === 0) {
      throw wrongShape(
        this.operation,
        `Input 0 is incompatible with the layer: expected min_ndim=2, found ndim=0. Full shape received: ${showShape(x.shape)}`,
      );
    }
    this.settle(x.shape);
    const weight = this.#engineKernel.of(this.kernel, this.operation);
    if (tracing()) return prepareLinear(x, weight, this.bias, this.#settings, mode, this.operation);
    // An array that a background job may read; so the operation need not copy it again.
    const data = channelsLast(x, x.shape.length - 1, mode, this.operation);
    const rows = wrap(data, ROW_MAJOR, x.shape);
    record(rows, this.operation, [x], (upstream) => [upstream]);
    const prepared = prepareLinear(rows, weight, this.bias, this.#settings, 'now', this.operation);
    return relabelled(prepared, prepared.output.shape, mode);
  }

  protected override extraRepr(): string {
    const kind = this.#softmax ? 'softmax' : this.#settings.activation.kind;
    return `units=${this.units}${kind === 'none' ? '' : `, activation='${kind}'`}`;
  }
}
