// The TypeScript backend's loop nest with plain Math.fround(a * b + c) where the backend has its exact fused
// multiply-add: what JavaScript could reach if it were allowed to round twice. It is timed, never shipped.

import { outputSize, product, tapsPerOutput } from '../layer.js';
import { Absent, type Contender, type Settings } from './contender.js';

const TILE_POSITIONS = 4;
const TILE_CHANNELS = 2;

/** Ungrouped conv2d of one image with an even number of output channels. */
export async function plain({ layer, data }: Settings): Promise<Contender> {
  const { inChannels, outChannels, kernelSize, inputSize } = layer;
  if (
    layer.operation !== 'conv2d' ||
    layer.groups !== 1 ||
    layer.batch !== 1 ||
    outChannels % TILE_CHANNELS !== 0
  )
    throw new Absent('plain: takes ungrouped conv2d of one image with an even number of output channels');
  const taps = product(kernelSize);
  const steps = tapsPerOutput(layer);
  const zeros = product(inputSize) * inChannels;
  const positions = product(outputSize(layer));

  // x as [positions, channels] and a row of zeros; weights as [pair of channels][tap][input channel][2]
  const x = new Float32Array(zeros + inChannels);
  for (let c = 0; c < inChannels; c++)
    for (let p = 0; p < product(inputSize); p++) x[p * inChannels + c] = data.x[c * product(inputSize) + p];
  const weights = new Float32Array(outChannels * steps);
  for (let n = 0; n < outChannels; n++)
    for (let tap = 0; tap < taps; tap++)
      for (let c = 0; c < inChannels; c++)
        weights[((n >> 1) * steps + tap * inChannels + c) * TILE_CHANNELS + (n & 1)] =
          data.weight[(n * inChannels + c) * taps + tap];

  const offsets = new Int32Array(taps * TILE_POSITIONS);
  const sums = new Float64Array(TILE_POSITIONS * TILE_CHANNELS);
  const forward = (): Float32Array => {
    const y = new Float32Array(positions * outChannels);
    for (let first = 0; first < positions; first += TILE_POSITIONS) {
      fillOffsets(first);
      const last = Math.min(TILE_POSITIONS, positions - first);
      for (let n = 0; n < outChannels; n += TILE_CHANNELS) {
        runTile(x, offsets, weights, n * steps, taps, inChannels, sums);
        for (let p = 0; p < last; p++) {
          const at = (first + p) * outChannels + n;
          y[at] = sums[2 * p] + data.bias[n];
          y[at + 1] = sums[2 * p + 1] + data.bias[n + 1];
        }
      }
    }
    return y;
  };
  const [, width] = outputSize(layer);
  const fillOffsets = (first: number): void => {
    for (let p = 0; p < TILE_POSITIONS; p++) {
      const position = Math.min(first + p, positions - 1);
      for (let tap = 0; tap < taps; tap++) {
        const row = source(0, Math.floor(position / width), Math.floor(tap / kernelSize[1]));
        const column = source(1, position % width, tap % kernelSize[1]);
        offsets[tap * TILE_POSITIONS + p] =
          row < 0 || column < 0 ? zeros : (row * inputSize[1] + column) * inChannels;
      }
    }
  };
  const source = (axis: number, at: number, tap: number): number => {
    const place = at * layer.stride[axis] - layer.padBegin[axis] + tap * layer.dilation[axis];
    return place < inputSize[axis] ? place : -1;
  };
  return {
    run() {
      forward();
    },
    async output() {
      const y = forward();
      return y.map((_, index) => y[(index % positions) * outChannels + Math.floor(index / positions)]);
    },
    version: '',
  };
}

function runTile(
  x: Float32Array,
  offsets: Int32Array,
  weights: Float32Array,
  first: number,
  taps: number,
  depth: number,
  sums: Float64Array,
): void {
  let a0 = 0;
  let a1 = 0;
  let a2 = 0;
  let a3 = 0;
  let a4 = 0;
  let a5 = 0;
  let a6 = 0;
  let a7 = 0;
  let k = first;
  for (let tap = 0; tap < taps; tap++) {
    const o0 = offsets[4 * tap];
    const o1 = offsets[4 * tap + 1];
    const o2 = offsets[4 * tap + 2];
    const o3 = offsets[4 * tap + 3];
    for (let c = 0; c < depth; c++) {
      const w0 = weights[k];
      const w1 = weights[k + 1];
      const x0 = x[o0 + c];
      a0 = Math.fround(x0 * w0 + a0);
      a1 = Math.fround(x0 * w1 + a1);
      const x1 = x[o1 + c];
      a2 = Math.fround(x1 * w0 + a2);
      a3 = Math.fround(x1 * w1 + a3);
      const x2 = x[o2 + c];
      a4 = Math.fround(x2 * w0 + a4);
      a5 = Math.fround(x2 * w1 + a5);
      const x3 = x[o3 + c];
      a6 = Math.fround(x3 * w0 + a6);
      a7 = Math.fround(x3 * w1 + a7);
      k += TILE_CHANNELS;
    }
  }
  sums[0] = a0;
  sums[1] = a1;
  sums[2] = a2;
  sums[3] = a3;
  sums[4] = a4;
  sums[5] = a5;
  sums[6] = a6;
  sums[7] = a7;
}
