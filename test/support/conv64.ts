// A convolution of absolute values in float64, written for plainness: the yardstick of rounding errors. It shares no
// code with the library, padding and output sizes included.

import type { Tensor } from '../../lib/index.js';

/** Where a position outside [0, size) reads from under a padding mode; -1 for nowhere. */
function source(position: number, size: number, mode: string): number {
  if (position >= 0 && position < size) return position;
  if (mode === 'replicate') return position < 0 ? 0 : size - 1;
  if (mode === 'circular') return (position + size) % size;
  if (mode === 'reflect') return position < 0 ? -position : 2 * (size - 1) - position;
  return -1;
}

/**
 * For every output of a conv2d of x [N, C, H, W]: sum over its window of f(x * w), plus f(bias); `taps` is the longest sum's length.
 * Padding is a number, numbers or pairs per dimension, 'same' or 'valid'.
 */
export function sumConv2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  params: Record<string, unknown>,
  outputShape: readonly number[],
  f: (product: number) => number,
): { sums: Float64Array; taps: number } {
  const both = (value: unknown): number[] =>
    Array.isArray(value) ? value.map(Number) : [Number(value), Number(value)];
  const stride = both(params.stride ?? 1);
  const dilation = both(params.dilation ?? 1);
  const groups = Number(params.groups ?? 1);
  const mode = String(params.paddingMode ?? 'zeros');
  const [, channels, ...size] = x.shape;
  const [outChannels, perGroup, ...kernel] = weight.shape;
  const begin = [0, 1].map((axis) => {
    if (params.padding === 'valid') return 0;
    if (params.padding !== 'same') {
      const each = Array.isArray(params.padding) ? params.padding[axis] : (params.padding ?? 0);
      return Number(Array.isArray(each) ? each[0] : each);
    }
    const reach = dilation[axis] * (kernel[axis] - 1);
    const total = (Math.ceil(size[axis] / stride[axis]) - 1) * stride[axis] + reach + 1 - size[axis];
    return Math.floor(Math.max(0, total) / 2);
  });
  const [batch, , height, width] = outputShape;
  const sums = new Float64Array(batch * outChannels * height * width);
  const input = x.data;
  const filters = weight.data;
  const biases = bias?.data;
  let i = 0;
  for (let n = 0; n < batch; n++)
    for (let k = 0; k < outChannels; k++)
      for (let oy = 0; oy < height; oy++)
        for (let ox = 0; ox < width; ox++, i++) {
          const first = Math.floor(k / (outChannels / groups)) * perGroup;
          let sum = biases ? f(biases[k]) : 0;
          for (let ky = 0; ky < kernel[0]; ky++)
            for (let kx = 0; kx < kernel[1]; kx++) {
              const iy = source(oy * stride[0] - begin[0] + ky * dilation[0], size[0], mode);
              const ix = source(ox * stride[1] - begin[1] + kx * dilation[1], size[1], mode);
              if (iy < 0 || ix < 0) continue;
              for (let c = 0; c < perGroup; c++) {
                const w = filters[((k * perGroup + c) * kernel[0] + ky) * kernel[1] + kx];
                sum += f(w * input[((n * channels + first + c) * size[0] + iy) * size[1] + ix]);
              }
            }
          sums[i] = sum;
        }
  return { sums, taps: perGroup * kernel[0] * kernel[1] };
}

/** Sums of absolute values, which bound rounding errors. */
export const absoluteConv2d = (
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  params: Record<string, unknown>,
  outputShape: readonly number[],
) => sumConv2d(x, weight, bias, params, outputShape, Math.abs);
