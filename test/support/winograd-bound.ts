// The error bound of Winograd's tiles, tile by tile: |y - y64| <= kappa * u * (sum over channels of max |x over the tile| *
// max |w| + |bias|). A bound on sum |x * w| cannot hold for it. It shares no code with the library.

import type { Tensor } from '../../lib/index.js';
import { begins, sizes, source, three } from './conv64.js';

/** The factor, with room above the worst of the layers measured: one channel, 6.6 with tiles of 2x2 and 15.9 with 4x4. */
export const KAPPA = 24;

/** Of an axis: for each output position, the input positions that its tile reads. */
function tileSources(
  input: number,
  output: number,
  dilation: number,
  begin: number,
  mode: string,
  tile: number,
): number[][] {
  return Array.from({ length: output }, (_, o) => {
    const start = (o % dilation) + Math.floor(Math.floor(o / dilation) / tile) * tile * dilation;
    return Array.from({ length: tile + 2 }, (_, i) => start + i * dilation - begin)
      .filter((position) => mode === 'zeros' || position < input + begin)
      .map((position) => source(position, input, mode))
      .filter((position) => position >= 0 && position < input);
  });
}

/** For every output of a 3x3 convolution of stride 1 without groups: what kappa * u is multiplied by. */
export function tileSums(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  params: Record<string, unknown>,
  outputShape: readonly number[],
  tile: 2 | 4,
): Float64Array {
  const rank = x.shape.length - 2;
  const dilation = three(params.dilation, rank, 1);
  const mode = String(params.paddingMode ?? 'zeros');
  const [size, kernel, output] = [sizes(x.shape), sizes(weight.shape), sizes(outputShape)];
  const begin = begins(rank, params, size, kernel);
  const [rows, columns] = [1, 2].map((axis) =>
    tileSources(size[axis], output[axis], dilation[axis], begin[axis], mode, tile),
  );
  const [channels, planes] = [x.shape[1], size[0]];
  const outChannels = weight.shape[0];
  const [input, filters, biases] = [x.data, weight.data, bias?.data];
  const mostWeight = Array.from({ length: outChannels * channels }, (_, filter) =>
    filters.subarray(filter * 9, filter * 9 + 9).reduce((most, w) => Math.max(most, Math.abs(w)), 0),
  );
  const most = (n: number, c: number, d: number, h: number, w: number): number => {
    let result = 0;
    const plane = ((n * channels + c) * planes + d) * size[1];
    for (const row of rows[h])
      for (const column of columns[w])
        result = Math.max(result, Math.abs(input[(plane + row) * size[2] + column]));
    return result;
  };
  const sums = new Float64Array(outputShape.reduce((product, extent) => product * extent, 1));
  const positions = output[0] * output[1] * output[2];
  for (let n = 0; n < outputShape[0]; n++)
    for (let c = 0; c < channels; c++)
      for (let at = 0; at < positions; at++) {
        const [d, h, w] = [
          Math.floor(at / (output[1] * output[2])),
          Math.floor(at / output[2]) % output[1],
          at % output[2],
        ];
        const value = most(n, c, d, h, w);
        for (let k = 0; k < outChannels; k++)
          sums[(n * outChannels + k) * positions + at] += value * mostWeight[k * channels + c];
      }
  if (biases === undefined) return sums;
  return sums.map((sum, i) => sum + Math.abs(biases[Math.floor(i / positions) % outChannels]));
}
