// Convolutions in float64, written for plainness: the yardstick of rounding errors. It shares no code with the library,
// padding and output sizes included.

import type { Tensor } from '../../lib/index.js';

/** Where a position outside [0, size) reads from under a padding mode; -1 for nowhere. */
export function source(position: number, size: number, mode: string): number {
  if (position >= 0 && position < size) return position;
  if (mode === 'replicate') return position < 0 ? 0 : size - 1;
  if (mode === 'circular') return (position + size) % size;
  if (mode === 'reflect') return position < 0 ? -position : 2 * (size - 1) - position;
  return -1;
}

/** An option as one number for each of three dimensions; those that are not there have `unit`. */
export function three(value: unknown, rank: number, unit: number): number[] {
  const own = Array.isArray(value) ? value.map(Number) : new Array<number>(rank).fill(Number(value ?? unit));
  return [...new Array<number>(3 - rank).fill(unit), ...own];
}

/** Three sizes, units in front of those that are there. */
export const sizes = (shape: readonly number[]): number[] => three(shape.slice(2), shape.length - 2, 1);

/** Calls `visit` with every coordinate below `size`, in order. */
function eachIn([depth, height, width]: readonly number[], visit: (at: number[]) => void): void {
  for (let d = 0; d < depth; d++)
    for (let h = 0; h < height; h++) for (let w = 0; w < width; w++) visit([d, h, w]);
}

const flat = (at: readonly number[], size: readonly number[]): number =>
  (at[0] * size[1] + at[1]) * size[2] + at[2];

/** Indices into a convolution's three tensors, in logical order. */
type Visit = (x: number, w: number, y: number) => void;

/** Padding in front of each dimension. */
export function begins(
  rank: number,
  params: Record<string, unknown>,
  size: readonly number[],
  kernel: readonly number[],
): number[] {
  const { padding } = params;
  const [stride, dilation] = [three(params.stride, rank, 1), three(params.dilation, rank, 1)];
  return [0, 1, 2].map((axis) => {
    if (padding === 'valid') return 0;
    const reach = dilation[axis] * (kernel[axis] - 1);
    if (padding === 'causal') return axis === 2 ? reach : 0;
    if (padding === 'same' || padding === 'same-lower') {
      const total = (Math.ceil(size[axis] / stride[axis]) - 1) * stride[axis] + reach + 1 - size[axis];
      const half = Math.max(0, total) / 2;
      return padding === 'same' ? Math.floor(half) : Math.ceil(half);
    }
    const begins = Array.isArray(padding)
      ? padding.map((entry) => (Array.isArray(entry) ? entry[0] : entry))
      : padding;
    return three(begins, rank, 0)[axis];
  });
}

/** Calls `visit` for every product that a convolution adds up: by output, its window in order. */
export function eachProduct(
  xShape: readonly number[],
  weightShape: readonly number[],
  yShape: readonly number[],
  params: Record<string, unknown>,
  visit: Visit,
): void {
  const rank = xShape.length - 2;
  const stride = three(params.stride, rank, 1);
  const dilation = three(params.dilation, rank, 1);
  const groups = Number(params.groups ?? 1);
  const mode = String(params.paddingMode ?? 'zeros');
  const channels = xShape[1];
  const [outChannels, perGroup] = weightShape;
  const [size, kernel, output] = [sizes(xShape), sizes(weightShape), sizes(yShape)];
  const taps = kernel[0] * kernel[1] * kernel[2];
  const positions = size[0] * size[1] * size[2];
  const begin = begins(rank, params, size, kernel);
  let y = 0;
  for (let n = 0; n < yShape[0]; n++)
    for (let k = 0; k < outChannels; k++) {
      const first = Math.floor(k / (outChannels / groups)) * perGroup;
      eachIn(output, (at) => {
        eachIn(kernel, (tap) => {
          const from = at.map((o, axis) =>
            source(o * stride[axis] - begin[axis] + tap[axis] * dilation[axis], size[axis], mode),
          );
          if (from.some((position) => position < 0)) return;
          for (let c = 0; c < perGroup; c++)
            visit(
              (n * channels + first + c) * positions + flat(from, size),
              (k * perGroup + c) * taps + flat(tap, kernel),
              y,
            );
        });
        y++;
      });
    }
}

/** The same of a transposed convolution. It scatters, as the definition has it, where the library gathers. */
export function eachTransposedProduct(
  xShape: readonly number[],
  weightShape: readonly number[],
  yShape: readonly number[],
  params: Record<string, unknown>,
  visit: Visit,
): void {
  const rank = xShape.length - 2;
  const stride = three(params.stride, rank, 1);
  const dilation = three(params.dilation, rank, 1);
  const padding = three(params.padding, rank, 0);
  const groups = Number(params.groups ?? 1);
  const [batch, channels] = xShape;
  const perGroup = weightShape[1];
  const [size, kernel, output] = [sizes(xShape), sizes(weightShape), sizes(yShape)];
  const taps = kernel[0] * kernel[1] * kernel[2];
  const positions = size[0] * size[1] * size[2];
  const outputs = output[0] * output[1] * output[2];
  for (let n = 0; n < batch; n++)
    for (let c = 0; c < channels; c++) {
      const first = Math.floor(c / (channels / groups)) * perGroup;
      eachIn(size, (at) => {
        eachIn(kernel, (tap) => {
          const to = at.map((i, axis) => i * stride[axis] - padding[axis] + tap[axis] * dilation[axis]);
          if (to.some((position, axis) => position < 0 || position >= output[axis])) return;
          for (let k = 0; k < perGroup; k++)
            visit(
              (n * channels + c) * positions + flat(at, size),
              (c * perGroup + k) * taps + flat(tap, kernel),
              (n * perGroup * groups + first + k) * outputs + flat(to, output),
            );
        });
      });
    }
}

/** f of every output's bias, or zeros. */
function biases(bias: Tensor | null, shape: readonly number[], f: (product: number) => number): Float64Array {
  const sums = new Float64Array(shape.reduce((product, extent) => product * extent, 1));
  if (bias === null) return sums;
  const perChannel = shape.slice(2).reduce((product, extent) => product * extent, 1);
  const { data } = bias;
  return sums.map((_, i) => f(data[Math.floor(i / perChannel) % shape[1]]));
}

/**
 * For every output of a convolution of x [N, C, ...]: sum over its window of f(x * w), plus f(bias); `taps` is the longest
 * sum's length. Padding is a number, a list of numbers or pairs per dimension, or one of its words.
 */
export function sumConv(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  params: Record<string, unknown>,
  outputShape: readonly number[],
  f: (product: number) => number,
): { sums: Float64Array; taps: number } {
  const sums = biases(bias, outputShape, f);
  const [input, filters] = [x.data, weight.data];
  eachProduct(x.shape, weight.shape, outputShape, params, (i, w, y) => {
    sums[y] += f(filters[w] * input[i]);
  });
  return { sums, taps: filters.length / weight.shape[0] };
}

/**
 * For every output of a transposed convolution of x [N, C, ...]: sum over the taps that reach it of f(x * w), plus f(bias);
 * `taps` is the longest sum's length.
 */
export function sumConvTranspose(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  params: Record<string, unknown>,
  outputShape: readonly number[],
  f: (product: number) => number,
): { sums: Float64Array; taps: number } {
  const sums = biases(bias, outputShape, f);
  const [input, filters] = [x.data, weight.data];
  eachTransposedProduct(x.shape, weight.shape, outputShape, params, (i, w, y) => {
    sums[y] += f(filters[w] * input[i]);
  });
  return { sums, taps: filters.length / weight.shape[1] / Number(params.groups ?? 1) };
}
