// The tensor: float32 numbers with a logical, row-major shape. How they lie in memory is its private business;
// the few functions at the end let operations look, and are not exported from the package.

import { ownArray } from '../backend/memory.js';
import { show, wrongShape, wrongType } from '../errors.js';
import { checkedSeed, nextStream, normalInto, type RandomStream, uniformInto } from '../numerics/philox.js';
import { handedOut } from './changes.js';
import { checkGradientShape, lossGradient, replaceGrad, walk } from './gradients.js';
import { Leaf, type Node, Operation, recordingEnabled } from './graph.js';
import { inspectCustom } from './inspect.js';
import { type Nested, nest, unnest } from './nested.js';
import { checkedOptions } from './options.js';
import { plainArray } from './plain-array.js';
import { printed } from './print.js';
import { allocate, checkedShape, elementCount, inferredShape, sameShape, showShape } from './shape.js';
import {
  alive,
  channelsLastArray,
  checkReadable,
  copyRowMajor,
  ROW_MAJOR,
  Storage,
  settleRowMajor,
} from './storage.js';

let storageOf: (tensor: Tensor) => Storage;
let nodeOf: (tensor: Tensor) => Node<Tensor> | null;
let setNode: (tensor: Tensor, node: Node<Tensor> | null) => void;
let gradOf: (tensor: Tensor) => Tensor | null;

export interface TensorOptions {
  /** Whether gradients of it are asked for; false. */
  requiresGrad?: boolean;
}

