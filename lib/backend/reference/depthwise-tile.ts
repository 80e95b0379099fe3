// The hot loop of the reference's depthwise convolution: a tile of four output positions by two channels, each reading its
// own input channel, each one chain of exact float32 FMAs over the taps. As in tile.ts otherwise.
//
//   state[2 * p + n] = fma(x[offsets[4 * t + p] + channel + n], weights[2 * t + n], state[2 * p + n])
//
// `next` is 1, or 0 where the second channel is not there: then it computes the first again, and nobody looks.
// Times the speed of the general tile on channels in groups of one (Node 20, Zen 5, 3x3): 4.
import { fmaf } from '../../numerics/fmaf.js';
import { roundsTwice } from './rounding.js';

/** Runs all taps of the tile from `state` into `state`; `quick` as in `runTile`. */
export function runDepthwiseTile(
  x: Float32Array,
  offsets: Int32Array,
  channel: number,
  next: 0 | 1,
  weights: Float32Array,
  first: number,
  taps: number,
  state: Float64Array,
  quick: boolean,
): void {
  let tap = 0;
  while (tap < taps) {
    const done = quick ? runQuick(x, offsets, channel, next, weights, first, taps, tap, state) : 8 * tap;
    tap = done >> 3;
    if (tap === taps) return;
    for (let i = done & 7; i < 8; i++) {
      const value = x[offsets[4 * tap + (i >> 1)] + channel + next * (i & 1)];
      state[i] = fmaf(value, weights[first + 2 * tap + (i & 1)], state[i]);
    }
    tap++;
  }
}

/** Runs from `tap` on up to the first sum that needs fmaf; gives 8 * tap + i for the i-th of that tap, or 8 * taps. */
function runQuick(
  x: Float32Array,
  offsets: Int32Array,
  channel: number,
  next: 0 | 1,
  weights: Float32Array,
  first: number,
  taps: number,
  tap: number,
  state: Float64Array,
): number {
  let a0 = state[0];
  let a1 = state[1];
  let a2 = state[2];
  let a3 = state[3];
  let a4 = state[4];
  let a5 = state[5];
  let a6 = state[6];
  let a7 = state[7];
  let lane = 0;
  let t = tap;
  for (; t < taps; t++) {
    const w0 = weights[first + 2 * t];
    const w1 = weights[first + 2 * t + 1];
    const o0 = offsets[4 * t + 0] + channel;
    const x0 = x[o0];
    const s0 = x0 * w0 + a0;
    if (roundsTwice(x0, w0, a0, s0)) break;
    a0 = Math.fround(s0);
    const x1 = x[o0 + next];
    const s1 = x1 * w1 + a1;
    if (roundsTwice(x1, w1, a1, s1)) {
      lane = 1;
      break;
    }
    a1 = Math.fround(s1);
    const o1 = offsets[4 * t + 1] + channel;
    const x2 = x[o1];
    const s2 = x2 * w0 + a2;
    if (roundsTwice(x2, w0, a2, s2)) {
      lane = 2;
      break;
    }
    a2 = Math.fround(s2);
    const x3 = x[o1 + next];
    const s3 = x3 * w1 + a3;
    if (roundsTwice(x3, w1, a3, s3)) {
      lane = 3;
      break;
    }
    a3 = Math.fround(s3);
    const o2 = offsets[4 * t + 2] + channel;
    const x4 = x[o2];
    const s4 = x4 * w0 + a4;
    if (roundsTwice(x4, w0, a4, s4)) {
      lane = 4;
      break;
    }
    a4 = Math.fround(s4);
    const x5 = x[o2 + next];
    const s5 = x5 * w1 + a5;
    if (roundsTwice(x5, w1, a5, s5)) {
      lane = 5;
      break;
    }
    a5 = Math.fround(s5);
    const o3 = offsets[4 * t + 3] + channel;
    const x6 = x[o3];
    const s6 = x6 * w0 + a6;
    if (roundsTwice(x6, w0, a6, s6)) {
      lane = 6;
      break;
    }
    a6 = Math.fround(s6);
    const x7 = x[o3 + next];
    const s7 = x7 * w1 + a7;
    if (roundsTwice(x7, w1, a7, s7)) {
      lane = 7;
      break;
    }
    a7 = Math.fround(s7);
  }
  state[0] = a0;
  state[1] = a1;
  state[2] = a2;
  state[3] = a3;
  state[4] = a4;
  state[5] = a5;
  state[6] = a6;
  state[7] = a7;
  return 8 * t + lane;
}
