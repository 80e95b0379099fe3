// Weights with a normalisation folded into them: computed in float64 and rounded once.

import type { TracedFilter } from './graph.js';

/** Weight and bias of a filter, as they are to be packed. */
export function filterValues({ conv, weight, bias, folded }: TracedFilter): {
  readonly weight: Float32Array;
  readonly bias: Float32Array | null;
} {
  if (folded === null) return { weight, bias };
  const { outChannels, groups, transposed } = conv.geometry;
  const { scale, shift } = folded;
  const own = outChannels / groups;
  const taps = conv.geometry.kernelSize.reduce((product, size) => product * size, 1);
  // [outChannels, ...], or of a transposed convolution [inChannels, outChannels / groups, ...taps]
  const rows = transposed ? taps : weight.length / outChannels;
  const inputs = conv.geometry.inChannels / groups;
  const channelOf = (row: number): number =>
    transposed ? Math.floor(row / own / inputs) * own + (row % own) : row;
  const scaled = new Float32Array(weight.length);
  for (let row = 0; row * rows < weight.length; row++) {
    const factor = scale[channelOf(row)];
    for (let i = row * rows; i < (row + 1) * rows; i++) scaled[i] = weight[i] * factor;
  }
  return {
    weight: scaled,
    bias: Float32Array.from(shift, (value, channel) => value + (bias?.[channel] ?? 0) * scale[channel]),
  };
}
