// Keras's normalisation layers: over a batch, with moving statistics for inference, and over the features of a position.

import { wrongShape, wrongValue } from '../errors.js';
import { NO_ACTIVATION } from '../ops/activation.js';
import { constants } from '../ops/batch-norm.js';
import { checkTensor, type Mode } from '../ops/inputs.js';
import { prepareLayerNorm } from '../ops/layer-norm.js';
import { mix, nonNegative } from '../ops/norm-options.js';
import { prepareNormalization, type Statistics } from '../ops/normalize.js';
import { flag, knownOptions } from '../ops/options.js';
import type { Prepared } from '../ops/run.js';
import { mutate } from '../tensor/autograd.js';
import { elementCount, showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { asImages, channelAxisIn, type DataFormat, fromImages } from './data-format.js';
import { type Initializer, type InitializerName, parseInitializer } from './initializers.js';
import { LAYER_OPTION_NAMES, type LayerOptions, WeightedKerasLayer } from './layer.js';

interface ScaleOptions extends LayerOptions {
  /** Added to the variance; 0.001. */
  epsilon?: number;
  /** Whether a number to add, beta, is learned; true. */
  center?: boolean;
  /** Whether a number to multiply by, gamma, is learned; true. */
  scale?: boolean;
  /** 'zeros'. */
  betaInitializer?: Initializer | InitializerName;
  /** 'ones'. */
  gammaInitializer?: Initializer | InitializerName;
}

export interface BatchNormalizationOptions extends ScaleOptions {
  /** Where the channels are: -1, the last dimension (the default), or 1, the first after the batch. */
  axis?: number;
  /** The share of the moving statistics that a batch leaves as it is; 0.99. */
  momentum?: number;
  /** 'zeros'. */
  movingMeanInitializer?: Initializer | InitializerName;
  /** 'ones'. */
  movingVarianceInitializer?: Initializer | InitializerName;
}

export interface LayerNormalizationOptions extends ScaleOptions {
  /** The dimension that is normalised: -1, the last. */
  axis?: number;
}

const SCALE_NAMES = [
  ...LAYER_OPTION_NAMES,
  ...['axis', 'epsilon', 'center', 'scale', 'betaInitializer', 'gammaInitializer'],
];
const BATCH_NAMES = [...SCALE_NAMES, 'momentum', 'movingMeanInitializer', 'movingVarianceInitializer'];
const EPSILON = 1e-3;
const MOMENTUM = 0.99;
const STATISTICS = ['movingMean', 'movingVariance'];

/** The learned weights of one number a channel, each where it is wanted. */
function learned(given: ScaleOptions, label: string): { name: string; initializer: Initializer }[] {
  const gamma = {
    name: 'gamma',
    initializer: parseInitializer(given.gammaInitializer, 'ones', 'gammaInitializer', label),
  };
  const beta = {
    name: 'beta',
    initializer: parseInitializer(given.betaInitializer, 'zeros', 'betaInitializer', label),
  };
  return [
    ...(flag(given.scale ?? true, 'scale', label) ? [gamma] : []),
    ...(flag(given.center ?? true, 'center', label) ? [beta] : []),
  ];
}

function checkDimensions(x: Tensor, operation: string): void {
  checkTensor(x, 'x', operation);
  if (x.shape.length >= 2) return;
  throw wrongShape(
    operation,
    `Input 0 is incompatible with the layer: expected min_ndim=2, found ndim=${x.shape.length}. Full shape received: ${showShape(x.shape)}`,
  );
}

/**
 * Batch normalisation of x [N, ..., C] (Ioffe, Szegedy 2015): in training each channel by the batch's own mean and variance,
 * which the moving ones follow; in inference by those. `train()` and `eval()` say which, and `predict` is always inference.
 * As in Keras 3 the moving variance takes the batch's without Bessel's correction.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * const norm = new BatchNormalization({ inputShape: [8, 8, 4] });
 * norm.forward(Tensor.randn([2, 8, 8, 4])).shape; // [2, 8, 8, 4]
 * Object.keys(norm.stateDict()); // ['gamma', 'beta', 'movingMean', 'movingVariance']
 */
export class BatchNormalization extends WeightedKerasLayer {
  /** [C]; null until the channels are known, or without `scale`. */
  declare gamma: Tensor | null;
  /** [C]; null until the channels are known, or without `center`. */
  declare beta: Tensor | null;
  /** [C]; null until the channels are known. */
  declare movingMean: Tensor | null;
  /** [C]; null until the channels are known. */
  declare movingVariance: Tensor | null;
  readonly momentum: number;
  readonly epsilon: number;
  readonly #format: DataFormat;

  constructor(options?: BatchNormalizationOptions) {
    const label = 'BatchNormalization';
    const given = knownOptions(options, BATCH_NAMES, label);
    const { axis = -1 } = given;
    if (axis !== -1 && axis !== 1) {
      throw wrongValue(
        label,
        `axis must be -1 (channels last) or 1 (channels first). Received: axis=${axis}`,
      );
    }
    const momentum = nonNegative(given.momentum, 'momentum', MOMENTUM, label);
    if (momentum > 1) throw wrongValue(label, `momentum must be at most 1. Received: momentum=${momentum}`);
    const epsilon = nonNegative(given.epsilon, 'epsilon', EPSILON, label);
    const format = axis === 1 ? 'channelsFirst' : 'channelsLast';
    const { movingMeanInitializer: mean, movingVarianceInitializer: variance } = given;
    const weights = [
      ...learned(given, label),
      { name: STATISTICS[0], initializer: parseInitializer(mean, 'zeros', 'movingMeanInitializer', label) },
      {
        name: STATISTICS[1],
        initializer: parseInitializer(variance, 'ones', 'movingVarianceInitializer', label),
      },
    ];
    super(label, given, {
      names: weights.map(({ name }) => name),
      constants: STATISTICS,
      begin: (inputs) => weights.map(({ initializer }) => ({ shape: [inputs], initializer })),
      inputsOf: ([channels]) => channels,
      dimensions: null,
      channelAxis: (shape) => channelAxisIn(shape, shape.length - 2, format),
    });
    for (const name of ['gamma', 'beta']) {
      if (!weights.some((weight) => weight.name === name)) Object.assign(this, { [name]: null });
    }
    this.momentum = momentum;
    this.epsilon = epsilon;
    this.#format = format;
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkDimensions(x, this.operation);
    this.settle(x.shape);
    const rank = x.shape.length - 2;
    const images = asImages(x, rank, this.#format, mode, this.operation);
    const channels = images.shape[1];
    const moving = { mean: this.movingMean, variance: this.movingVariance, momentum: () => 0 };
    const prepared = prepareNormalization({
      x: images,
      channelAxis: 1,
      extent: { batch: 1, positions: elementCount(x.shape) / channels, channels, groups: channels },
      weight: this.gamma,
      bias: this.beta,
      residual: null,
      epsilon: this.epsilon,
      activation: NO_ACTIVATION,
      given: this.training ? null : constants(moving, this.operation),
      tell: this.training ? (statistics) => this.#follow(statistics) : null,
      mode,
      operation: this.operation,
    });
    return fromImages(prepared, rank, this.#format, mode);
  }

  #follow({ mean, variance }: Statistics): void {
    const fresh = 1 - this.momentum;
    const follow = (tensor: Tensor | null, values: Float32Array) =>
      tensor && mutate(tensor, (data) => mix(data, fresh, (c) => values[c]), this.operation);
    follow(this.movingMean, mean);
    follow(this.movingVariance, variance);
  }

  protected override extraRepr(): string {
    const shown = `momentum=${this.momentum}, epsilon=${this.epsilon}`;
    return this.#format === 'channelsFirst' ? `axis=1, ${shown}` : shown;
  }
}

/**
 * Layer normalisation of x [N, ..., C] (Ba, Kiros, Hinton 2016): the channels of each position by their own mean and variance.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new LayerNormalization().forward(Tensor.randn([2, 5, 8])).shape; // [2, 5, 8]
 */
export class LayerNormalization extends WeightedKerasLayer {
  /** [C]; null until the channels are known, or without `scale`. */
  declare gamma: Tensor | null;
  /** [C]; null until the channels are known, or without `center`. */
  declare beta: Tensor | null;
  readonly epsilon: number;

  constructor(options?: LayerNormalizationOptions) {
    const label = 'LayerNormalization';
    const given = knownOptions(options, SCALE_NAMES, label);
    const { axis = -1 } = given;
    if (axis !== -1) throw wrongValue(label, `axis must be -1, the last. Received: axis=${axis}`);
    const epsilon = nonNegative(given.epsilon, 'epsilon', EPSILON, label);
    const weights = learned(given, label);
    super(label, given, {
      names: weights.map(({ name }) => name),
      begin: (inputs) => weights.map(({ initializer }) => ({ shape: [inputs], initializer })),
      inputsOf: ([channels]) => channels,
      dimensions: null,
      channelAxis: (shape) => shape.length - 1,
    });
    for (const name of ['gamma', 'beta']) {
      if (!weights.some((weight) => weight.name === name)) Object.assign(this, { [name]: null });
    }
    this.epsilon = epsilon;
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkDimensions(x, this.operation);
    this.settle(x.shape);
    const call = { weight: this.gamma, bias: this.beta, epsilon: this.epsilon };
    return prepareLayerNorm(x, x.shape.slice(-1), call, mode, this.operation);
  }

  protected override extraRepr(): string {
    return `epsilon=${this.epsilon}`;
  }
}
