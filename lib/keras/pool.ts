// Keras's pooling layers: windows that slide, and whole images at once.

import type { Triple } from '../../binding.js';
import type { Mode } from '../ops/inputs.js';
import { knownOptions, oneOf, type PerDimension } from '../ops/options.js';
import { preparePool } from '../ops/pool.js';
import type { AdaptivePool, SlidingPool } from '../ops/pool-geometry.js';
import type { Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import {
  asImages,
  checkImages,
  type DataFormat,
  fromImages,
  parseDataFormat,
  relabelled,
} from './data-format.js';
import { KerasLayer, LAYER_OPTION_NAMES, type LayerOptions } from './layer.js';
import { own, type WindowOptions, windowSize } from './window-options.js';

export interface PoolingOptions extends WindowOptions {
  /** Positions a window covers; 2. */
  poolSize?: PerDimension;
  /** Steps between neighbouring windows; the pool size. */
  strides?: PerDimension | null;
}

export interface GlobalPoolingOptions extends LayerOptions {
  /** Where inputs have their channels; 'channelsLast'. */
  dataFormat?: DataFormat;
}

const NAMES = [...LAYER_OPTION_NAMES, 'padding', 'dataFormat', 'poolSize', 'strides'];

abstract class Pooling extends KerasLayer {
  readonly #rank: number;
  readonly #format: DataFormat;
  readonly #pool: SlidingPool;

  constructor(kind: SlidingPool['kind'], rank: number, options: PoolingOptions | undefined) {
    const label = `${kind === 'max' ? 'Max' : 'Average'}Pooling${rank}D`;
    const given = knownOptions(options, NAMES, label);
    super(label, given);
    const kernelSize = windowSize(given.poolSize ?? 2, 'poolSize', rank, label);
    const same = oneOf(given.padding ?? 'valid', ['valid', 'same'], 'padding', label) === 'same';
    this.#rank = rank;
    this.#format = parseDataFormat(given.dataFormat, label);
    this.#pool = {
      kind,
      kernelSize,
      stride: windowSize(given.strides ?? own(kernelSize, rank), 'strides', rank, label),
      padding: same ? 'same' : [0, 0, 0],
      dilation: [1, 1, 1],
      ceilMode: false,
      countIncludePad: false,
    };
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkImages(x, this.#rank, this.#format, this.operation);
    const images = asImages(x, this.#rank, this.#format, mode, this.operation);
    const prepared = preparePool(images, this.#pool, this.#rank, mode, this.operation);
    return fromImages(prepared, this.#rank, this.#format, mode);
  }

  protected override extraRepr(): string {
    const list = (triple: Triple) => `[${own(triple, this.#rank).join(', ')}]`;
    const shown = `poolSize=${list(this.#pool.kernelSize)}, strides=${list(this.#pool.stride)}`;
    return this.#pool.padding === 'same' ? `${shown}, padding='same'` : shown;
  }
}

abstract class GlobalPooling extends KerasLayer {
  readonly #rank: number;
  readonly #format: DataFormat;
  readonly #pool: AdaptivePool;

  constructor(kind: 'Max' | 'Average', rank: number, options: GlobalPoolingOptions | undefined) {
    const label = `Global${kind}Pooling${rank}D`;
    const given = knownOptions(options, [...LAYER_OPTION_NAMES, 'dataFormat'], label);
    super(label, given);
    this.#rank = rank;
    this.#format = parseDataFormat(given.dataFormat, label);
    this.#pool = { kind: `adaptive${kind}`, outputSize: [1, 1, 1] };
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkImages(x, this.#rank, this.#format, this.operation);
    const images = asImages(x, this.#rank, this.#format, mode, this.operation);
    const prepared = preparePool(images, this.#pool, this.#rank, mode, this.operation);
    return relabelled(prepared, prepared.output.shape.slice(0, -this.#rank), mode);
  }
}

/**
 * The largest element of each window: x [N, L, C] to [N, L', C], like {@link MaxPooling2D}.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new MaxPooling1D().forward(Tensor.zeros([1, 10, 8])).shape; // [1, 5, 8]
 */
export class MaxPooling1D extends Pooling {
  constructor(options?: PoolingOptions) {
    super('max', 1, options);
  }
}

/**
 * The largest element of each window: x [N, H, W, C] to [N, H', W', C], where H' = floor((H - poolSize) / strides) + 1
 * with padding 'valid' and ceil(H / strides) with 'same'. Padded positions are never the largest.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new MaxPooling2D({ poolSize: 3, strides: 2, padding: 'same' }).forward(Tensor.zeros([1, 15, 15, 8])).shape; // [1, 8, 8, 8]
 */
export class MaxPooling2D extends Pooling {
  constructor(options?: PoolingOptions) {
    super('max', 2, options);
  }
}

/**
 * The largest element of each window: x [N, D, H, W, C] to [N, D', H', W', C], like {@link MaxPooling2D}.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new MaxPooling3D({ poolSize: [1, 2, 2] }).forward(Tensor.zeros([1, 4, 8, 8, 2])).shape; // [1, 4, 4, 4, 2]
 */
export class MaxPooling3D extends Pooling {
  constructor(options?: PoolingOptions) {
    super('max', 3, options);
  }
}

/**
 * The mean of each window: x [N, L, C] to [N, L', C], like {@link AveragePooling2D}.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new AveragePooling1D().forward(Tensor.from([[[1], [3], [5], [9]]])).toArray(); // [[[2], [7]]]
 */
export class AveragePooling1D extends Pooling {
  constructor(options?: PoolingOptions) {
    super('average', 1, options);
  }
}

/**
 * The mean of each window: x [N, H, W, C] to [N, H', W', C], sized as by {@link MaxPooling2D}. Padded positions do not
 * count in it.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new AveragePooling2D({ padding: 'same' }).forward(Tensor.ones([1, 3, 3, 1])).toArray(); // [[[[1], [1]], [[1], [1]]]]
 */
export class AveragePooling2D extends Pooling {
  constructor(options?: PoolingOptions) {
    super('average', 2, options);
  }
}

/**
 * The mean of each window: x [N, D, H, W, C] to [N, D', H', W', C], like {@link AveragePooling2D}.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new AveragePooling3D().forward(Tensor.zeros([1, 4, 8, 8, 2])).shape; // [1, 2, 4, 4, 2]
 */
export class AveragePooling3D extends Pooling {
  constructor(options?: PoolingOptions) {
    super('average', 3, options);
  }
}

/**
 * The mean of each channel: x [N, L, C] to [N, C].
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new GlobalAveragePooling1D().forward(Tensor.from([[[1, 10], [3, 30]]])).toArray(); // [[2, 20]]
 */
export class GlobalAveragePooling1D extends GlobalPooling {
  constructor(options?: GlobalPoolingOptions) {
    super('Average', 1, options);
  }
}

/**
 * The mean of each channel: x [N, H, W, C] to [N, C]. Lin, Chen, Yan 2013, Network in Network.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new GlobalAveragePooling2D().forward(Tensor.ones([2, 7, 7, 32])).shape; // [2, 32]
 */
export class GlobalAveragePooling2D extends GlobalPooling {
  constructor(options?: GlobalPoolingOptions) {
    super('Average', 2, options);
  }
}

/**
 * The mean of each channel: x [N, D, H, W, C] to [N, C].
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new GlobalAveragePooling3D().forward(Tensor.ones([2, 4, 7, 7, 8])).shape; // [2, 8]
 */
export class GlobalAveragePooling3D extends GlobalPooling {
  constructor(options?: GlobalPoolingOptions) {
    super('Average', 3, options);
  }
}

/**
 * The largest element of each channel: x [N, L, C] to [N, C].
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new GlobalMaxPooling1D().forward(Tensor.from([[[1, 30], [3, 10]]])).toArray(); // [[3, 30]]
 */
export class GlobalMaxPooling1D extends GlobalPooling {
  constructor(options?: GlobalPoolingOptions) {
    super('Max', 1, options);
  }
}

/**
 * The largest element of each channel: x [N, H, W, C] to [N, C].
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new GlobalMaxPooling2D().forward(Tensor.ones([2, 7, 7, 32])).shape; // [2, 32]
 */
export class GlobalMaxPooling2D extends GlobalPooling {
  constructor(options?: GlobalPoolingOptions) {
    super('Max', 2, options);
  }
}

/**
 * The largest element of each channel: x [N, D, H, W, C] to [N, C].
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new GlobalMaxPooling3D().forward(Tensor.ones([2, 4, 7, 7, 8])).shape; // [2, 8]
 */
export class GlobalMaxPooling3D extends GlobalPooling {
  constructor(options?: GlobalPoolingOptions) {
    super('Max', 3, options);
  }
}
