// Watching operations instead of computing them. While an observer is there, an operation checks its arguments and sizes its
// output as ever, tells the observer, and gives zeros that are never written: no backend is asked, no weight is packed.

import type { ConvGeometry, PoolGeometry } from '../../binding.js';
import { allocate } from '../tensor/shape.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import type { PoolSettings } from './pool-geometry.js';
import { finished, type Prepared } from './run.js';

interface Step {
  readonly operation: string;
  readonly inputs: readonly Tensor[];
}

/** A convolution of the last `rank` dimensions. */
export interface ConvStep extends Step {
  readonly kind: 'conv';
  readonly rank: number;
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly geometry: ConvGeometry;
}

/** A pooling of the last `rank` dimensions. */
export interface PoolStep extends Step {
  readonly kind: 'pool';
  readonly rank: number;
  readonly settings: PoolSettings;
  readonly geometry: PoolGeometry;
}

/** Every output depends on all elements of the last dimension. */
export interface LinearStep extends Step {
  readonly kind: 'linear';
  readonly weight: Tensor;
}

/** An output depends on the same position of each input, in whatever channels. */
export interface PointwiseStep extends Step {
  readonly kind: 'pointwise';
}

/** The inputs side by side along one dimension. */
export interface ConcatStep extends Step {
  readonly kind: 'concat';
  readonly dim: number;
}

/** Positions added or taken away. */
export interface PadStep extends Step {
  readonly kind: 'pad';
  /** Of each padded dimension, the position of the input that each of the output's holds, or -1. */
  readonly sources: ReadonlyMap<number, Int32Array>;
  /** How many were added in front. */
  readonly begin: ReadonlyMap<number, number>;
}

/** The same elements under another order of dimensions, which is nothing to compute: Keras's images and the engine's. */
export interface RelabelStep extends Step {
  readonly kind: 'relabel';
  /** Dimensions of the output that come after its spatial ones: 1 where it has its channels last. */
  readonly trailing: number;
}

/** Whose positions are not followed: unfold and fold. */
export interface OtherStep extends Step {
  readonly kind: 'other';
}

export type TracedStep =
  | ConvStep
  | PoolStep
  | LinearStep
  | PointwiseStep
  | ConcatStep
  | PadStep
  | RelabelStep
  | OtherStep;

export type Observer = (step: TracedStep, output: Tensor) => void;

let observer: Observer | null = null;

/** Whether operations are being watched: they then end in {@link traced}. */
export const tracing = (): boolean => observer !== null;

/** Calls `fn`, every operation of which is told to `watch` and computes nothing. */
export function observe<T>(watch: Observer, fn: () => T): T {
  const before = observer;
  observer = watch;
  try {
    return fn();
  } finally {
    observer = before;
  }
}

/** Tells the observer, where there is one, of a step that is nothing to compute. */
export const told = (step: RelabelStep, output: Tensor): void => observer?.(step, output);

/** The end of an operation that is watched. */
export function traced(step: TracedStep, shape: readonly number[], channelAxis: number): Prepared {
  const output = wrap(allocate(shape, step.operation), channelAxis, shape);
  observer?.(step, output);
  return finished(output);
}
