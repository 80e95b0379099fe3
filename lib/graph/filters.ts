// Packed filters of compiled networks: packed once, and shared by all graphs and sessions that were made of the same weights.

import type { Binding, Conv, PackedFilter } from '../../binding.js';
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

/** The filter, packed for `conv`, which it was traced with. */
export function packedFilter(
  binding: Binding,
  conv: Conv,
  traced: TracedFilter,
  weights: Weights,
  memory: FoldMemory,
): PackedFilter {
  const { geometry } = traced.conv;
  const { inChannels, outChannels, groups, kernelSize, transposed, algorithm } = geometry;
  const kind = [inChannels, outChannels, groups, ...kernelSize, transposed, algorithm].join();
  const isa = binding.isa();
  const { weight, bias, folded } = traced;
  const versions = [weights.versionOf(weight), bias === null ? 0 : weights.versionOf(bias)];
  const kept = packed.get(weight) ?? [];
  for (const entry of kept) {
    if (entry.binding !== binding || entry.isa !== isa || entry.kind !== kind || entry.bias !== bias)
      continue;
    if (versions.every((version, i) => version === entry.versions[i]) && sameAffine(entry.folded, folded)) {
      return entry.filter;
    }
  }
  const elements = weights.elementsOf(weight, memory);
  if (elements.length === 0) {
    throw wrongValue(
      'session',
      'this input shape, backend or instruction set needs weights packed in another way, and they were released',
      'compile without releaseWeights, or load the weights again and call session.refresh()',
    );
  }
  const values = filterValues(binding, traced, elements, memory);
  const filter = binding.packFilter(conv, values.weight, values.bias);
  const fresh: Kept = { binding, isa, kind, bias, versions, folded, filter };
  packed.set(weight, [fresh, ...kept].slice(0, KEPT));
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
