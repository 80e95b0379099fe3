// The record of a computation that gradients run backwards through: operations and the leaves they began from. It knows
// no arithmetic. Edges lead from an operation to what produced its inputs, never to the tensors themselves, so that an
// intermediate result lives only as long as someone reads it or an operation has saved it.

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Storage } from './storage.js';

/**
 * One gradient for each input, null where none is needed or the output does not depend on it. `needs` says which are
 * needed. A gradient is memory of its own, or the upstream gradient itself, in the same or another shape: never another
 * tensor that someone can reach.
 */
export type Backward<T> = (upstream: T, needs: readonly boolean[]) => readonly (T | null)[];

/** Rises with every node: an operation comes after all it was computed from. */
let created = 0;

/** The last node's order: whatever is recorded from here on is above it. */
export const latestOrder = (): number => created;

/** A tensor that no recorded operation has produced. */
export class Leaf<T> {
  readonly order = ++created;
  grad: T | null = null;
  /** Whether someone may have taken the gradient: its memory is theirs then. */
  gradTaken = false;

  constructor(
    readonly shape: readonly number[],
    /** Whose layout the gradient takes. */
    readonly storage: Storage,
    public required: boolean,
  ) {}
}

/** A tensor that an operation has produced from others that need gradients. */
export class Operation<T> {
  readonly order = ++created;
  readonly required = true;
  /** Whether the result lies in memory that was taken for it alone. */
  ownsMemory = false;
  /** The result, where nobody but the graph can reach it: its memory is used again once its gradient has passed. */
  result: Storage | null = null;

  constructor(
    readonly name: string,
    readonly shape: readonly number[],
    /** What produced the inputs; null for those that need no gradient. */
    public inputs: readonly (Node<T> | null)[],
    /** null once it was freed. */
    public backward: Backward<T> | null,
  ) {}
}

export type Node<T> = Leaf<T> | Operation<T>;

/** Made on first use: where nobody calls `noGrad`, asking costs nothing. */
let scope: AsyncLocalStorage<'off'> | undefined;
let paused = 0;

/** Whether operations are recorded here and now. */
export const recordingEnabled = (): boolean =>
  paused === 0 && (scope === undefined || scope.getStore() === undefined);

/** Calls `fn`; nothing is recorded in it, nor in whatever asynchronous work it starts. */
export function withoutRecording<T>(fn: () => T): T {
  scope ??= new AsyncLocalStorage();
  return scope.run('off', fn);
}

/** The same for a function known to be synchronous, at no cost. */
export function pauseRecording<T>(fn: () => T): T {
  paused++;
  try {
    return fn();
  } finally {
    paused--;
  }
}
