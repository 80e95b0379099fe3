// The hot loop of the reference's depthwise convolution: tiles of four output positions by two channels, each reading its
// own input channel, each one chain of exact float32 FMAs over the taps from +0. As in tile.ts otherwise.
//
//   sums[8 * pair + 2 * p + n] = chain over t of x[offsets[4 * t + p] + c] * weights[(pair * taps + t) * 2 + n], c = 2 * pair + n
//
// The pairs are looped over in here: chains are as short as a kernel, and a call for each pair took as long as its sums.
// 3x3 at 112x112, times the speed of the general tile on channels in groups of one (Node 20, Zen 5): 4.
import { fmaf } from '../../numerics/fmaf.js';
import { hasExactSmallSums, roundsTwice } from './rounding.js';

/** What the tile reads of a layer. */
export interface DepthwiseFilter {
  readonly weights: Float32Array;
  /** The smallest exponent among the weights of each pair. */
  readonly exponents: Uint8Array;
}

/** Runs pairs [begin, end) of `channels` channels; `exponent` is the smallest of x. */
export function runDepthwiseTile(
  x: Float32Array,
  exponent: number,
  offsets: Int32Array,
  { weights, exponents }: DepthwiseFilter,
  taps: number,
  channels: number,
  begin: number,
  end: number,
  sums: Float64Array,
): void {
  let pair = begin;
  while (pair < end) {
    if (hasExactSmallSums(exponent, exponents[pair])) {
      let last = pair + 1;
      while (last < end && hasExactSmallSums(exponent, exponents[last])) last++;
      pair = runQuick(x, offsets, weights, taps, channels, pair, last, begin, sums);
      if (pair === last) continue;
    }
    runCarefully(x, offsets, weights, taps, channels, pair, 8 * (pair - begin), sums);
    pair++;
  }
}

/** Runs from `pair` on up to the first that needs fmaf, which it gives, or `end`. */
function runQuick(
  x: Float32Array,
  offsets: Int32Array,
  weights: Float32Array,
  taps: number,
  channels: number,
  pair: number,
  end: number,
  begin: number,
  sums: Float64Array,
): number {
  let k = pair * taps * 2;
  for (; pair < end; pair++) {
    const channel = 2 * pair;
    // An odd last channel is computed twice: its neighbour belongs to the next pixel, or to nobody.
    const next = channel + 1 < channels ? 1 : 0;
    let a0 = 0;
    let a1 = 0;
    let a2 = 0;
    let a3 = 0;
    let a4 = 0;
    let a5 = 0;
    let a6 = 0;
    let a7 = 0;
    for (let t = 0; t < taps; t++) {
      const w0 = weights[k];
      const w1 = weights[k + 1];
      const o0 = offsets[4 * t + 0] + channel;
      const x0 = x[o0];
      const s0 = x0 * w0 + a0;
      if (roundsTwice(x0, w0, a0, s0)) return pair;
      a0 = Math.fround(s0);
      const x1 = x[o0 + next];
      const s1 = x1 * w1 + a1;
      if (roundsTwice(x1, w1, a1, s1)) return pair;
      a1 = Math.fround(s1);
      const o1 = offsets[4 * t + 1] + channel;
      const x2 = x[o1];
      const s2 = x2 * w0 + a2;
      if (roundsTwice(x2, w0, a2, s2)) return pair;
      a2 = Math.fround(s2);
      const x3 = x[o1 + next];
      const s3 = x3 * w1 + a3;
      if (roundsTwice(x3, w1, a3, s3)) return pair;
      a3 = Math.fround(s3);
      const o2 = offsets[4 * t + 2] + channel;
      const x4 = x[o2];
      const s4 = x4 * w0 + a4;
      if (roundsTwice(x4, w0, a4, s4)) return pair;
      a4 = Math.fround(s4);
      const x5 = x[o2 + next];
      const s5 = x5 * w1 + a5;
      if (roundsTwice(x5, w1, a5, s5)) return pair;
      a5 = Math.fround(s5);
      const o3 = offsets[4 * t + 3] + channel;
      const x6 = x[o3];
      const s6 = x6 * w0 + a6;
      if (roundsTwice(x6, w0, a6, s6)) return pair;
      a6 = Math.fround(s6);
      const x7 = x[o3 + next];
      const s7 = x7 * w1 + a7;
      if (roundsTwice(x7, w1, a7, s7)) return pair;
      a7 = Math.fround(s7);
      k += 2;
    }
    const at = 8 * (pair - begin);
    sums[at] = a0;
    sums[at + 1] = a1;
    sums[at + 2] = a2;
    sums[at + 3] = a3;
    sums[at + 4] = a4;
    sums[at + 5] = a5;
    sums[at + 6] = a6;
    sums[at + 7] = a7;
  }
  return pair;
}

/** Runs one pair with fmaf alone. */
function runCarefully(
  x: Float32Array,
  offsets: Int32Array,
  weights: Float32Array,
  taps: number,
  channels: number,
  pair: number,
  at: number,
  sums: Float64Array,
): void {
  for (let i = 0; i < 8; i++) {
    const channel = Math.min(2 * pair + (i & 1), channels - 1);
    let sum = 0;
    for (let t = 0; t < taps; t++)
      sum = fmaf(x[offsets[4 * t + (i >> 1)] + channel], weights[2 * (pair * taps + t) + (i & 1)], sum);
    sums[at + i] = sum;
  }
}
