// How large what comes out is: the size formulas of convolutions, one axis or several at once. They are the formulas that
// layers use themselves, asked without a layer.

import type { Triple } from '../../binding.js';
import { show, wrongValue } from '../errors.js';
import { convGeometry, effectiveKernel } from '../ops/conv-geometry.js';
import { type Padding, type Padding1d, parseConvOptions } from '../ops/conv-options.js';
import { convTransposeGeometry, parseConvTransposeOptions } from '../ops/conv-transpose-options.js';
import { knownOptions, type PerDimension, perDimension, toTriple, wholeNumber } from '../ops/options.js';

/** One axis, or a list with one entry per axis; where `size` is a list, a number elsewhere means every axis. */
export interface WindowSizes {
  /** Positions of the input. */
  size: PerDimension;
  /** Taps of the kernel. */
  kernelSize: PerDimension;
  /** Steps between neighbouring windows; 1. */
  stride?: PerDimension;
  /** Steps between neighbouring taps; 1. */
  dilation?: PerDimension;
}

export interface OutputSizeOptions extends WindowSizes {
  /** As a layer takes it: a number, `[begin, end]` (of one axis) or a list of either per axis, or a rule; 0. */
  padding?: Padding1d;
}

export interface TransposedOutputSizeOptions extends WindowSizes {
  /** What the convolution the other way pads, as {@link outputSize} takes it but for `'causal'`; 0. */
  padding?: Padding;
  /** Positions added at the end of the output, fewer than stride or dilation; 0. */
  outputPadding?: PerDimension;
}

export const SIZE = { name: 'size', least: 1, law: 'size should be greater than zero', unit: 1 };
export const KERNEL = {
  name: 'kernelSize',
  least: 1,
  law: 'kernel size should be greater than zero',
  unit: 1,
};
const DILATION = { name: 'dilation', least: 1, law: 'dilation should be greater than zero', unit: 1 };

/** The number of axes a list names; 1 where a number does. */
function rankOf(size: unknown, operation: string): number {
  if (!Array.isArray(size)) return 1;
  if (size.length >= 1 && size.length <= 3) return size.length;
  throw wrongValue(operation, `size must be a number or a list of 1 to 3 numbers, but got ${show(size)}`);
}

/** `[1, 2]` beside a size that is a number is the one axis's pair. */
function pairOfOneAxis<P>(padding: P, size: unknown): P | readonly [P] {
  return Array.isArray(padding) && !Array.isArray(size) && padding.length === 2 ? [padding] : padding;
}

/** Numbers of the axes asked for: one alone where the size was a number. */
const like = (size: PerDimension, triple: Triple): number | number[] =>
  Array.isArray(size) ? triple.slice(3 - size.length) : triple[2];

/** The geometry of one channel. */
function geometryOf(options: OutputSizeOptions, operation: string) {
  const known = ['size', 'kernelSize', 'stride', 'padding', 'dilation'];
  const { size, kernelSize, stride, padding, dilation } = knownOptions(options, known, operation);
  const rank = rankOf(size, operation);
  const settings = parseConvOptions(
    { stride, dilation, padding: pairOfOneAxis(padding, size) as Padding1d },
    rank,
    operation,
  );
  const filter = {
    inChannels: 1,
    outChannels: 1,
    kernelSize: perDimension(kernelSize, rank, KERNEL, operation),
  };
  return convGeometry(settings, filter, perDimension(size, rank, SIZE, operation), operation);
}

/**
 * The output size of a convolution or pooling, in positions:
 * floor((size + begin + end - dilation * (kernelSize - 1) - 1) / stride) + 1
 * (Dumoulin and Visin 2016, A guide to convolution arithmetic for deep learning, relationship 15). With `'same'` and
 * `'same-lower'` it is ceil(size / stride); `'valid'` is padding 0; `'causal'` pads dilation * (kernelSize - 1) at the beginning.
 * A list of sizes, one per axis, gives a list.
 *
 * @throws TypeError | RangeError where an argument is not one.
 * @throws ShapeError where the kernel does not fit into the padded input.
 * @example
 * analysis.outputSize({ size: 32, kernelSize: 3, stride: 1, padding: 1 }); // 32
 * analysis.outputSize({ size: [224, 160], kernelSize: 7, stride: 2, padding: 3 }); // [112, 80]
 */
export function outputSize(options: OutputSizeOptions & { size: number }): number;
export function outputSize(options: OutputSizeOptions): number[];
export function outputSize(options: OutputSizeOptions): number | number[] {
  const { outputSize: sizes } = geometryOf(options, 'outputSize');
  return like(options.size, sizes);
}

