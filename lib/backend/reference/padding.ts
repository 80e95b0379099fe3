// Where a convolution's taps read, as a table per axis: strides, dilation and every padding mode end here.
import type { PaddingMode, WindowGeometry } from '../../../binding.js';

/** The table's entry for a tap in zero padding. */
export const NO_TAP = -1;

/** One axis of a convolution. */
export interface Axis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padBegin: number;
  readonly padEnd: number;
}

/** One axis of what has them all as lists: a convolution's geometry, or a window's. */
export function axisOf(geometry: Omit<WindowGeometry, 'channels'>, axis: number): Axis {
  return {
    input: geometry.inputSize[axis],
    output: geometry.outputSize[axis],
    kernel: geometry.kernelSize[axis],
    stride: geometry.stride[axis],
    dilation: geometry.dilation[axis],
    padBegin: geometry.padBegin[axis],
    padEnd: geometry.padEnd[axis],
  };
}

/** Why the axis cannot be, or null. Reflection leaves the edge out, so it can pad by size - 1 at most. */
export function faultOf(axis: Axis, mode: PaddingMode): string | null {
  const { input, output, kernel, stride, dilation, padBegin, padEnd } = axis;
  const padded = input + padBegin + padEnd;
  const reach = dilation * (kernel - 1) + 1;
  if (padded < reach) return `the kernel reaches over ${reach} positions, the padded input has ${padded}`;
  const positions = Math.floor((padded - reach) / stride) + 1;
  if (output !== positions) return `outputSize must be ${positions}, got ${output}`;
  const most = Math.max(padBegin, padEnd);
  if (most === 0 || mode === 'zeros') return null;
  if (mode === 'reflect' && most >= input)
    return `reflect padding must be less than the size ${input}, got ${most}`;
  if (mode === 'circular' && most > input)
    return `circular padding must be at most the size ${input}, got ${most}`;
  if (mode === 'replicate' && input === 0) return 'replicate padding needs an input that is not empty';
  return null;
}

/** Why the axis of a transposed convolution cannot be, or null. What it has beyond the least is output padding. */
export function transposedFaultOf(axis: Axis): string | null {
  const { input, output, kernel, stride, dilation, padBegin, padEnd } = axis;
  if (input === 0) return 'a transposed convolution needs an input that is not empty';
  const least = (input - 1) * stride - padBegin - padEnd + dilation * (kernel - 1) + 1;
  const most = least + Math.max(stride, dilation) - 1;
  if (output >= least && output <= most) return null;
  return `outputSize must lie between ${least} and ${most}, got ${output}`;
}

/** [output * kernel]: the input coordinate of every tap of every output position, or NO_TAP. */
export function tapSources(axis: Axis, mode: PaddingMode): Int32Array {
  const { input, output, kernel, stride, dilation, padBegin } = axis;
  const sources = new Int32Array(output * kernel);
  for (let o = 0; o < output; o++)
    for (let k = 0; k < kernel; k++)
      sources[o * kernel + k] = source(mode, input, o * stride + k * dilation - padBegin);
  return sources;
}

/**
 * [output * kernel]: the input coordinate that a convolution the other way, from output to input, would write through each
 * tap, or NO_TAP where the tap falls between two or outside.
 */
export function transposedTapSources(axis: Axis): Int32Array {
  const { input, output, kernel, stride, dilation, padBegin } = axis;
  const sources = new Int32Array(output * kernel).fill(NO_TAP);
  for (let o = 0; o < output; o++)
    for (let k = 0; k < kernel; k++) {
      const reach = o + padBegin - k * dilation;
      if (reach >= 0 && reach % stride === 0 && reach / stride < input)
        sources[o * kernel + k] = reach / stride;
    }
  return sources;
}

/** The input coordinate that coordinate `at`, inside or in the padding, stands for; or NO_TAP. */
export function source(mode: PaddingMode, size: number, at: number): number {
  if (at >= 0 && at < size) return at;
  switch (mode) {
    case 'zeros':
      return NO_TAP;
    case 'reflect':
      return at < 0 ? -at : 2 * (size - 1) - at;
    case 'replicate':
      return at < 0 ? 0 : size - 1;
    case 'circular':
      return at < 0 ? at + size : at - size;
  }
}
