// The windows of a convolution as columns (im2col), and columns summed back into images (col2im): each the other's gradient.

import type { Triple, WindowGeometry } from '../../binding.js';
import { active } from '../backend/index.js';
import { wrongShape, wrongType } from '../errors.js';
import { gradientMemory, gradientTensor, record } from '../tensor/autograd.js';
import { allocateOutput, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { effectiveKernel } from './conv-geometry.js';
import { channelAxisOf, channelsLast, checkNotEmpty, checkTensor, type Mode, rowMajor } from './inputs.js';
import { knownOptions, type PerDimension, perDimension } from './options.js';
import { finished, type Prepared, runNow } from './run.js';
import { traced, tracing } from './trace.js';

export interface UnfoldOptions {
  /** Positions a window covers. */
  kernelSize: PerDimension;
  /** Steps between neighbouring windows; 1. */
  stride?: PerDimension;
  /** Positions of zeros added on both sides; 0. */
  padding?: PerDimension;
  /** Steps between neighbouring taps of a window; 1. */
  dilation?: PerDimension;
}

export interface FoldOptions extends UnfoldOptions {
  /** The height and width of the images. */
  outputSize: PerDimension;
}

/** The windows that options speak of, whatever they slide over. */
export interface WindowSettings {
  readonly kernelSize: Triple;
  readonly stride: Triple;
  readonly padding: Triple;
  readonly dilation: Triple;
}

/** Those of fold, and what they slide over. */
export interface FoldSettings extends WindowSettings {
  readonly outputSize: Triple;
}

const RANK = 2;
const NAMES = ['kernelSize', 'stride', 'padding', 'dilation'];
const KERNEL = { name: 'kernelSize', least: 1, law: 'kernel size should be greater than zero', unit: 1 };
const STRIDE = { name: 'stride', least: 1, law: 'stride should be greater than zero', unit: 1 };
const PADDING = { name: 'padding', least: 0, law: 'negative padding is not supported', unit: 0 };
const DILATION = { name: 'dilation', least: 1, law: 'dilation should be greater than zero', unit: 1 };
const OUTPUT = { name: 'outputSize', least: 1, law: 'output size should be greater than zero', unit: 1 };

export function parseUnfold(options: UnfoldOptions, operation: string, more: string[] = []): WindowSettings {
  const known = knownOptions(options, [...NAMES, ...more], operation);
  const { kernelSize, stride = 1, padding = 0, dilation = 1 } = known;
  if (kernelSize === undefined) throw wrongType(operation, 'kernelSize is missing');
  return {
    kernelSize: perDimension(kernelSize, RANK, KERNEL, operation),
    stride: perDimension(stride, RANK, STRIDE, operation),
    padding: perDimension(padding, RANK, PADDING, operation),
    dilation: perDimension(dilation, RANK, DILATION, operation),
  };
}

export function parseFold(options: FoldOptions, operation: string): FoldSettings {
  const settings = parseUnfold(options, operation, ['outputSize']);
  const { outputSize } = options;
  if (outputSize === undefined) throw wrongType(operation, 'outputSize is missing');
  return { ...settings, outputSize: perDimension(outputSize, RANK, OUTPUT, operation) };
}

const own = (triple: Triple): string => `(${triple.slice(3 - RANK).join(', ')})`;

/** The windows over images of one size. @throws ShapeError where there are none. */
function windowsOver(
  settings: WindowSettings,
  channels: number,
  inputSize: Triple,
  operation: string,
): WindowGeometry {
  const { kernelSize, stride, padding, dilation } = settings;
  const count = (axis: 0 | 1 | 2): number =>
    Math.floor(
      (inputSize[axis] + 2 * padding[axis] - effectiveKernel(kernelSize[axis], dilation[axis])) /
        stride[axis],
    ) + 1;
  const outputSize: Triple = [count(0), count(1), count(2)];
  if (outputSize.some((size) => size < 1)) {
    throw wrongShape(
      operation,
      `Given images of size ${own(inputSize)}, kernel_size=${own(kernelSize)}, dilation=${own(dilation)}, padding=${own(padding)}, ` +
        `stride=${own(stride)}, calculated shape of the array of sliding blocks as ${own(outputSize)}, which is too small (non-positive)`,
    );
  }
  return {
    channels,
    inputSize,
    kernelSize,
    stride,
    dilation,
    padBegin: padding,
    padEnd: padding,
    outputSize,
  };
}

const product = (sizes: Triple): number => sizes[0] * sizes[1] * sizes[2];

/**
 * The windows of a convolution as columns (im2col): x [N, C, H, W] or [C, H, W] gives [N, C * kernelHeight * kernelWidth, L],
 * where L = H' * W' counts the windows, H' and W' as of `conv2d`. Row (c * kernelHeight + i) * kernelWidth + j holds tap
 * (i, j) of channel c, column l that of window l, windows in row-major order, zeros where a tap lies in the padding: PyTorch's
 * order. A convolution is the product of its weight [K, C * kernelHeight * kernelWidth] with these columns.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @throws ShapeError where no window fits.
 * @example
 * const x = Tensor.from([[[1, 2, 3], [4, 5, 6]]]);
 * ops.unfold(x, { kernelSize: [1, 2] }).toArray(); // [[1, 2, 4, 5], [2, 3, 5, 6]]
 */
export function unfold(x: Tensor, options: UnfoldOptions): Tensor {
  return runNow(prepareUnfold(x, parseUnfold(options, 'unfold'), 'now'));
}

/** Everything but the computing of unfold. */
export function prepareUnfold(x: Tensor, settings: WindowSettings, mode: Mode): Prepared {
  const operation = 'unfold';
  checkTensor(x, 'x', operation);
  const shape = x.shape;
  const channelAxis = channelAxisOf(shape, RANK, operation);
  checkNotEmpty(shape, channelAxis, operation);
  const [channels, height, width] = shape.slice(channelAxis);
  const window = windowsOver(settings, channels, [1, height, width], operation);
  const batch = channelAxis === 1 ? shape[0] : 1;
  const columns = [channels * product(window.kernelSize), product(window.outputSize)];
  const outputShape = [...shape.slice(0, channelAxis), ...columns];
  if (tracing()) return traced({ kind: 'other', operation, inputs: [x] }, outputShape, ROW_MAJOR);
  const binding = active();
  const input = channelsLast(x, channelAxis, mode, operation);
  const y = allocateOutput(outputShape, operation);
  const output = wrap(y, ROW_MAJOR, outputShape);
  record(output, operation, [x], (upstream) => {
    const gradient = gradientMemory(shape);
    if (batch > 0) active().fold(window, rowMajor(upstream, 'now', operation), gradient, batch);
    return [gradientTensor(gradient, channelAxis, shape)];
  });
  if (batch === 0) return finished(output);
  return {
    output,
    run: () => binding.unfold(window, input, y, batch),
    submit: () => binding.submit('unfold', window, input, y, batch),
  };
}

/**
 * Columns summed back into images (col2im), each where `unfold` would have read it: columns
 * [N, C * kernelHeight * kernelWidth, L] or [C * kernelHeight * kernelWidth, L] give [N, C, H, W] of size `outputSize`.
 * fold(unfold(x)) is x times the number of windows that cover each position. Sums run in kernel order from +0, each addition
 * rounded to float32.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @throws ShapeError where the columns are not as many as the windows.
 * @example
 * const columns = Tensor.from([[1, 2, 4, 5], [2, 3, 5, 6]]);
 * ops.fold(columns, { outputSize: [2, 3], kernelSize: [1, 2] }).toArray(); // [[[1, 4, 3], [4, 10, 6]]]
 */
export function fold(columns: Tensor, options: FoldOptions): Tensor {
  return runNow(prepareFold(columns, parseFold(options, 'fold'), 'now'));
}

/** Everything but the computing of fold. */
export function prepareFold(columns: Tensor, settings: FoldSettings, mode: Mode): Prepared {
  const operation = 'fold';
  checkTensor(columns, 'columns', operation);
  const shape = columns.shape;
  if (shape.length !== 2 && shape.length !== 3) {
    throw wrongShape(
      operation,
      `Expected 2D (unbatched) or 3D (batched) input to fold, but got input of size: ${showShape(shape)}`,
    );
  }
  const axis = shape.length - 2;
  const taps = product(settings.kernelSize);
  if (shape[axis] === 0 || shape[axis] % taps !== 0) {
    throw wrongShape(
      operation,
      `Expected size of input's dimension ${axis} to be divisible by the product of kernel_size, but got ` +
        `input.size(${axis})=${shape[axis]} and kernel_size=${own(settings.kernelSize)}`,
    );
  }
  const channels = shape[axis] / taps;
  const window = windowsOver(settings, channels, settings.outputSize, operation);
  const positions = product(window.outputSize);
  if (shape[axis + 1] !== positions) {
    const [, height, width] = window.outputSize;
    throw wrongShape(
      operation,
      `Given output_size=${own(settings.outputSize)}, kernel_size=${own(settings.kernelSize)}, dilation=${own(settings.dilation)}, ` +
        `padding=${own(settings.padding)}, stride=${own(settings.stride)}, expected size of input's dimension ${axis + 1} to match the ` +
        `calculated number of sliding blocks ${height} * ${width} = ${positions}, but got input.size(${axis + 1})=${shape[axis + 1]}`,
    );
  }
  const batch = axis === 1 ? shape[0] : 1;
  const outputShape = [...shape.slice(0, axis), channels, ...settings.outputSize.slice(1)];
  if (tracing()) return traced({ kind: 'other', operation, inputs: [columns] }, outputShape, axis);
  const binding = active();
  const input = rowMajor(columns, mode, operation);
  const y = allocateOutput(outputShape, operation);
  const output = wrap(y, axis, outputShape);
  record(output, operation, [columns], (upstream) => {
    const gradient = gradientMemory(shape);
    if (batch > 0) active().unfold(window, channelsLast(upstream, axis, 'now', operation), gradient, batch);
    return [gradientTensor(gradient, ROW_MAJOR, shape)];
  });
  if (batch === 0) return finished(output);
  return {
    output,
    run: () => binding.fold(window, input, y, batch),
    submit: () => binding.submit('fold', window, input, y, batch),
  };
}
