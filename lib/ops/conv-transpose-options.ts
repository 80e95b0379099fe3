// The options of a transposed convolution, and its sizes: from an image, or from the output size asked for.

import type { ConvGeometry, Triple } from '../../binding.js';
import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { effectiveKernel, type FilterSize, times } from './conv-geometry.js';
import { type ConvOptions, type ConvSettings, parseConvOptions } from './conv-options.js';
import { knownOptions, type PerDimension, perDimension, toTriple, wholeNumber } from './options.js';

export interface ConvTransposeOptions extends Omit<ConvOptions, 'paddingMode'> {
  /** Positions added at the end of the output, of which some must be left out of account by the convolution the other way; 0. */
  outputPadding?: PerDimension;
  /** 'zeros': there is no other for a transposed convolution. */
  paddingMode?: 'zeros';
}

/** What only a call can say. */
export interface OutputSizeOption {
  /** The wanted output size, one number per spatial dimension, where several sizes are possible; it overrides outputPadding. */
  outputSize?: PerDimension | null;
}

export const CONV_TRANSPOSE_OPTION_NAMES = [
  'stride',
  'padding',
  'outputPadding',
  'dilation',
  'groups',
  'paddingMode',
  'activation',
  'negativeSlope',
  'algorithm',
] as const satisfies readonly (keyof ConvTransposeOptions)[];

const OUTPUT_PADDING = {
  name: 'outputPadding',
  least: 0,
  law: 'negative output padding is not supported',
  unit: 0,
};

/** Checks options given to `operation`, and fills in the defaults. */
export function parseConvTransposeOptions(
  options: ConvTransposeOptions | null | undefined,
  rank: number,
  operation: string,
): ConvSettings {
  const {
    outputPadding = 0,
    paddingMode = 'zeros',
    ...rest
  } = knownOptions(options, CONV_TRANSPOSE_OPTION_NAMES, operation);
  if (paddingMode !== 'zeros') {
    throw wrongValue(
      operation,
      `Only "zeros" padding mode is supported for ${operation}, but got paddingMode=${show(paddingMode)}`,
    );
  }
  const settings = parseConvOptions(rest, rank, operation);
  if (settings.algorithm === 'winograd') {
    const law = "algorithm 'winograd' does not serve transposed convolutions";
    throw wrongValue(operation, law, "use 'auto' or 'direct'");
  }
  const extra = perDimension(outputPadding, rank, OUTPUT_PADDING, operation);
  const { stride, dilation, padding } = settings;
  if (extra.some((size, axis) => size >= Math.max(stride[axis], dilation[axis]) && size > 0)) {
    const list = (triple: Triple) => `[${triple.slice(3 - rank).join(', ')}]`;
    throw wrongValue(
      operation,
      `output padding must be smaller than either stride or dilation, but got outputPadding=${list(extra)}, ` +
        `stride=${list(stride)} and dilation=${list(dilation)}`,
    );
  }
  if (padding.rule !== 'explicit' && extra.some((size) => size > 0)) {
    throw wrongValue(
      operation,
      `outputPadding has no place beside padding '${padding.rule}', which fixes the size`,
    );
  }
  return { ...settings, transposed: true, outputPadding: extra };
}

/** The output size asked for, for x of `shape`; PyTorch's list with batch and channels in front will do too. */
export function parseOutputSize(
  value: unknown,
  rank: number,
  shape: readonly number[],
  operation: string,
): Triple | null {
  if (value === undefined || value === null) return null;
  const size = (one: unknown) => wholeNumber(one, 1, 'outputSize', 'output size must be positive', operation);
  if (!Array.isArray(value)) {
    if (typeof value !== 'number') {
      throw wrongType(operation, `outputSize must be a number or a list of numbers, not ${show(value)}`);
    }
    return toTriple(new Array<number>(rank).fill(size(value)), 1);
  }
  if (value.length !== rank && value.length !== shape.length) {
    throw wrongValue(
      operation,
      `for ${shape.length}D input, output_size must have ${rank} or ${shape.length} elements (got ${value.length})`,
    );
  }
  return toTriple(Array.from(value.slice(-rank), size), 1);
}

/**
 * Everything about the transposed convolution of one image of size `inputSize`:
 * output = (input - 1) * stride - begin - end + dilation * (kernel - 1) + 1 + outputPadding.
 *
 * @throws ShapeError where nothing is left, or the requested size cannot be.
 */
export function convTransposeGeometry(
  settings: ConvSettings,
  filter: FilterSize,
  inputSize: Triple,
  requested: Triple | null,
  operation: string,
): ConvGeometry {
  const { rank, stride, dilation, padding, outputPadding } = settings;
  const begin: [number, number, number] = [0, 0, 0];
  const end: [number, number, number] = [0, 0, 0];
  const least: [number, number, number] = [1, 1, 1];
  const output: [number, number, number] = [1, 1, 1];
  for (let axis = 0; axis < 3; axis++) {
    const window = effectiveKernel(filter.kernelSize[axis], dilation[axis]);
    const full = (inputSize[axis] - 1) * stride[axis] + window;
    if (padding.rule === 'explicit') {
      begin[axis] = padding.begin[axis];
      end[axis] = padding.end[axis];
      least[axis] = full - begin[axis] - end[axis];
      output[axis] = least[axis] + outputPadding[axis];
    } else {
      const total = Math.max(0, window - stride[axis]);
      const half = Math.floor(total / 2);
      begin[axis] = padding.rule === 'same' ? half : total - half;
      end[axis] = total - begin[axis];
      least[axis] = full - total;
      output[axis] = inputSize[axis] * stride[axis];
    }
  }

  if (requested !== null) {
    const most = least.map((size, axis) => size + stride[axis] - 1);
    if (requested.some((size, axis) => size < least[axis] || size > most[axis])) {
      const own = (sizes: readonly number[]) => sizes.slice(3 - rank).join(', ');
      throw wrongShape(
        operation,
        `requested an output size of (${own(requested)}), but valid sizes range from [${own(least)}] to [${own(most)}] ` +
          `(for an input of [${own(inputSize)}])`,
      );
    }
    output.splice(0, 3, ...requested);
  }
  if (output.some((size) => size < 1)) {
    throw wrongShape(
      operation,
      `Given input size per channel: (${times(inputSize.slice(3 - rank))}). ` +
        `Calculated output size per channel: (${times(output.slice(3 - rank))}). Output size is too small`,
      'use less padding',
    );
  }

  return {
    inChannels: filter.inChannels,
    outChannels: filter.outChannels,
    groups: settings.groups,
    inputSize,
    kernelSize: filter.kernelSize,
    stride,
    dilation,
    padBegin: begin,
    padEnd: end,
    outputSize: output,
    paddingMode: 'zeros',
    activation: settings.activation,
    algorithm: 'direct',
    transposed: true,
    inputLayout: 'channelsLast',
    outputLayout: 'channelsLast',
  };
}
