// Packed filters of compiled networks: packed once, and shared by all graphs and sessions that were made of the same weights.

import type { Binding, Conv, PackedFilter } from '../../binding.js';
import type { TracedFilter } from './graph.js';

interface Kept {
  readonly binding: Binding;
  readonly isa: string | null;
  readonly kind: string;
  readonly sources: readonly (Float32Array | null)[];
  readonly versions: readonly number[];
  readonly filter: PackedFilter;
}

/** How often each array of weights may have been written to, or NaN for arrays whose writers are unknown. */
export type Versions = (data: Float32Array) => number;

/** By their weights, as long as those live. */
const packed = new WeakMap<Float32Array, Kept[]>();
const KEPT = 6;

/** The filter, packed for `conv`, which it was traced with. */
export function packedFilter(
  binding: Binding,
  conv: Conv,
  traced: TracedFilter,
  versionOf: Versions,
): PackedFilter {
  const { geometry } = traced.conv;
  const { inChannels, outChannels, groups, kernelSize, transposed, algorithm } = geometry;
  const kind = [inChannels, outChannels, groups, ...kernelSize, transposed, algorithm].join();
  const isa = binding.isa();
  const sources = traced.sources();
  const versions = sources.map((data) => (data === null ? 0 : versionOf(data)));
  const kept = packed.get(traced.weight) ?? [];
  for (const entry of kept) {
    if (entry.binding !== binding || entry.isa !== isa || entry.kind !== kind) continue;
    if (entry.sources.length !== sources.length) continue;
    if (sources.every((data, i) => data === entry.sources[i] && versions[i] === entry.versions[i])) {
      return entry.filter;
    }
  }
  const { weight, bias } = traced.values();
  const filter = binding.packFilter(conv, weight, bias);
  const fresh: Kept = { binding, isa, kind, sources, versions, filter };
  packed.set(traced.weight, [fresh, ...kept].slice(0, KEPT));
  return filter;
}