/**
 * The output size of a transposed convolution, in positions:
 * (size - 1) * stride - begin - end + dilation * (kernelSize - 1) + 1 + outputPadding
 * (Dumoulin and Visin 2016, relationship 14, with dilation as PyTorch has it). With `'same'` it is size * stride. A list of sizes
 * gives a list.
 *
 * @throws TypeError | RangeError where an argument is not one.
 * @throws ShapeError where nothing would be left.
 * @example
 * analysis.transposedOutputSize({ size: 16, kernelSize: 4, stride: 2, padding: 1 }); // 32
 * analysis.transposedOutputSize({ size: [8, 8], kernelSize: 3, stride: 2, padding: 1, outputPadding: 1 }); // [16, 16]
 */
export function transposedOutputSize(options: TransposedOutputSizeOptions & { size: number }): number;
export function transposedOutputSize(options: TransposedOutputSizeOptions): number[];
export function transposedOutputSize(options: TransposedOutputSizeOptions): number | number[] {
  const operation = 'transposedOutputSize';
  const known = ['size', 'kernelSize', 'stride', 'padding', 'outputPadding', 'dilation'];
  const given = knownOptions(options, known, operation);
  const rank = rankOf(given.size, operation);
  const padding = pairOfOneAxis(given.padding, given.size);
  const { size, kernelSize, stride, dilation, outputPadding } = given;
  const settings = parseConvTransposeOptions(
    { stride, dilation, padding: padding as Padding, outputPadding },
    rank,
    operation,
  );
  const filter = {
    inChannels: 1,
    outChannels: 1,
    kernelSize: perDimension(kernelSize, rank, KERNEL, operation),
  };
  const input = perDimension(size, rank, SIZE, operation);
  const { outputSize } = convTransposeGeometry(settings, filter, input, null, operation);
  return like(options.size, outputSize);
}

/**
 * Positions from the first tap of a dilated kernel to its last: dilation * (kernelSize - 1) + 1 (Yu and Koltun 2016).
 * Lists give lists.
 *
 * @throws TypeError | RangeError where an argument is not a positive whole number or a list of them.
 * @example
 * analysis.effectiveKernelSize(3, 2); // 5
 * analysis.effectiveKernelSize([3, 5], [4, 1]); // [9, 5]
 */
export function effectiveKernelSize(kernelSize: number, dilation?: number): number;
export function effectiveKernelSize(kernelSize: PerDimension, dilation?: PerDimension): number | number[];
export function effectiveKernelSize(kernelSize: PerDimension, dilation: PerDimension = 1): number | number[] {
  const operation = 'effectiveKernelSize';
  const lead = Array.isArray(kernelSize) ? kernelSize : dilation;
  if (!Array.isArray(lead)) {
    const taps = wholeNumber(kernelSize, 1, 'kernelSize', KERNEL.law, operation);
    return effectiveKernel(taps, wholeNumber(dilation, 1, 'dilation', DILATION.law, operation));
  }
  const rank = rankOf(lead, operation);
  const kernel = perDimension(kernelSize, rank, KERNEL, operation);
  const steps = perDimension(dilation, rank, DILATION, operation);
  return toTriple(lead, 1)
    .map((_, axis) => effectiveKernel(kernel[axis], steps[axis]))
    .slice(3 - rank);
}

/**
 * The padding `[begin, end]` of `'same'`, in positions, by TensorFlow's rule (ONNX's SAME_UPPER): in all
 * max(0, (ceil(size / stride) - 1) * stride + dilation * (kernelSize - 1) + 1 - size), of which floor(half) at the beginning.
 * A list of sizes gives a list of pairs, as a layer's `padding` takes them.
 *
 * @throws TypeError | RangeError where an argument is not one.
 * @example
 * analysis.samePadding({ size: 224, kernelSize: 3, stride: 2 }); // [0, 1]
 * analysis.samePadding({ size: [32, 32], kernelSize: [3, 5] }); // [[1, 1], [2, 2]]
 */
export function samePadding(options: WindowSizes & { size: number }): [begin: number, end: number];
export function samePadding(options: WindowSizes): [begin: number, end: number][];
export function samePadding(options: WindowSizes): [number, number] | [number, number][] {
  const operation = 'samePadding';
  knownOptions(options, ['size', 'kernelSize', 'stride', 'dilation'], operation);
  const { padBegin, padEnd } = geometryOf({ ...options, padding: 'same' }, operation);
  const pairs = padBegin.map((begin, axis): [number, number] => [begin, padEnd[axis]]);
  return Array.isArray(options.size) ? pairs.slice(3 - options.size.length) : pairs[2];
}
