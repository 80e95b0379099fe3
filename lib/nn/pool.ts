// Pooling layers: a window size positionally, the rest in options. One base for sliding windows and one for adaptive ones
// serve every number of dimensions.

import type { Mode } from '../ops/inputs.js';
import type { PerDimension } from '../ops/options.js';
import { preparePool } from '../ops/pool.js';
import type { AdaptivePool, PoolSettings, SlidingPool } from '../ops/pool-geometry.js';
import {
  type AdaptivePoolOptions,
  type AvgPoolOptions,
  type MaxPoolOptions,
  parseAdaptivePool,
  parseAvgPool,
  parseMaxPool,
} from '../ops/pool-options.js';
import type { Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { Layer } from './layer.js';

/** What a sliding pool's constructor takes after the window size. */
export type MaxPoolLayerOptions = Omit<MaxPoolOptions, 'kernelSize'>;
export type AvgPoolLayerOptions = Omit<AvgPoolOptions, 'kernelSize'>;

abstract class PoolLayer extends Layer {
  readonly #pool: PoolSettings;
  readonly #rank: number;
  readonly #operation: string;

  constructor(pool: PoolSettings, rank: number, operation: string) {
    super();
    this.#pool = pool;
    this.#rank = rank;
    this.#operation = operation;
  }

  protected get operation(): string {
    return this.#operation;
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    return preparePool(x, this.#pool, this.#rank, mode, this.#operation);
  }

  protected override extraRepr(): string {
    const list = (triple: readonly unknown[]) => `[${triple.slice(3 - this.#rank).join(', ')}]`;
    const pool = this.#pool;
    return 'outputSize' in pool ? describeAdaptive(pool, list) : describeSliding(pool, list);
  }
}

type List = (triple: readonly unknown[]) => string;

function describeAdaptive(pool: AdaptivePool, list: List): string {
  return `outputSize=${list(pool.outputSize.map((size) => (size === 0 ? 'null' : size)))}`;
}

function describeSliding(pool: SlidingPool, list: List): string {
  const parts = [`kernelSize=${list(pool.kernelSize)}`, `stride=${list(pool.stride)}`];
  const { padding } = pool;
  if (typeof padding === 'string') parts.push(`padding='${padding}'`);
  else if ('begin' in padding) parts.push(`padding=[${list(padding.begin)}, ${list(padding.end)}]`);
  else if (padding.some((size) => size !== 0)) parts.push(`padding=${list(padding)}`);
  if (pool.dilation.some((step) => step !== 1)) parts.push(`dilation=${list(pool.dilation)}`);
  if (pool.ceilMode) parts.push('ceilMode=true');
  if (!pool.countIncludePad) parts.push('countIncludePad=false');
  return parts.join(', ');
}

/**
 * The largest element of each window of [N, C, L] or [C, L]; see `ops.maxPool1d`.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * new nn.MaxPool1d(3, { stride: 2, padding: 1 }).forward(Tensor.randn([1, 8, 32])).shape; // [1, 8, 16]
 */
export class MaxPool1d extends PoolLayer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  constructor(kernelSize: PerDimension, options?: MaxPoolLayerOptions) {
    super(parseMaxPool({ ...options, kernelSize }, 1, 'MaxPool1d'), 1, 'maxPool1d');
  }
}

/**
 * The largest element of each window of [N, C, H, W] or [C, H, W]; see `ops.maxPool2d`.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * new nn.MaxPool2d(3, { stride: 2, padding: 1 }).forward(Tensor.randn([1, 8, 32, 32])).shape; // [1, 8, 16, 16]
 */
export class MaxPool2d extends PoolLayer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  constructor(kernelSize: PerDimension, options?: MaxPoolLayerOptions) {
    super(parseMaxPool({ ...options, kernelSize }, 2, 'MaxPool2d'), 2, 'maxPool2d');
  }
}

/**
 * The largest element of each window of [N, C, D, H, W] or [C, D, H, W]; see `ops.maxPool3d`.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * new nn.MaxPool3d(3, { stride: 2, padding: 1 }).forward(Tensor.randn([1, 8, 8, 32, 32])).shape; // [1, 8, 4, 16, 16]
 */
export class MaxPool3d extends PoolLayer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  constructor(kernelSize: PerDimension, options?: MaxPoolLayerOptions) {
    super(parseMaxPool({ ...options, kernelSize }, 3, 'MaxPool3d'), 3, 'maxPool3d');
  }
}

/**
 * The mean of each window of [N, C, L] or [C, L]; see `ops.avgPool1d`.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * new nn.AvgPool1d(2).forward(Tensor.randn([1, 8, 32])).shape; // [1, 8, 16]
 */
export class AvgPool1d extends PoolLayer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  constructor(kernelSize: PerDimension, options?: AvgPoolLayerOptions) {
    super(parseAvgPool({ ...options, kernelSize }, 1, 'AvgPool1d'), 1, 'avgPool1d');
  }
}

/**
 * The mean of each window of [N, C, H, W] or [C, H, W]; see `ops.avgPool2d`.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * new nn.AvgPool2d(2).forward(Tensor.randn([1, 8, 32, 32])).shape; // [1, 8, 16, 16]
 */