export interface BackwardOptions {
  /** Whether the graph is kept, so that backward can run through it once more; false. */
  retainGraph?: boolean;
}

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
  /** Where gradients go: null where none was ever asked for. */
  #node: Node<Tensor> | null = null;

  /**
   * Wraps `data`, without a copy. Someone who writes to the array later calls {@link markChanged}.
   *
   * @throws TypeError where `data` is no Float32Array, or lies in a shared, resizable or detached buffer.
   * @throws ShapeError where the shape has another number of elements.
   */
  constructor(data: Float32Array, shape: readonly number[], options?: TensorOptions);
  /** @internal The shape frozen: asking for that again is noticed in calls on small images. */
  constructor(storage: Storage, shape: readonly number[]);
  constructor(data: Float32Array | Storage, shape: readonly number[], options?: TensorOptions) {
    if (data instanceof Storage) {
      this.#storage = data;
      this.shape = shape;
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
    const { requiresGrad } = checkedOptions(options, 'requiresGrad', 'Tensor', '{ requiresGrad: true }');
    if (requiresGrad !== undefined) this.requiresGrad = requiresGrad;
  }

  static {
    storageOf = (tensor) => tensor.#storage;
    nodeOf = (tensor) => tensor.#node;
    setNode = (tensor, node) => {
      tensor.#node = node;
    };
    gradOf = (tensor) => (tensor.#node instanceof Leaf ? tensor.#node.grad : null);
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
    checkReadable(this.#storage, 'Tensor.data');
    settleRowMajor(this.#storage, this.shape, 'Tensor.data');
    return handedOut(this.#storage);
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
    return this.#then('reshape', new Tensor(this.#storage, target), (upstream) =>
      upstream.reshape(this.shape),
    );
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
    this.#storage.wanted(false);
    if (this.#storage.channelAxis === axis) return this;
    const data = channelsLastArray(this.#storage, this.shape, axis, true, 'channelsLast');
    return this.#then('channelsLast', wrap(data, axis, this.shape), (upstream) => upstream);
  }

  /** Another tensor over the same elements, to which gradients do not flow. */
  detach(): Tensor {
    return new Tensor(this.#storage, this.shape);
  }

  /**
   * Whether operations on this tensor are recorded, so that {@link backward} reaches it. Parameters of layers have it from
   * the start; for a tensor of one's own it is set, and results of operations have it from their inputs.
   *
   * @throws TypeError where it is set on a result of operations.
   */
  get requiresGrad(): boolean {
    return this.#node?.required ?? false;
  }

  set requiresGrad(required: boolean) {
    if (typeof required !== 'boolean') {
      throw wrongType('requiresGrad', `must be true or false, not ${show(required)}`);
    }
    if (this.#node instanceof Operation) {
      if (required) return;
      throw wrongType(
        'requiresGrad',
        `you can only change requiresGrad flags of leaf variables, but this is a result of ${this.#node.name}`,
        'use detach() for a tensor without a gradient',
      );
    }
    this.#leaf().required = required;
  }

  /** Whether this is no result of recorded operations: gradients end here. */
  get isLeaf(): boolean {
    return !(this.#node instanceof Operation);
  }

  /**
   * The gradient that {@link backward} has added up, in this tensor's shape and layout; null before, and for results of
   * operations. It may be set, to null for instance.
   */
  get grad(): Tensor | null {
    if (this.#node instanceof Leaf) this.#node.gradTaken = true;
    return gradOf(this);
  }

  set grad(grad: Tensor | null) {
    if (grad !== null && !(grad instanceof Tensor)) {
      throw wrongType('grad', `must be a Tensor or null, not ${show(grad)}`);
    }
    if (this.#node instanceof Operation) {
      throw wrongType('grad', `only leaf variables have a grad, but this is a result of ${this.#node.name}`);
    }
    if (grad !== null && !sameShape(grad.shape, this.shape)) {
      throw wrongShape('grad', `must have shape ${showShape(this.shape)}, but got ${showShape(grad.shape)}`);
    }
    if (grad !== null || this.#node !== null) replaceGrad(this.#leaf(), grad, VIEW);
  }

  /**
   * Adds to the `grad` of every leaf that this tensor was computed from the gradient of this tensor with respect to it, or
   * for a tensor of several elements the sum of those, each times its element of `gradient`. What the operations had saved
   * is freed on the way, unless `retainGraph` is given.
   *
   * Gradients that reach one tensor on several ways are added in the reverse order of the operations they come from, and
   * those from one operation in the order of its inputs: the same bits every time.
   *
   * @throws TypeError where nothing was recorded, the graph is freed, or a tensor has changed that the gradient needs.
   * @throws RangeError where a loss (one element, no `gradient`) is NaN or infinite; ShapeError where `gradient` does not fit.
   * @example
   * const x = new Tensor(new Float32Array([1, 2, 3]), [3], { requiresGrad: true });
   * ops.mul(x, x).backward(Tensor.ones([3]));
   * x.grad.toArray(); // [2, 4, 6]
   */
  backward(gradient?: Tensor | null, options?: BackwardOptions): void {
    const { retainGraph = false } = checkedOptions(
      options,
      'retainGraph',
      'backward',
      '{ retainGraph: true }',
    );
    const node = this.#node;
    if (node === null || !node.required) {
      throw wrongType(
        'backward',
        'this tensor does not require grad and does not have a grad_fn: no operation on a tensor that requires gradients led to it',
        'set requiresGrad on an input, and do not compute inside noGrad',
      );
    }
    let storage: Storage;
    if (gradient === undefined || gradient === null) storage = lossGradient(this.#storage, this.shape);
    else if (gradient instanceof Tensor) {
      checkGradientShape(gradient.shape, this.shape);
      storage = gradient.#storage;
    } else {
      throw wrongType(
        'backward',
        `gradient must be a Tensor, not ${show(gradient)}`,
        'options come after it',
      );
    }
    walk(node, storage, retainGraph, VIEW);
  }

  #leaf(): Leaf<Tensor> {
    if (this.#node instanceof Leaf) return this.#node;
    const leaf = new Leaf<Tensor>(this.shape, this.#storage, false);
    this.#node = leaf;
    return leaf;
  }

  /** Records that `output` has this tensor's elements. */
  #then(operation: string, output: Tensor, back: (upstream: Tensor) => Tensor): Tensor {
    const node = this.#node;
    if (node?.required && recordingEnabled()) {
      output.#node = new Operation(operation, output.shape, [node], (upstream) => [back(upstream)]);
    }
    return output;
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
    checkReadable(this.#storage, 'item');
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

const VIEW = {
  wrap: (storage: Storage, shape: readonly number[]): Tensor => new Tensor(storage, shape),
  storageOf: (tensor: Tensor): Storage => storageOf(tensor),
  shapeOf: (tensor: Tensor): readonly number[] => tensor.shape,
};

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
  const { seed } = checkedOptions(options, 'seed', operation, '{ seed: 7 }');
  const data = allocate(checked, operation);
  fill(data, nextStream(seed === undefined ? undefined : checkedSeed(operation, seed)));
  return wrap(data, ROW_MAJOR, checked);
}

/** A tensor of an array that the library made. */
export const wrap = (data: Float32Array, channelAxis: number, shape: readonly number[]): Tensor =>
  new Tensor(new Storage(data, channelAxis), Object.freeze(shape));

/** The elements in logical order, to read at once: the tensor's own array, or a copy where it lies otherwise. */
export function logicalArray(tensor: Tensor, operation: string): Float32Array {
  const storage = storageOf(tensor);
  checkReadable(storage, operation);
  storage.wanted(true);
  return storage.channelAxis === ROW_MAJOR
    ? alive(storage, operation)
    : copyRowMajor(storage, tensor.shape, operation);
}

/** Overwrites a tensor's elements in place with another's, whose shape is the same; or shares the other's memory. */
export function assign(target: Tensor, source: Tensor, operation: string, sharing = false): void {
  const [storage, given] = [storageOf(target), storageOf(source)];
  if (sharing) {
    if (given.unread === null) storage.data = ownArray(logicalArray(source, operation));
    else storage.share(given);
    storage.channelAxis = ROW_MAJOR;
  } else {
    const values = logicalArray(source, operation);
    if (storage !== given) storage.overwritten();
    settleRowMajor(storage, target.shape, operation).set(values);
  }
  storage.version++;
}

export { gradOf, nodeOf, setNode, storageOf };
