// The tensor: float32 numbers with a logical, row-major shape. How they lie in memory is its private business;
// the few functions at the end let operations look, and are not exported from the package.

import { show, wrongShape, wrongType } from '../errors.js';
import { checkedSeed, nextStream, normalInto, type RandomStream, uniformInto } from '../numerics/philox.js';
import { inspectCustom } from './inspect.js';
import { type Nested, nest, unnest } from './nested.js';
import { plainArray } from './plain-array.js';
import { printed } from './print.js';
import { allocate, checkedShape, elementCount, inferredShape, showShape } from './shape.js';
import { alive, channelsLastArray, copyRowMajor, ROW_MAJOR, Storage, settleRowMajor } from './storage.js';

let storageOf: (tensor: Tensor) => Storage;

export interface RandomOptions {
  /** A whole number; the same seed gives the same numbers on every machine. Without one, the next draw of `manualSeed`'s sequence. */
  seed?: number;
}

/**
 * Float32 numbers in a logical, row-major shape; `[N, C, H, W]` for a batch of images. Plain memory, freed by the
 * garbage collector. Tensors made from one another by `reshape` or `detach` share it, as in PyTorch.
 *
 * @example
 * const x = new Tensor(new Float32Array([1, 2, 3, 4, 5, 6]), [2, 3]);
 * x.reshape([3, -1]).toArray(); // [[1, 2], [3, 4], [5, 6]]
 */
export class Tensor {
  /** The size along each dimension. */
  readonly shape: readonly number[];
  readonly #storage: Storage;

  /**
   * Wraps `data`, without a copy. Someone who writes to the array later calls {@link markChanged}.
   *
   * @throws TypeError where `data` is no Float32Array, or lies in a shared, resizable or detached buffer.
   * @throws ShapeError where the shape has another number of elements.
   */
  constructor(data: Float32Array, shape: readonly number[]);
  /** @internal */
  constructor(storage: Storage, shape: readonly number[]);
  constructor(data: Float32Array | Storage, shape: readonly number[]) {
    if (data instanceof Storage) {
      this.#storage = data;
      this.shape = Object.freeze(shape);
      return;
    }
    const array = plainArray(data);
    this.shape = checkedShape(shape, 'Tensor');
    if (elementCount(this.shape) !== array.length) {
      throw wrongShape(
        'Tensor',
        `shape ${showShape(this.shape)} has ${elementCount(this.shape)} elements, but data has ${array.length}`,
      );
    }
    this.#storage = new Storage(array, ROW_MAJOR);
  }

  static {
    storageOf = (tensor) => tensor.#storage;
  }

  /** All zeros. */
  static zeros(shape: readonly number[]): Tensor {
    return filled(shape, 0, 'Tensor.zeros');
  }

  /** All ones. */
  static ones(shape: readonly number[]): Tensor {
    return filled(shape, 1, 'Tensor.ones');
  }

  /** Every element `value`. */
  static full(shape: readonly number[], value: number): Tensor {
    if (typeof value !== 'number') {
      throw wrongType('Tensor.full', `value must be a number, not ${show(value)}`);
    }
    return filled(shape, value, 'Tensor.full');
  }

  /**
   * Independent standard normal numbers. Element i depends on the seed and i alone (Philox 4x32-10, Box-Muller).
   *
   * @example
   * Tensor.randn([2, 3], { seed: 7 });
   */
  static randn(shape: readonly number[], options: RandomOptions = {}): Tensor {
    return drawn(shape, options, normalInto, 'Tensor.randn');
  }

  /** Independent numbers, uniform in [0, 1). */
  static rand(shape: readonly number[], options: RandomOptions = {}): Tensor {
    return drawn(shape, options, uniformInto, 'Tensor.rand');
  }

  /**
   * The tensor of a number, or of arrays nested as deep as it has dimensions; the innermost may be typed arrays.
   *
   * @throws ShapeError where the arrays are ragged.
   * @example
   * Tensor.from([[1, 2], [3, 4]]).shape; // [2, 2]
   */
  static from(nested: Nested): Tensor {
    const { data, shape } = unnest(nested, 'Tensor.from');
    return wrap(data, ROW_MAJOR, shape);
  }

