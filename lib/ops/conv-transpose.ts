// Transposed convolution (fractionally strided; "deconvolution"): the gradient of a convolution with respect to its input,
// as a layer of its own. Each result is gathered, so it is one chain like that of any other convolution.

import { wrongShape } from '../errors.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { applyFilter, checkBias } from './apply-filter.js';
import type { ConvSettings } from './conv-options.js';
import {
  CONV_TRANSPOSE_OPTION_NAMES,
  type ConvTransposeOptions,
  convTransposeGeometry,
  type OutputSizeOption,
  parseConvTransposeOptions,
  parseOutputSize,
} from './conv-transpose-options.js';
import { prepareActivated } from './fused-activation.js';
import { channelAxisOf, checkNotEmpty, checkTensor, type Mode } from './inputs.js';
import { knownOptions, toTriple } from './options.js';
import { type Prepared, runNow } from './run.js';

/** A layer's options, and the output size that one call asks for. */
export interface ConvTransposeCallOptions extends ConvTransposeOptions, OutputSizeOption {}

/**
 * 1-D transposed convolution: x [N, C, L] or [C, L] with weight [C, K / groups, kernelWidth] and bias [K] or null gives
 * [N, K, L'], sized as by {@link convTranspose2d}, and like it otherwise.
 *
 * @throws TypeError | RangeError where an argument or option is not one.
 * @throws ShapeError where shapes disagree, or the requested output size cannot be.
 * @example
 * const x = Tensor.from([[1, 2, 3]]);
 * ops.convTranspose1d(x, Tensor.from([[[1, 1]]]), null, { stride: 2 }).toArray(); // [[1, 1, 2, 2, 3, 3]]
 */
export function convTranspose1d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options?: ConvTransposeCallOptions,
): Tensor {
  return run(x, weight, bias, options, 1);
}

/**
 * 2-D transposed convolution: x [N, C, H, W] or [C, H, W] with weight [C, K / groups, kernelHeight, kernelWidth] and bias
 * [K] or null gives [N, K, H', W'], where
 * H' = (H - 1) * stride - begin - end + dilation * (kernelHeight - 1) + 1 + outputPadding.
 *
 * It is the transpose of the linear map that `conv2d` with the same weight, stride, padding and dilation is, and so takes
 * that one's output size back to its input size. With a stride several input sizes have the same output size:
 * `outputPadding`, or `outputSize`, says which is meant. Padding `'same'` gives H' = H * stride (TensorFlow).
 * Zeiler et al. 2010, Deconvolutional Networks; Dumoulin and Visin 2016, A guide to convolution arithmetic.
 *
 * Each result is one chain of float32 fused multiply-adds over the taps that reach it, in the order kernel row, kernel
 * column, input channel, then its bias, then the activation: the same bits on every backend.
 *
 * @throws TypeError | RangeError where an argument or option is not one.
 * @throws ShapeError where shapes disagree, or the requested output size cannot be.
 * @example
 * const x = Tensor.randn([1, 16, 8, 8]);
 * const weight = Tensor.randn([16, 4, 3, 3]);
 * ops.convTranspose2d(x, weight, null, { stride: 2, padding: 1 }).shape; // [1, 4, 15, 15]
 * ops.convTranspose2d(x, weight, null, { stride: 2, padding: 1, outputSize: [16, 16] }).shape; // [1, 4, 16, 16]
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options?: ConvTransposeCallOptions,
): Tensor {
  return run(x, weight, bias, options, 2);
}

/**
 * 3-D transposed convolution: x [N, C, D, H, W] or [C, D, H, W] with weight
 * [C, K / groups, kernelDepth, kernelHeight, kernelWidth] and bias [K] or null gives [N, K, D', H', W'], sized as by
 * {@link convTranspose2d}, and like it otherwise.
 *
 * @throws TypeError | RangeError where an argument or option is not one.
 * @throws ShapeError where shapes disagree, or the requested output size cannot be.
 * @example
 * const x = Tensor.randn([1, 8, 2, 4, 4]);
 * ops.convTranspose3d(x, Tensor.randn([8, 4, 2, 2, 2]), null, { stride: 2 }).shape; // [1, 4, 4, 8, 8]
 */
export function convTranspose3d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options?: ConvTransposeCallOptions,
): Tensor {
  return run(x, weight, bias, options, 3);
}

function run(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: ConvTransposeCallOptions | undefined,
  rank: number,
): Tensor {
  const operation = `convTranspose${rank}d`;
  const { outputSize, ...rest } = knownOptions(
    options,
    [...CONV_TRANSPOSE_OPTION_NAMES, 'outputSize'],
    operation,
  );
  const settings = parseConvTransposeOptions(rest, rank, operation);
  return runNow(prepareConvTranspose(x, weight, bias, settings, outputSize, 'now', operation));
}

const AXES = ['', 'kernelWidth', 'kernelHeight, kernelWidth', 'kernelDepth, kernelHeight, kernelWidth'];

/** Everything but the computing of a transposed convolution under checked settings. */
export function prepareConvTranspose(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  settings: ConvSettings,
  outputSize: OutputSizeOption['outputSize'],
  mode: Mode,
  operation: string,
): Prepared {
  checkTensor(x, 'x', operation);
  checkTensor(weight, 'weight', operation);
  const { rank, groups } = settings;
  checkFit(x.shape, weight.shape, settings, operation);
  const outChannels = weight.shape[1] * groups;
  if (bias !== null) checkBias(bias, weight, outChannels, operation);
  const requested = parseOutputSize(outputSize, rank, x.shape, operation);
  const size = { inChannels: weight.shape[0], outChannels, kernelSize: toTriple(weight.shape.slice(2), 1) };
  return prepareActivated(settings, [x, weight, bias], (own) =>
    applyFilter({
      x,
      weight,
      bias,
      settings: own,
      outChannels,
      requested,
      geometry: (inputSize) => convTransposeGeometry(own, size, inputSize, requested, operation),
      mode,
      operation,
    }),
  );
}

/** That the shapes of x and weight are those of a transposed convolution, and of the same one. */
function checkFit(
  x: readonly number[],
  weight: readonly number[],
  { rank, groups }: ConvSettings,
  operation: string,
): void {
  if (weight.length !== rank + 2) {
    throw wrongShape(
      operation,
      `weight must be [inChannels, outChannels / groups, ${AXES[rank]}], but got weight of size: ${showShape(weight)}`,
    );
  }
  const channelAxis = channelAxisOf(x, rank, operation);
  if (x[channelAxis] !== weight[0]) {
    throw wrongShape(
      operation,
      `Given transposed=1, weight of size ${showShape(weight)}, expected input${showShape(x)} to have ${weight[0]} channels, ` +
        `but got ${x[channelAxis]} channels instead`,
    );
  }
  if (weight[0] % groups !== 0) {
    throw wrongShape(
      operation,
      `in_channels must be divisible by groups, but weight ${showShape(weight)} has ${weight[0]} input channels and groups=${groups}`,
    );
  }
  const none = weight.indexOf(0);
  if (none >= 0) {
    const law = none < 2 ? 'weight must have channels' : 'kernel size should be greater than zero';
    throw wrongShape(operation, `${law}, but got weight of size ${showShape(weight)}`);
  }
  checkNotEmpty(x, channelAxis, operation);
}
