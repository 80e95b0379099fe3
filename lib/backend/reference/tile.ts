// The hot loop of the reference convolution: a tile of four output positions by two output channels, each one
// chain of exact float32 FMAs over all taps. It knows offsets and weights, nothing of images or padding.
//
//   state[2 * p + n] = fma(x[offsets[4 * t + p] + c], weights[2 * k + n], state[2 * p + n]) for k = t * depth + c
//
// fround(x * w + a) rounds twice, which is wrong only where the double sum s falls half way between two floats:
// where the low 29 bits of its pattern are 1000…0, or, among subnormal floats, anywhere. A caller who can rule the
// latter out (rounding.ts) gets the quick loop, which looks at the low word of each sum and stops at a half way point
// that is not the exact sum; that step is then taken with fmaf. Sums are tested one by one, so that few values are alive at a time and all stay
// in registers, as no call is in sight. Times the speed of the same tile with plain fround (Node 20, Zen 5, 64 channels
// 3x3): this 0.97; all eight sums computed before the tests 0.37 to 0.75; with a test of each sum for subnormals 0.7;
// Veltkamp's splitting 0.57. Tiles of 3x3 to 6x2 are within 5 % of this one.
import { fmaf } from '../../numerics/fmaf.js';
import { roundsTwice } from './rounding.js';

export const TILE_POSITIONS = 4;
export const TILE_CHANNELS = 2;
const LANES = TILE_POSITIONS * TILE_CHANNELS;

/**
 * Runs all `taps * depth` steps of the tile from `state` into `state`. `quick` says that every sum below the normal
 * floats is exact in float64 (see rounding.ts).
 */
export function runTile(
  x: Float32Array,
  offsets: Int32Array,
  channel: number,
  weights: Float32Array,
  first: number,
  taps: number,
  depth: number,
  state: Float64Array,
  quick: boolean,
): void {
  const steps = taps * depth;
  let step = 0;
  while (quick && step < steps) {
    const done = runQuick(x, offsets, channel, weights, first, taps, depth, step, state);
    step = Math.floor(done / LANES);
    if (step === steps) return;
    const tap = Math.floor(step / depth);
    const at = channel + step - tap * depth;
    for (let i = done - step * LANES; i < LANES; i++) {
      const value = x[offsets[TILE_POSITIONS * tap + (i >> 1)] + at];
      state[i] = fmaf(value, weights[first + TILE_CHANNELS * step + (i & 1)], state[i]);
    }
    step++;
  }
  runCarefully(x, offsets, channel, weights, first, taps, depth, step, state);
}

/** Runs from `step` on up to the first sum that needs fmaf; gives 8 * step + i for the i-th of that step, or 8 * steps. */
function runQuick(
  x: Float32Array,
  offsets: Int32Array,
  channel: number,
  weights: Float32Array,
  first: number,
  taps: number,
  depth: number,
  step: number,
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
  let tap = (step / depth) | 0;
  let c = step - tap * depth;
  let k = first + 2 * step;
  let lane = 0;
  chain: for (; tap < taps; tap++) {
    const o0 = offsets[4 * tap] + channel;
    const o1 = offsets[4 * tap + 1] + channel;
    const o2 = offsets[4 * tap + 2] + channel;
    const o3 = offsets[4 * tap + 3] + channel;
    for (; c < depth; c++) {
      const w0 = weights[k];
      const w1 = weights[k + 1];
      const x0 = x[o0 + c];
      const s0 = x0 * w0 + a0;
      if (roundsTwice(x0, w0, a0, s0)) break chain;
      a0 = Math.fround(s0);
      const s1 = x0 * w1 + a1;
      if (roundsTwice(x0, w1, a1, s1)) {
        lane = 1;
        break chain;
      }
      a1 = Math.fround(s1);
      const x1 = x[o1 + c];
      const s2 = x1 * w0 + a2;
      if (roundsTwice(x1, w0, a2, s2)) {
        lane = 2;
        break chain;
      }
      a2 = Math.fround(s2);
      const s3 = x1 * w1 + a3;
      if (roundsTwice(x1, w1, a3, s3)) {
        lane = 3;
        break chain;
      }
      a3 = Math.fround(s3);
      const x2 = x[o2 + c];
      const s4 = x2 * w0 + a4;
      if (roundsTwice(x2, w0, a4, s4)) {
        lane = 4;
        break chain;
      }
      a4 = Math.fround(s4);
      const s5 = x2 * w1 + a5;
      if (roundsTwice(x2, w1, a5, s5)) {
        lane = 5;
        break chain;
      }
      a5 = Math.fround(s5);
      const x3 = x[o3 + c];
      const s6 = x3 * w0 + a6;
      if (roundsTwice(x3, w0, a6, s6)) {
        lane = 6;
        break chain;
      }
      a6 = Math.fround(s6);
      const s7 = x3 * w1 + a7;
      if (roundsTwice(x3, w1, a7, s7)) {
        lane = 7;
        break chain;
      }
      a7 = Math.fround(s7);
      k += 2;
    }
    c = 0;
  }
  state[0] = a0;
  state[1] = a1;
  state[2] = a2;
  state[3] = a3;
  state[4] = a4;
  state[5] = a5;
  state[6] = a6;
  state[7] = a7;
  return 4 * (k - first) + lane;
}

/** Runs the steps from `step` on with fmaf alone. */
function runCarefully(
  x: Float32Array,
  offsets: Int32Array,
  channel: number,
  weights: Float32Array,
  first: number,
  taps: number,
  depth: number,
  step: number,
  state: Float64Array,
): void {
  let tap = (step / depth) | 0;
  let c = step - tap * depth;
  let k = first + 2 * step;
  for (; tap < taps; tap++) {
    for (; c < depth; c++) {
      const w0 = weights[k];
      const w1 = weights[k + 1];
      for (let p = 0; p < TILE_POSITIONS; p++) {
        const value = x[offsets[4 * tap + p] + channel + c];
        state[2 * p] = fmaf(value, w0, state[2 * p]);
        state[2 * p + 1] = fmaf(value, w1, state[2 * p + 1]);
      }
      k += 2;
    }
    c = 0;
  }
}
