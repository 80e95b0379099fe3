// A network as a list of calls of the contract, on memory that has no address yet. Handles are descriptions: what a
// convolution is, what a filter is made of.

import type { ConvGeometry, Operations, PoolGeometry } from '../../binding.js';

/** Memory that steps write and read. */
export class Block {
  /** Elements that were there before any step; null where there were none. */
  initial: Float32Array | null = null;
  /** The array that a constant was read from. */
  source: Float32Array | null = null;

  constructor(
    /** Elements. */
    readonly length: number,
    /** 'constant': never written. 'made': written by steps. */
    readonly kind: 'input' | 'constant' | 'made',
  ) {}
}

/** Neighbouring elements of a block: what a step has in place of an array. */
export class View {
  constructor(
    readonly block: Block,
    readonly offset: number,
    readonly length: number,
  ) {}
}

/** In place of a `Conv`. */
export class TracedConv {
  constructor(readonly geometry: ConvGeometry) {}
}

/** What each output channel of a convolution is multiplied by, and what is added, in float64. */
export interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/** In place of a `PackedFilter`: the arrays it is packed from, and what a pass has folded into them. */
export class TracedFilter {
  constructor(
    readonly conv: TracedConv,
    readonly weight: Float32Array,
    readonly bias: Float32Array | null,
    readonly folded: Affine | null = null,
  ) {}
}

/** In place of a `Pool`. */
export class TracedPool {
  constructor(readonly geometry: PoolGeometry) {}
}

/** A call of the contract. `args` are the operation's with views in place of arrays and descriptions in place of handles. */
export interface Step {
  readonly operation: keyof Operations;
  readonly args: readonly unknown[];
  /** The module that made it, '' being the network itself. */
  readonly path: string;
}

/**
 * Which arguments of an operation are written; the other arrays are read. Those that are missing have no place in a
 * compiled network.
 */
export const WRITTEN: { readonly [K in keyof Operations]?: number } = {
  conv: 3,
  pool: 2,
  activate: 2,
  binary: 3,
  clamp: 3,
  broadcast: 4,
  sum: 1,
  modulus: 1,
  concat: 2,
  unfold: 2,
  fold: 2,
  remap: 2,
  sparse: 4,
  softmax: 2,
  affine: 5,
  normalize: 5,
  localResponse: 2,
  toChannelsLast: 1,
  toChannelsFirst: 1,
};

/** Arguments whose memory the written one may share, being read element by element just before. */
export const OVERWRITABLE: { readonly [K in keyof Operations]?: readonly number[] } = {
  activate: [1],
  binary: [1, 2],
  clamp: [2],
  affine: [1, 4],
};

/** What a step writes. */
export function outputOf(step: Step): View {
  const place = WRITTEN[step.operation];
  const view = place === undefined ? undefined : step.args[place];
  if (!(view instanceof View)) throw new Error(`${step.operation} writes nothing`);
  return view;
}

/** What a step reads. */
export function inputsOf(step: Step): View[] {
  const written = WRITTEN[step.operation];
  const views: View[] = [];
  for (let place = 0; place < step.args.length; place++)
    if (place !== written) addViews(step.args[place], views);
  return views;
}

function addViews(arg: unknown, views: View[]): void {
  if (arg instanceof View) views.push(arg);
  else if (Array.isArray(arg)) for (const item of arg) addViews(item, views);
}

/** A network's steps in order, and what to give back. */
export interface Graph {
  readonly steps: readonly Step[];
  readonly inputs: readonly View[];
  readonly outputs: readonly Output[];
  /** Where early steps are repeated for every image of a batch. */
  readonly repeated?: Repeated;
}

/** Memory of steps that are repeated. */
export interface Repeated {
  /** Blocks of the second image and those after it, and in whose place they lie: the first one's. */
  readonly twins: ReadonlyMap<Block, Block>;
  /** Blocks that hold all images, from the first step on. */
  readonly lasting: ReadonlySet<Block>;
}

/** A result: where it is, and how it lies there. */
export interface Output {
  readonly name: string;
  readonly view: View;
  readonly channelAxis: number;
  readonly shape: readonly number[];
}
