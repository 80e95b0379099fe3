// Another implementation of the contract in place of the chosen one, for the time of a call: how a network is traced. It
// computes nothing, so what "comes out" of it has no values, and those who would read values ask here first.
import type { Binding } from '../../binding.js';
import { uninitialised } from './memory.js';

/** What stands in for a backend. */
export interface Substitute {
  readonly binding: Binding;
  /** Whether the elements of this array are yet to be computed. */
  owes(data: Float32Array): boolean;
  /** What a call is to write: an array of this length whose elements nobody may look at, or write but by calls. */
  memory(length: number): Float32Array;
  /** The elements of such an array from `begin` to `end`. */
  part(data: Float32Array, begin: number, end: number): Float32Array;
}

let substitute: Substitute | null = null;
let substitutions = 0;

/** What stands in for the backend at the moment; null where nothing does. */
export const standIn = (): Substitute | null => substitute;

/** Below every number of a real choice of backend, and another one for each substitute: nothing made by it may be kept. */
export const standInNumber = (): number => -substitutions;

/** Calls `fn`, in which everything asks `other` in place of the backend. */
export function withStandIn<T>(other: Substitute, fn: () => T): T {
  const before = substitute;
  substitute = other;
  substitutions++;
  try {
    return fn();
  } finally {
    substitute = before;
  }
}

/** Memory that calls of the backend write, all of it, and nothing else does: what `make` gives, where the backend is real. */
export const outputMemory = (length: number, make = uninitialised): Float32Array =>
  substitute?.memory(length) ?? make(length);

/** Elements of an operation's input or output that a call reads or writes apart from the others. */
export const part = (data: Float32Array, begin: number, end: number): Float32Array =>
  substitute?.part(data, begin, end) ?? data.subarray(begin, end);

/** A copy of the elements; of those yet to be computed, the array itself, which nobody else can write to. */
export const duplicate = (data: Float32Array): Float32Array => (substitute?.owes(data) ? data : data.slice());