export class AvgPool2d extends PoolLayer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  constructor(kernelSize: PerDimension, options?: AvgPoolLayerOptions) {
    super(parseAvgPool({ ...options, kernelSize }, 2, 'AvgPool2d'), 2, 'avgPool2d');
  }
}

/**
 * The mean of each window of [N, C, D, H, W] or [C, D, H, W]; see `ops.avgPool3d`.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * new nn.AvgPool3d(2).forward(Tensor.randn([1, 8, 8, 32, 32])).shape; // [1, 8, 4, 16, 16]
 */
export class AvgPool3d extends PoolLayer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  constructor(kernelSize: PerDimension, options?: AvgPoolLayerOptions) {
    super(parseAvgPool({ ...options, kernelSize }, 3, 'AvgPool3d'), 3, 'avgPool3d');
  }
}

/**
 * Means that bring any [N, C, L] or [C, L] to a given size; see `ops.adaptiveAvgPool1d`.
 *
 * @throws TypeError | RangeError where the size is not one.
 * @example
 * new nn.AdaptiveAvgPool1d(1).forward(Tensor.randn([1, 8, 7])).shape; // [1, 8, 1]
 */
export class AdaptiveAvgPool1d extends PoolLayer {
  constructor(outputSize: AdaptivePoolOptions['outputSize']) {
    super(
      parseAdaptivePool('adaptiveAverage', { outputSize }, 1, 'AdaptiveAvgPool1d'),
      1,
      'adaptiveAvgPool1d',
    );
  }
}

/**
 * Means that bring any [N, C, H, W] or [C, H, W] to a given size; see `ops.adaptiveAvgPool2d`.
 *
 * @throws TypeError | RangeError where the size is not one.
 * @example
 * new nn.AdaptiveAvgPool2d(1).forward(Tensor.randn([1, 8, 7, 7])).shape; // [1, 8, 1, 1]
 */
export class AdaptiveAvgPool2d extends PoolLayer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  constructor(outputSize: AdaptivePoolOptions['outputSize']) {
    super(
      parseAdaptivePool('adaptiveAverage', { outputSize }, 2, 'AdaptiveAvgPool2d'),
      2,
      'adaptiveAvgPool2d',
    );
  }
}

/**
 * Means that bring any [N, C, D, H, W] or [C, D, H, W] to a given size; see `ops.adaptiveAvgPool3d`.
 *
 * @throws TypeError | RangeError where the size is not one.
 * @example
 * new nn.AdaptiveAvgPool3d(1).forward(Tensor.randn([1, 8, 4, 7, 7])).shape; // [1, 8, 1, 1, 1]
 */
export class AdaptiveAvgPool3d extends PoolLayer {
  constructor(outputSize: AdaptivePoolOptions['outputSize']) {
    super(
      parseAdaptivePool('adaptiveAverage', { outputSize }, 3, 'AdaptiveAvgPool3d'),
      3,
      'adaptiveAvgPool3d',
    );
  }
}

/**
 * Largest elements that bring any [N, C, L] or [C, L] to a given size; see `ops.adaptiveMaxPool1d`.
 *
 * @throws TypeError | RangeError where the size is not one.
 * @example
 * new nn.AdaptiveMaxPool1d(1).forward(Tensor.randn([1, 8, 7])).shape; // [1, 8, 1]
 */
export class AdaptiveMaxPool1d extends PoolLayer {
  constructor(outputSize: AdaptivePoolOptions['outputSize']) {
    super(parseAdaptivePool('adaptiveMax', { outputSize }, 1, 'AdaptiveMaxPool1d'), 1, 'adaptiveMaxPool1d');
  }
}

/**
 * Largest elements that bring any [N, C, H, W] or [C, H, W] to a given size; see `ops.adaptiveMaxPool2d`.
 *
 * @throws TypeError | RangeError where the size is not one.
 * @example
 * new nn.AdaptiveMaxPool2d(1).forward(Tensor.randn([1, 8, 7, 7])).shape; // [1, 8, 1, 1]
 */
export class AdaptiveMaxPool2d extends PoolLayer {
  constructor(outputSize: AdaptivePoolOptions['outputSize']) {
    super(parseAdaptivePool('adaptiveMax', { outputSize }, 2, 'AdaptiveMaxPool2d'), 2, 'adaptiveMaxPool2d');
  }
}

/**
 * Largest elements that bring any [N, C, D, H, W] or [C, D, H, W] to a given size; see `ops.adaptiveMaxPool3d`.
 *
 * @throws TypeError | RangeError where the size is not one.
 * @example
 * new nn.AdaptiveMaxPool3d(1).forward(Tensor.randn([1, 8, 4, 7, 7])).shape; // [1, 8, 1, 1, 1]
 */
export class AdaptiveMaxPool3d extends PoolLayer {
  constructor(outputSize: AdaptivePoolOptions['outputSize']) {
    super(parseAdaptivePool('adaptiveMax', { outputSize }, 3, 'AdaptiveMaxPool3d'), 3, 'adaptiveMaxPool3d');
  }
}
