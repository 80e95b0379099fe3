// Normalisation layers. One base keeps what is learned and the running statistics; what is computed is ops'.

import type { Activation } from '../../binding.js';
import { wrongShape, wrongValue } from '../errors.js';
import { parseActivation } from '../ops/activation.js';
import { type BatchNormCall, prepareBatchNorm, type Running } from '../ops/batch-norm.js';
import { parseGroups, prepareGroupNorm, prepareInstanceNorm } from '../ops/group-norm.js';
import { checkTensor, type Mode } from '../ops/inputs.js';
import { type NormEpilogue, parseEpsilon, parseMomentum, parseResidual } from '../ops/norm-options.js';
import { flag, knownOptions } from '../ops/options.js';
import { type ForwardOptions, type Prepared, runInBackground, runNow } from '../ops/run.js';
import { mutate, requireByDefault } from '../tensor/autograd.js';
import { showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { describeActivation } from './describe.js';
import { Layer } from './layer.js';
import { checkedCount } from './weighted-layer.js';

export interface NormLayerOptions {
  /** Added to the variance; 1e-5. */
  eps?: number;
  /** The share of a batch's statistics in the running ones; 0.1. null: their mean over all batches. */
  momentum?: number | null;
  /** Whether a weight and a bias for each channel are learned; true. */
  affine?: boolean;
  /** Whether running statistics are kept, to normalise by in inference; true. */
  trackRunningStats?: boolean;
}

export interface BatchNormLayerOptions
  extends NormLayerOptions,
    Pick<NormEpilogue, 'activation' | 'negativeSlope'> {}

export interface ResidualOptions {
  /** In x's shape, added before the activation. */
  residual?: Tensor | null;
}

const SHARED = ['eps', 'momentum', 'affine', 'trackRunningStats'];

abstract class NormLayer extends Layer {
  /** [channels], or null */
  declare weight: Tensor | null;
  /** [channels], or null */
  declare bias: Tensor | null;
  /** [channels], or null where no running statistics are kept */
  declare runningMean: Tensor | null;
  /** [channels], or null */
  declare runningVar: Tensor | null;
  /** How many batches the running statistics have seen: a whole number without dimensions; null as above. */
  declare numBatchesTracked: Tensor | null;
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;

  constructor(numFeatures: number, options: NormLayerOptions, usual: boolean, label: string) {
    super();
    const { eps, momentum, affine = usual, trackRunningStats = usual } = options;
    this.numFeatures = checkedCount(numFeatures, 'numFeatures', label);
    this.eps = parseEpsilon(eps, label);
    this.momentum = momentum === null ? null : parseMomentum(momentum, label);
    const learned = flag(affine, 'affine', label);
    this.weight = learned ? requireByDefault(Tensor.ones([this.numFeatures])) : null;
    this.bias = learned ? requireByDefault(Tensor.zeros([this.numFeatures])) : null;
    if (flag(trackRunningStats, 'trackRunningStats', label)) {
      this.registerBuffer('runningMean', Tensor.zeros([this.numFeatures]), { key: 'running_mean' });
      this.registerBuffer('runningVar', Tensor.ones([this.numFeatures]), { key: 'running_var' });
      // Weights that were saved long ago come without it
      const key = 'num_batches_tracked';
      this.registerBuffer('numBatchesTracked', Tensor.zeros([]), { key, optional: true });
    } else {
      this.runningMean = null;
      this.runningVar = null;
      this.numBatchesTracked = null;
    }
  }

  /** Whether the next call normalises by its input's own statistics. */
  protected get own(): boolean {
    return this.training || this.runningMean === null || this.runningVar === null;
  }

  /** The running statistics; in inference nothing brings them up to date. */
  protected get running(): Running {
    if (!this.training && this.own) return { mean: null, variance: null, momentum: () => 0 };
    return {
      mean: this.runningMean,
      variance: this.runningVar,
      momentum: () => {
        if (this.numBatchesTracked === null) return this.momentum ?? 0;
        mutate(this.numBatchesTracked, (data) => data.fill(data[0] + 1), this.operation);
        return this.momentum ?? 1 / this.numBatchesTracked.item();
      },
    };
  }

  protected checkChannels(channels: number, x: Tensor, label: string): void {
    if (channels === this.numFeatures) return;
    throw wrongShape(
      label,
      `expected input's size at its channel dimension to match num_features (${this.numFeatures}), but got: ${channels} in ${showShape(x.shape)}`,
    );
  }

  protected describe(): string {
    return [
      this.numFeatures,
      `eps=${this.eps}`,
      `momentum=${this.momentum}`,
      `affine=${this.weight !== null}`,
      `trackRunningStats=${this.runningMean !== null}`,
    ].join(', ');
  }
}

abstract class BatchNorm extends NormLayer {
  /** How many dimensions the input may have. */
  protected abstract readonly ranks: readonly number[];
  readonly #activation: Activation;

  constructor(numFeatures: number, options: BatchNormLayerOptions | undefined, label: string) {
    const names = [...SHARED, 'activation', 'negativeSlope'];
    const { activation, negativeSlope, ...rest } = knownOptions(options, names, label);
    super(numFeatures, rest, true, label);
    this.#activation = parseActivation(activation, negativeSlope, label);
  }

  protected get operation(): string {
    return 'batchNorm';
  }

  protected prepare(x: Tensor, mode: Mode, residual?: Tensor | null): Prepared {
    const label = this.constructor.name || 'BatchNorm';
    checkTensor(x, 'x', label);
    const rank = x.shape.length;
    if (!this.ranks.includes(rank)) {
      const wanted = this.ranks.map((n) => `${n}D`).join(' or ');
      throw wrongShape(label, `expected ${wanted} input (got ${rank}D input of size ${showShape(x.shape)})`);
    }
    this.checkChannels(x.shape[1], x, label);
    const call: BatchNormCall = {
      weight: this.weight,
      bias: this.bias,
      running: this.running,
      training: this.own,
      epsilon: this.eps,
      residual: parseResidual(residual, x, label),
      activation: this.#activation,
    };
    return prepareBatchNorm(x, call, mode, this.operation);
  }

  /** Normalises now, on this thread and the pool's; `residual` is added before the activation. */
  override forward(x: Tensor, options?: ResidualOptions): Tensor {
    const { residual } = knownOptions(options, ['residual'], this.operation);
    return runNow(this.prepare(x, 'now', residual));
  }

  /** Normalises while the event loop goes on. */
  override forwardAsync(x: Tensor, options?: ForwardOptions & ResidualOptions): Promise<Tensor> {
    const { residual, ...rest } = options ?? {};
    return runInBackground(() => this.prepare(x, 'background', residual), rest, this.operation);
  }

  protected override extraRepr(): string {
    return [this.describe(), ...describeActivation(this.#activation)].join(', ');
  }
}

/**
 * Batch normalisation of [N, C] or [N, C, L]; see `ops.batchNorm`. In training by the batch's own statistics, in inference by
 * the running ones.
 *
 * @throws TypeError | RangeError where a number or option is not one.
 * @example
 * new nn.BatchNorm1d(8).forward(Tensor.randn([4, 8, 100])).shape; // [4, 8, 100]
 */
export class BatchNorm1d extends BatchNorm {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  protected get ranks(): readonly number[] {
    return [2, 3];
  }

  constructor(numFeatures: number, options?: BatchNormLayerOptions) {
    super(numFeatures, options, 'BatchNorm1d');
  }
}

/**
 * Batch normalisation of [N, C, H, W]; see `ops.batchNorm`. In training by the batch's own statistics, in inference by the
 * running ones.
 *
 * @throws TypeError | RangeError where a number or option is not one.
 * @example
 * const norm = new nn.BatchNorm2d(8, { activation: 'relu' });
 * norm.forward(Tensor.randn([4, 8, 6, 6])).shape; // [4, 8, 6, 6]
 * Object.keys(norm.stateDict()); // ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']
 */
export class BatchNorm2d extends BatchNorm {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  protected get ranks(): readonly number[] {
    return [4];
  }

  constructor(numFeatures: number, options?: BatchNormLayerOptions) {
    super(numFeatures, options, 'BatchNorm2d');
  }
}

/**
 * Batch normalisation of [N, C, D, H, W]; see `ops.batchNorm`. In training by the batch's own statistics, in inference by the
 * running ones.
 *
 * @throws TypeError | RangeError where a number or option is not one.
 * @example
 * new nn.BatchNorm3d(8).forward(Tensor.randn([2, 8, 4, 6, 6])).shape; // [2, 8, 4, 6, 6]
 */
export class BatchNorm3d extends BatchNorm {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  protected get ranks(): readonly number[] {
    return [5];
  }

  constructor(numFeatures: number, options?: BatchNormLayerOptions) {
    super(numFeatures, options, 'BatchNorm3d');
  }
}

abstract class InstanceNorm extends NormLayer {
  /** Spatial dimensions. */
  protected abstract readonly rank: number;

  constructor(numFeatures: number, options: NormLayerOptions | undefined, label: string) {
    super(numFeatures, knownOptions(options, SHARED, label), false, label);
  }

  protected get operation(): string {
    return 'instanceNorm';
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    const label = this.constructor.name || 'InstanceNorm';
    checkTensor(x, 'x', label);
    const single = x.shape.length === this.rank + 1;
    if (!single && x.shape.length !== this.rank + 2) {
      throw wrongShape(
        label,
        `expected ${this.rank + 1}D or ${this.rank + 2}D input (got ${x.shape.length}D input of size ${showShape(x.shape)})`,
      );
    }
    this.checkChannels(x.shape[single ? 0 : 1], x, label);
    const call = {
      weight: this.weight,
      bias: this.bias,
      epsilon: this.eps,
      running: this.running,
      own: this.own,
      single,
    };
    return prepareInstanceNorm(x, call, mode, this.operation);
  }

  protected override extraRepr(): string {
    return this.describe();
  }
}

/**
 * Instance normalisation of [N, C, L] or [C, L]; see `ops.instanceNorm`. Unlike batch normalisation it learns nothing and
 * keeps no running statistics unless it is told to.
 *
 * @throws TypeError | RangeError where a number or option is not one.
 * @example
 * new nn.InstanceNorm1d(8).forward(Tensor.randn([4, 8, 100])).shape; // [4, 8, 100]
 */
export class InstanceNorm1d extends InstanceNorm {
  protected get rank(): number {
    return 1;
  }

  constructor(numFeatures: number, options?: NormLayerOptions) {
    super(numFeatures, options, 'InstanceNorm1d');
  }
}

/**
 * Instance normalisation of [N, C, H, W] or [C, H, W]; see `ops.instanceNorm`. Unlike batch normalisation it learns nothing
 * and keeps no running statistics unless it is told to.
 *
 * @throws TypeError | RangeError where a number or option is not one.
 * @example
 * new nn.InstanceNorm2d(8, { affine: true }).forward(Tensor.randn([4, 8, 6, 6])).shape; // [4, 8, 6, 6]
 */
export class InstanceNorm2d extends InstanceNorm {
  protected get rank(): number {
    return 2;
  }

  constructor(numFeatures: number, options?: NormLayerOptions) {
    super(numFeatures, options, 'InstanceNorm2d');
  }
}

/**
 * Instance normalisation of [N, C, D, H, W] or [C, D, H, W]; see `ops.instanceNorm`. Unlike batch normalisation it learns
 * nothing and keeps no running statistics unless it is told to.
 *
 * @throws TypeError | RangeError where a number or option is not one.
 * @example
 * new nn.InstanceNorm3d(8).forward(Tensor.randn([2, 8, 4, 6, 6])).shape; // [2, 8, 4, 6, 6]
 */
export class InstanceNorm3d extends InstanceNorm {
  protected get rank(): number {
    return 3;
  }

  constructor(numFeatures: number, options?: NormLayerOptions) {
    super(numFeatures, options, 'InstanceNorm3d');
  }
}

export interface GroupNormLayerOptions {
  /** Added to the variance; 1e-5. */
  eps?: number;
  /** Whether a weight and a bias for each channel are learned; true. */
  affine?: boolean;
}

/**
 * Group normalisation of [N, C, ...]; see `ops.groupNorm`. Training and inference compute the same.
 *
 * @throws TypeError | RangeError where a number or option is not one, or numGroups does not divide numChannels.
 * @example
 * new nn.GroupNorm(4, 8).forward(Tensor.randn([2, 8, 6, 6])).shape; // [2, 8, 6, 6]
 */
export class GroupNorm extends Layer {
  /** [numChannels], or null */
  declare weight: Tensor | null;
  /** [numChannels], or null */
  declare bias: Tensor | null;
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;

  constructor(numGroups: number, numChannels: number, options?: GroupNormLayerOptions) {
    super();
    const label = 'GroupNorm';
    const { eps, affine = true } = knownOptions(options, ['eps', 'affine'], label);
    this.numGroups = parseGroups(numGroups, label);
    this.numChannels = checkedCount(numChannels, 'numChannels', label);
    if (this.numChannels % this.numGroups !== 0) {
      const law = 'num_channels must be divisible by num_groups';
      throw wrongValue(label, `${law}, but got ${this.numChannels} and ${this.numGroups}`);
    }
    this.eps = parseEpsilon(eps, label);
    const learned = flag(affine, 'affine', label);
    this.weight = learned ? requireByDefault(Tensor.ones([this.numChannels])) : null;
    this.bias = learned ? requireByDefault(Tensor.zeros([this.numChannels])) : null;
  }

  protected get operation(): string {
    return 'groupNorm';
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkTensor(x, 'x', 'GroupNorm');
    if (x.shape[1] !== this.numChannels) {
      throw wrongShape(
        'GroupNorm',
        `expected x to be [N, ${this.numChannels}, ...], but got input of size: ${showShape(x.shape)}`,
      );
    }
    const call = { weight: this.weight, bias: this.bias, epsilon: this.eps };
    return prepareGroupNorm(x, this.numGroups, call, mode, this.operation);
  }

  protected override extraRepr(): string {
    return `${this.numGroups}, ${this.numChannels}, eps=${this.eps}, affine=${this.weight !== null}`;
  }
}
