// The memory behind tensors: one float32 array, how its elements lie, and how often they may have changed.
// It knows sizes and layouts; what the numbers mean is the tensor's business.

import { active } from '../backend/index.js';
import { duplicate, outputMemory, standIn } from '../backend/substitute.js';
import { wrongType } from '../errors.js';
import { Unread } from './unread.js';

/** In place of a channel axis: the elements lie in the order of the shape. */
export const ROW_MAJOR = -1;

/**
 * How a layer's last result was wanted: in row-major order, by a user, or as it lay, by another operation. Everyone gets
 * what they ask for; this only lets the next result lie so from the start.
 */
export class Demand {
  rowMajor = false;
}

const NOTHING = new Float32Array(0);

/**
 * Row-major, or channels-last: [before the channel axis, after it, channels]. A channels-last array is never
 * handed to a user and never written to after it was filled, so background work may read it without a copy.
 */
export class Storage {
  readonly length: number;
  /** Rises whenever the elements may have changed. */
  version = 0;
  /** Whether a backward pass made it, and may write to it and use its memory again. */
  recyclable = false;
  /** During one operation's gradient: whether nobody else holds this storage of its upstream gradient. */
  spare = false;
  /** The version that a graph relies on, -1 for none; and what the elements were at such versions (changes.ts). */
  watched = -1;
  prints: Map<number, number> | null = null;
  /** Told of the first use of the elements. */
  #demand: Demand | null = null;
  #data: Float32Array;
  /** Makes the elements what they are, once someone asks for them. */
  #fill: ((data: Float32Array) => void) | null = null;
  /** What reads the elements, where they still lie in a file. */
  #unread: Unread | null = null;
  /** Whether a session has taken the elements: `data` is then an array without any, which names them. */
  #given = false;

  /** `data` may be left to be taken when it is first needed: a length, where elements are to be made {@link later}. */
  constructor(
    data: Float32Array | Unread | number,
    public channelAxis: number,
  ) {
    this.#unread = data instanceof Unread ? data : null;
    this.#data = data instanceof Float32Array ? data : NOTHING;
    this.length = typeof data === 'number' ? data : data.length;
  }

  get data(): Float32Array {
    if (this.#unread !== null) this.data = this.#unread.data;
    if (this.#fill !== null) {
      const fill = this.#fill;
      this.overwritten();
      fill(this.#data);
    }
    return this.#data;
  }

  set data(data: Float32Array) {
    this.#fill = null;
    this.#unread = null;
    this.#given = false;
    this.#data = data;
  }

  /** What reads the elements, where nobody has asked for them yet. */
  get unread(): Unread | null {
    if (this.#unread?.isRead) this.data = this.#unread.data;
    return this.#unread;
  }

  /** The array, or what names it while nobody has read it. */
  get name(): Float32Array {
    return this.unread?.name ?? this.data;
  }

  /** Has the same memory as another storage of the same length from now on, read or not. */
  share(other: Storage): void {
    const { unread } = other;
    this.data = unread === null ? other.data : NOTHING;
    this.#unread = unread;
  }

  /** Whether the elements are still to be made: nobody has seen them. */
  get pending(): boolean {
    return this.#fill !== null;
  }

  get given(): boolean {
    return this.#given;
  }

  /** Lets `fill` make all elements when they are first asked for: where weights are loaded, never. */
  later(fill: (data: Float32Array) => void): void {
    this.#fill = fill;
  }

  /** The elements are about to be written, all of them: what they were is not made any more. */
  overwritten(): void {
    if (this.#unread !== null) this.data = this.#unread.data; // others may share it
    if (this.#data.length !== this.length && (this.#given || this.#fill !== null))
      this.data = new Float32Array(this.length);
    this.#fill = null;
  }

  /** Gives the elements up; `data` is what stands for them from now on. */
  give(): Float32Array {
    this.data = new Float32Array(0);
    this.#given = true;
    return this.#data;
  }

  watch(demand: Demand): void {
    this.#demand = demand;
  }

  /** Says what the elements are used for. */
  wanted(rowMajor: boolean): void {
    if (this.#demand !== null) this.#demand.rowMajor = rowMajor;
    this.#demand = null;
  }
}

/** The array, where it is still there: a transferred buffer leaves one of length 0. */
export function alive(storage: Storage, operation: string): Float32Array {
  if (storage.given) {
    if (standIn() !== null) return storage.data;
    throw wrongType(
      operation,
      `these ${storage.length} elements are weights that a compiled session has taken (releaseWeights)`,
      'use the session, or load the weights again',
    );
  }
  if (storage.data.length !== storage.length) {
    throw wrongType(
      operation,
      `the buffer of a tensor of ${storage.length} elements has been detached`,
      'do not transfer or resize a buffer that a tensor still uses',
    );
  }
  return storage.data;
}

/** That the elements are there to be read by other than operations: while a network is traced, they are not. */
export function checkReadable(storage: Storage, operation: string): void {
  if (standIn()?.owes(storage.data)) {
    throw wrongType(
      operation,
      'values cannot be read while compile() traces a network: it sees shapes alone',
      'compute them with operations, outside of forward, or leave this part out of the compiled network',
    );
  }
}

/** A shape seen as [batch, channels, positions] around a channel axis. */
export function extents(shape: readonly number[], channelAxis: number) {
  let batch = 1;
  let positions = 1;
  for (let axis = 0; axis < channelAxis; axis++) batch *= shape[axis];
  for (let axis = channelAxis + 1; axis < shape.length; axis++) positions *= shape[axis];
  return { batch, channels: shape[channelAxis], positions };
}

/** A new row-major array of a storage's elements. */
export function copyRowMajor(storage: Storage, shape: readonly number[], operation: string): Float32Array {
  const data = alive(storage, operation);
  if (storage.channelAxis === ROW_MAJOR) return duplicate(data);
  const { batch, channels, positions } = extents(shape, storage.channelAxis);
  if (channels <= 1 || positions <= 1) return duplicate(data);
  const result = outputMemory(data.length);
  active().toChannelsFirst(data, result, batch, channels, positions);
  return result;
}

/** Makes the storage itself row-major, so that its array can be handed out or given another shape. */
export function settleRowMajor(storage: Storage, shape: readonly number[], operation: string): Float32Array {
  storage.wanted(true);
  if (storage.channelAxis === ROW_MAJOR) return alive(storage, operation);
  storage.data = copyRowMajor(storage, shape, operation);
  storage.channelAxis = ROW_MAJOR;
  return storage.data;
}

/**
 * The elements in channels-last order around `channelAxis`. `lasting` says that the array is read after this
 * call returns: then it is one that no user can reach.
 */
export function channelsLastArray(
  storage: Storage,
  shape: readonly number[],
  channelAxis: number,
  lasting: boolean,
  operation: string,
): Float32Array {
  const data = alive(storage, operation);
  if (storage.channelAxis === channelAxis) return data;
  const { batch, channels, positions } = extents(shape, channelAxis);
  const rowMajor = storage.channelAxis === ROW_MAJOR ? data : copyRowMajor(storage, shape, operation);
  if (channels <= 1 || positions <= 1) return lasting && rowMajor === data ? duplicate(data) : rowMajor;
  const result = outputMemory(data.length);
  active().toChannelsLast(rowMajor, result, batch, channels, positions);
  return result;
}