  /**
   * The elements in row-major order, to read and to write. Since a write cannot be seen, reading this property
   * counts as a possible change: packed weights are rebuilt when a layer next uses them. Someone who keeps the array
   * and writes to it later calls {@link markChanged} after each round of writes. A tensor laid out channels-last is
   * laid out in row-major order from then on.
   */
  get data(): Float32Array {
    const data = settleRowMajor(this.#storage, this.shape, 'Tensor.data');
    this.#storage.version++;
    return data;
  }

  /** Says that the elements were written through an array obtained earlier. */
  markChanged(): void {
    this.#storage.version++;
  }

  /**
   * The same elements in another shape, sharing memory. One size may be -1: what is left over.
   *
   * @throws ShapeError where the number of elements differs.
   */
  reshape(shape: readonly number[]): Tensor {
    const target = inferredShape(shape, this.#storage.length, 'reshape');
    settleRowMajor(this.#storage, this.shape, 'reshape');
    return new Tensor(this.#storage, target);
  }

  /**
   * The same logical shape and values, laid out channels-last in memory (PyTorch's `channels_last`): the order in which
   * layers compute, and which they keep. This tensor itself where it already lies so, else a copy.
   *
   * @throws ShapeError unless the shape is [C, H, W], [N, C, H, W] or [N, C, D, H, W].
   */
  channelsLast(): Tensor {
    const rank = this.shape.length;
    if (rank < 3 || rank > 5) {
      throw wrongShape(
        'channelsLast',
        `needs [C, H, W], [N, C, H, W] or [N, C, D, H, W], but the shape is ${showShape(this.shape)}`,
      );
    }
    const axis = rank === 3 ? 0 : 1;
    if (this.#storage.channelAxis === axis) return this;
    const data = channelsLastArray(this.#storage, this.shape, axis, true, 'channelsLast');
    return wrap(data, axis, this.shape);
  }

  /** Another tensor over the same elements. */
  detach(): Tensor {
    return new Tensor(this.#storage, this.shape);
  }

  /** Nested arrays, as deep as the tensor has dimensions; a number where it has none. */
  toArray(): Nested {
    return nest(logicalArray(this, 'toArray'), this.shape);
  }

  /**
   * The number of a tensor of one element.
   *
   * @throws ShapeError where there are more or fewer.
   */
  item(): number {
    if (this.#storage.length !== 1) {
      throw wrongShape(
        'item',
        `a Tensor with ${this.#storage.length} elements cannot be converted to Scalar`,
        'use toArray() or .data',
      );
    }
    return alive(this.#storage, 'item')[0];
  }

  /** The numbers laid out in brackets, shortened where they are many. */
  toString(): string {
    return printed(logicalArray(this, 'toString'), this.shape);
  }

  [inspectCustom](): string {
    return this.toString();
  }
}

function filled(shape: readonly number[], value: number, operation: string): Tensor {
  const checked = checkedShape(shape, operation);
  const data = allocate(checked, operation);
  return wrap(value === 0 ? data : data.fill(value), ROW_MAJOR, checked);
}

function drawn(
  shape: readonly number[],
  options: RandomOptions,
  fill: (data: Float32Array, stream: RandomStream) => void,
  operation: string,
): Tensor {
  const checked = checkedShape(shape, operation);
  if (typeof options !== 'object' || options === null) {
    throw wrongType(operation, `options must be an object such as { seed: 7 }, not ${show(options)}`);
  }
  for (const key of Object.keys(options)) {
    if (key !== 'seed')
      throw wrongType(operation, `there is no option ${show(key)}`, "the only one is 'seed'");
  }
  const { seed } = options;
  const data = allocate(checked, operation);
  fill(data, nextStream(seed === undefined ? undefined : checkedSeed(operation, seed)));
  return wrap(data, ROW_MAJOR, checked);
}

/** A tensor of an array that the library made. */
export const wrap = (data: Float32Array, channelAxis: number, shape: readonly number[]): Tensor =>
  new Tensor(new Storage(data, channelAxis), shape);

/** The elements in logical order, to read at once: the tensor's own array, or a copy where it lies otherwise. */
export function logicalArray(tensor: Tensor, operation: string): Float32Array {
  const storage = storageOf(tensor);
  return storage.channelAxis === ROW_MAJOR
    ? alive(storage, operation)
    : copyRowMajor(storage, tensor.shape, operation);
}

/** Overwrites a tensor's elements in place with another's, whose shape is the same. */
export function assign(target: Tensor, source: Tensor, operation: string): void {
  const values = logicalArray(source, operation);
  const storage = storageOf(target);
  settleRowMajor(storage, target.shape, operation).set(values);
  storage.version++;
}

export { storageOf };
