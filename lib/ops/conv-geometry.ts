// From a layer's settings and the size of one image to final numbers: how much padding, how large the output.

import type { ConvGeometry, Triple } from '../../binding.js';
import { wrongShape, wrongValue } from '../errors.js';
import { checkWinograd, chooseAlgorithm } from './algorithm.js';
import type { ConvSettings } from './conv-options.js';

/** The filter's side of a geometry. */
export interface FilterSize {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: Triple;
}

/** Positions from the first tap of a window to its last. */
export const effectiveKernel = (kernel: number, dilation: number): number => dilation * (kernel - 1) + 1;

/** Sizes as PyTorch's sentences have them: 8 x 8. */
export const times = (sizes: readonly number[]): string => sizes.join(' x ');

/** Everything about the convolution of one image of size `inputSize`. @throws ShapeError where the kernel does not fit. */
export function convGeometry(
  settings: ConvSettings,
  filter: FilterSize,
  inputSize: Triple,
  operation: string,
): ConvGeometry {
  const { stride, dilation, padding } = settings;
  const begin: [number, number, number] = [0, 0, 0];
  const end: [number, number, number] = [0, 0, 0];
  const output: [number, number, number] = [1, 1, 1];
  const padded = [1, 1, 1];
  for (let axis = 0; axis < 3; axis++) {
    const window = effectiveKernel(filter.kernelSize[axis], dilation[axis]);
    if (padding.rule === 'explicit') {
      begin[axis] = padding.begin[axis];
      end[axis] = padding.end[axis];
    } else if (padding.rule === 'causal') {
      begin[axis] = window - 1;
    } else {
      const wanted = Math.ceil(inputSize[axis] / stride[axis]);
      const total = Math.max(0, (wanted - 1) * stride[axis] + window - inputSize[axis]);
      const half = Math.floor(total / 2);
      begin[axis] = padding.rule === 'same' ? half : total - half;
      end[axis] = total - begin[axis];
    }
    padded[axis] = inputSize[axis] + begin[axis] + end[axis];
    output[axis] = Math.floor((padded[axis] - window) / stride[axis]) + 1;
  }

  if (output.some((size) => size < 1)) {
    const last = 3 - settings.rank;
    const windows = filter.kernelSize.map((size, axis) => effectiveKernel(size, dilation[axis]));
    throw wrongShape(
      operation,
      `Calculated padded input size per channel: (${times(padded.slice(last))}). Kernel size: (${times(windows.slice(last))}). ` +
        "Kernel size can't be greater than actual input size",
      'use a larger input, more padding, or a smaller kernel or dilation',
    );
  }
  checkPaddingMode(settings, inputSize, begin, end, operation);
  checkCountable(operation, 'one image of the input', [filter.inChannels, ...inputSize]);
  checkCountable(operation, 'one image of the output', [filter.outChannels, ...output]);

  const geometry = {
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
    paddingMode: settings.paddingMode,
    activation: settings.activation,
    transposed: false,
    inputLayout: 'channelsLast',
    outputLayout: 'channelsLast',
  } as const;
  checkWinograd(settings.algorithm, geometry, operation);
  return { ...geometry, algorithm: chooseAlgorithm(settings.algorithm, geometry) };
}

/** The engine's tables index the elements of one image by 32-bit integers. */
export function checkCountable(operation: string, name: string, sizes: readonly number[]): void {
  const count = sizes.reduce((product, size) => product * size, 1);
  if (count > 2 ** 31 - 1) {
    throw wrongValue(operation, `${name} may have at most 2^31 - 1 elements, but ${times(sizes)} are more`);
  }
}

/** Reflection turns back before the edge's far side, and a circle goes round once. */
function checkPaddingMode(
  settings: ConvSettings,
  inputSize: Triple,
  begin: readonly number[],
  end: readonly number[],
  operation: string,
): void {
  const mode = settings.paddingMode;
  if (mode !== 'reflect' && mode !== 'circular') return;
  for (let axis = 3 - settings.rank; axis < 3; axis++) {
    const size = inputSize[axis];
    const widest = Math.max(begin[axis], end[axis]);
    const received = `but got: padding (${begin[axis]}, ${end[axis]}) at a dimension of size ${size}`;
    if (mode === 'reflect' && widest >= size) {
      throw wrongShape(
        operation,
        `Padding size should be less than the corresponding input dimension where paddingMode is 'reflect', ${received}`,
      );
    }
    if (mode === 'circular' && widest > size) {
      throw wrongShape(operation, `Padding value causes wrapping around more than once, ${received}`);
    }
  }
}
