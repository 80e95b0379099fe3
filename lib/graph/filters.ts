// Packed filters of compiled networks: packed once, and shared by all graphs and sessions that were made of the same weights.

import type { Binding, Conv, FilterRoom, PackedFilter } from '../../binding.js';
import { wrongValue } from '../errors.js';
import { type FoldMemory, filterValues } from './fold.js';
import type { Affine, TracedFilter } from './graph.js';

interface Kept {
  readonly binding: Binding;
  readonly isa: string | null;
  readonly kind: string;
  readonly bias: Float32Array | null;
  readonly versions: readonly number[];
  readonly folded: Affine | null;
  readonly filter: PackedFilter;
}

/** A module's weights, by the arrays that a trace has of them. */
export interface Weights {
  /** How often an array may have been written to, or NaN where its writers are unknown. */
  versionOf(data: Float32Array): number;
  /** The elements, which may be read into `memory`. */
  elementsOf(weight: Float32Array, memory: FoldMemory): Float32Array;
  /** Told of weights that are packed and not needed any more. */
  done(weight: Float32Array): void;
}

/** By their weights, as long as those live. */
const packed = new WeakMap<Float32Array, Kept[]>();
const KEPT = 6;

/** What tells filters of one weight apart. */
type Terms = Omit<Kept, 'filter'>;

function termsOf(binding: Binding, { conv, weight, bias, folded }: TracedFilter, weights: Weights): Terms {
  const { inChannels, outChannels, groups, kernelSize, transposed, algorithm } = conv.geometry;
  const kind = [inChannels, outChannels, groups, ...kernelSize, transposed, algorithm].join();
  const versions = [weights.versionOf(weight), bias === null ? 0 : weights.versionOf(bias)];
  return { binding, isa: binding.isa(), kind, bias, versions, folded };
}

function keptFilter(
  { binding, isa, kind, bias, versions, folded }: Terms,
  kept: readonly Kept[],
): PackedFilter | null {
  for (const entry of kept) {
    if (entry.binding !== binding || entry.isa !== isa || entry.kind !== kind || entry.bias !== bias)
      continue;
    if (versions.every((version, i) => version === entry.versions[i]) && sameAffine(entry.folded, folded)) {
      return entry.filter;
    }
  }
  return null;
}

/** Whether the filter was packed before. */
export const isPacked = (binding: Binding, traced: TracedFilter, weights: Weights): boolean =>
  keptFilter(termsOf(binding, traced, weights), packed.get(traced.weight) ?? []) !== null;

/** The filter, packed for `conv`, which it was traced with; in `room`, where it was not packed before. */
export function packedFilter(
  binding: Binding,
  conv: Conv,
  traced: TracedFilter,
  weights: Weights,
  memory: FoldMemory,
  room: FilterRoom,
): PackedFilter {
  const { weight } = traced;
  const terms = termsOf(binding, traced, weights);
  const kept = packed.get(weight) ?? [];
  const present = keptFilter(terms, kept);
  if (present !== null) return present;
  const elements = weights.elementsOf(weight, memory);
  if (elements.length === 0) {
    throw wrongValue(
      'session',
      'this input shape, backend or instruction set needs weights packed in another way, and they were released',
      'compile without releaseWeights, or load the weights again and call session.refresh()',
    );
  }
  const values = filterValues(binding, traced, elements, memory);
  const filter = binding.packFilter(conv, values.weight, values.bias, room);
  packed.set(weight, [{ ...terms, filter }, ...kept].slice(0, KEPT));
  return filter;
}

/** Lets what was packed of `weight` be found by `standIn` as well. */
export function renamePacked(weight: Float32Array, standIn: Float32Array): void {
  packed.set(standIn, packed.get(weight) ?? []);
}

const sameNumbers = (a: Float64Array, b: Float64Array): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);

const sameAffine = (a: Affine | null, b: Affine | null): boolean =>
  a === b || (a !== null && b !== null && sameNumbers(a.scale, b.scale) && sameNumbers(a.shift, b.shift));
