// Weights with a normalisation folded into them: computed in float64 and rounded once.

import type { Binding } from '../../binding.js';
import { discardMemory, uninitialised } from '../backend/memory.js';
import type { TracedConv, TracedFilter } from './graph.js';

/** Elements that may lie idle: VGG-16's first linear layer is 100 times what follows, and memory of its size would be the peak. */
const SPARE = 1 << 21;

/**
 * Memory for the scaled weights of one filter after the other: fresh pages cost more than the arithmetic. What needs `later`
 * elements once they are packed can have it then.
 */
export class FoldMemory {
  #data = new Float32Array(0);

  constructor(
    readonly binding: Binding,
    readonly later: number,
  ) {}

  holds(data: Float32Array): boolean {
    return data.buffer === this.#data.buffer;
  }

  take(length: number): Float32Array {
    const { length: has } = this.#data;
    if (has < length || has > Math.max(4 * length + SPARE, this.later)) {
      discardMemory(this.#data);
      this.#data = uninitialised(Math.max(length, this.later));
      this.binding.largePages(this.#data);
    }
    return this.#data.subarray(0, length);
  }

  /** The memory itself, if that serves later without being wasted; otherwise it is freed. */
  leave(): Float32Array | null {
    const { length: has } = this.#data;
    if (has >= this.later && has <= this.later + SPARE) return this.#data;
    discardMemory(this.#data);
    return null;
  }
}

/**
 * Weight and bias of a filter, as they are to be packed; the weight valid until memory is taken again. A weight that lies in
 * this memory is scaled where it lies.
 */
export function filterValues(
  binding: Binding,
  { conv, bias, folded }: TracedFilter,
  weight: Float32Array,
  memory: FoldMemory,
): {
  readonly weight: Float32Array;
  readonly bias: Float32Array | null;
} {
  if (folded === null) return { weight, bias };
  const { transposed } = conv.geometry;
  const { scale, shift } = folded;
  const scaled = memory.holds(weight) ? weight : memory.take(weight.length);
  binding.scaleRows(weight, transposed ? scaleOfRows(conv, scale) : scale, scaled);
  return { weight: scaled, bias: foldedBias(bias, scale, shift) };
}

function foldedBias(bias: Float32Array | null, scale: Float64Array, shift: Float64Array): Float32Array {
  if (bias === null) return Float32Array.from(shift);
  const folded = new Float32Array(shift.length);
  for (let c = 0; c < folded.length; c++) folded[c] = shift[c] + bias[c] * scale[c];
  return folded;
}

/** A transposed convolution's weight is [inChannels, outChannels / groups, ...taps]: the scale of each row of taps. */
function scaleOfRows(
  { geometry: { inChannels, outChannels, groups } }: TracedConv,
  scale: Float64Array,
): Float64Array {
  const [own, inputs] = [outChannels / groups, inChannels / groups];
  const rows = new Float64Array(inChannels * own);
  for (let row = 0; row < rows.length; row++)
    rows[row] = scale[Math.floor(row / own / inputs) * own + (row % own)];
  return rows;
}
