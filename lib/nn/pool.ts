// Pooling layers: a window size positionally, the rest in options.

import type { Mode } from '../ops/inputs.js';
import type { PerDimension } from '../ops/options.js';
import {
  type AdaptivePoolOptions,
  type AvgPoolOptions,
  type MaxPoolOptions,
  parseAdaptivePool,
  parseAvgPool,
  parseMaxPool,
  preparePool,
} from '../ops/pool.js';
import type { AdaptivePool, SlidingPool } from '../ops/pool-geometry.js';
import type { Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { Layer } from './layer.js';

const pair = ([, height, width]: readonly number[]): string => `[${height}, ${width}]`;

function describe(pool: SlidingPool): string {
  const parts = [`kernelSize=${pair(pool.kernelSize)}`, `stride=${pair(pool.stride)}`];
  if (pool.padding.some((size) => size !== 0)) parts.push(`padding=${pair(pool.padding)}`);
  if (pool.dilation.some((step) => step !== 1)) parts.push(`dilation=${pair(pool.dilation)}`);
  if (pool.ceilMode) parts.push('ceilMode=true');
  if (!pool.countIncludePad) parts.push('countIncludePad=false');
  return parts.join(', ');
}

/**
 * The largest element of each window; see `ops.maxPool2d`.
 *
 * @example
 * new nn.MaxPool2d(3, { stride: 2, padding: 1 }).forward(Tensor.randn([1, 8, 32, 32])).shape; // [1, 8, 16, 16]
 */
export class MaxPool2d extends Layer {
  readonly #pool: SlidingPool;

  constructor(kernelSize: PerDimension, options?: Omit<MaxPoolOptions, 'kernelSize'>) {
    super();
    this.#pool = parseMaxPool({ ...options, kernelSize }, 2, 'MaxPool2d');
  }

  protected get operation(): string {
    return 'maxPool2d';
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    return preparePool(x, this.#pool, 2, mode, 'maxPool2d');
  }

  protected override extraRepr(): string {
    return describe(this.#pool);
  }
}

/**
 * The mean of each window; see `ops.avgPool2d`.
 *
 * @example
 * new nn.AvgPool2d(2).forward(Tensor.randn([1, 8, 32, 32])).shape; // [1, 8, 16, 16]
 */
export class AvgPool2d extends Layer {
  readonly #pool: SlidingPool;

  constructor(kernelSize: PerDimension, options?: Omit<AvgPoolOptions, 'kernelSize'>) {
    super();
    this.#pool = parseAvgPool({ ...options, kernelSize }, 2, 'AvgPool2d');
  }

  protected get operation(): string {
    return 'avgPool2d';
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    return preparePool(x, this.#pool, 2, mode, 'avgPool2d');
  }

  protected override extraRepr(): string {
    return describe(this.#pool);
  }
}

/**
 * Means that bring any image to a given size; see `ops.adaptiveAvgPool2d`.
 *
 * @example
 * new nn.AdaptiveAvgPool2d(1).forward(Tensor.randn([1, 8, 7, 7])).shape; // [1, 8, 1, 1]
 */
export class AdaptiveAvgPool2d extends Layer {
  readonly #pool: AdaptivePool;

  constructor(outputSize: AdaptivePoolOptions['outputSize']) {
    super();
    this.#pool = parseAdaptivePool({ outputSize }, 2, 'AdaptiveAvgPool2d');
  }

  protected get operation(): string {
    return 'adaptiveAvgPool2d';
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    return preparePool(x, this.#pool, 2, mode, 'adaptiveAvgPool2d');
  }

  protected override extraRepr(): string {
    const sizes = this.#pool.outputSize.slice(1).map((size) => (size === 0 ? 'null' : size));
    return `outputSize=[${sizes.join(', ')}]`;
  }
}
