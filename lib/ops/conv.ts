// Convolution as layers mean it: cross-correlation of images with filters. One function prepares it for any number of
// spatial dimensions; two- and one-dimensional work is three-dimensional work with unit extents.

import { wrongShape } from '../errors.js';
import { showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { applyAgain, applyFilter, checkBias, computeAgain } from './apply-filter.js';
import { convGeometry } from './conv-geometry.js';
import { type ConvOptions, type ConvSettings, type Padding1d, parseConvOptions } from './conv-options.js';
import { appliesAtOnce, prepareActivated } from './fused-activation.js';
import { channelAxisOf, checkNotEmpty, checkTensor, type Mode } from './inputs.js';
import { rememberingLast, toTriple } from './options.js';
import { type Prepared, runNow } from './run.js';

/**
 * 1-D convolution (cross-correlation): x [N, C, L] or [C, L] with weight [K, C / groups, kernelWidth] and bias [K] or null
 * gives [N, K, L'], where L' = floor((L + begin + end - dilation * (kernelWidth - 1) - 1) / stride) + 1. Like
 * {@link conv2d} otherwise. Padding `'causal'` makes output i depend on inputs up to stride * i alone, and L' = ceil(L / stride).
 *
 * @throws TypeError | RangeError where an argument or option is not one.
 * @throws ShapeError where shapes disagree or the kernel does not fit into the padded input.
 * @example
 * const echo = Tensor.from([[[0.5, 0, 1]]]); // a tap two steps ago, and now
 * ops.conv1d(Tensor.from([[1, 2, 3, 4]]), echo, null, { padding: 'causal' }).toArray(); // [[1, 2, 3.5, 5]]
 */
export function conv1d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options?: ConvOptions<Padding1d>,
): Tensor {
  return computeConv(x, weight, bias, settings1d(options), 'conv1d');
}

/**
 * 2-D convolution (cross-correlation): x [N, C, H, W] or [C, H, W] with weight [K, C / groups, kernelHeight, kernelWidth]
 * and bias [K] or null gives [N, K, H', W'], where
 * H' = floor((H + begin + end - dilation * (kernelHeight - 1) - 1) / stride) + 1.
 *
 * Each result is one chain of float32 fused multiply-adds in the order kernel row, kernel column, channel, then its bias,
 * then the activation: the same bits on every backend. 3x3 kernels of stride 1 are computed by Winograd's minimal filtering instead
 * where that is faster (see {@link Algorithm}): other bits, again the same everywhere; `algorithm: 'direct'` keeps to the chain.
 * The packed weight is kept for the next call and rebuilt after the weight or bias may have changed (see {@link Tensor.data}).
 *
 * @throws TypeError | RangeError where an argument or option is not one.
 * @throws ShapeError where shapes disagree or the kernel does not fit into the padded input.
 * @example
 * const x = Tensor.randn([1, 3, 32, 32]);
 * const weight = Tensor.randn([8, 3, 5, 5]);
 * ops.conv2d(x, weight, null, { stride: 2, padding: 'same', activation: 'relu' }).shape; // [1, 8, 16, 16]
 */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options?: ConvOptions): Tensor {
  return computeConv(x, weight, bias, settings2d(options), 'conv2d');
}

/**
 * 3-D convolution (cross-correlation), of videos and volumes: x [N, C, D, H, W] or [C, D, H, W] with weight
 * [K, C / groups, kernelDepth, kernelHeight, kernelWidth] and bias [K] or null gives [N, K, D', H', W'], each size as in
 * {@link conv2d}, and like it otherwise.
 *
 * @throws TypeError | RangeError where an argument or option is not one.
 * @throws ShapeError where shapes disagree or the kernel does not fit into the padded input.
 * @example
 * const clip = Tensor.randn([1, 3, 8, 32, 32]);
 * ops.conv3d(clip, Tensor.randn([16, 3, 3, 3, 3]), null, { stride: [1, 2, 2], padding: 1 }).shape; // [1, 16, 8, 16, 16]
 */
export function conv3d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options?: ConvOptions): Tensor {
  return computeConv(x, weight, bias, settings3d(options), 'conv3d');
}

const settings1d = rememberingLast((options: ConvOptions<Padding1d> | null | undefined) =>
  parseConvOptions(options, 1, 'conv1d'),
);
const settings2d = rememberingLast((options: ConvOptions | null | undefined) =>
  parseConvOptions(options, 2, 'conv2d'),
);
const settings3d = rememberingLast((options: ConvOptions | null | undefined) =>
  parseConvOptions(options, 3, 'conv3d'),
);

/** The sizes of a kernel and of an image, as sentences name them. */
const AXES = ['', 'kernelWidth', 'kernelHeight, kernelWidth', 'kernelDepth, kernelHeight, kernelWidth'];
const SIZES = ['', 'length', 'height and width', 'depth, height and width'];

/** A convolution under checked settings, now. */
export function computeConv(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  settings: ConvSettings,
  operation: string,
): Tensor {
  const again = x instanceof Tensor ? computeAgain(x, weight, bias, settings, operation) : null;
  return again ?? runNow(prepareConv(x, weight, bias, settings, 'now', operation));
}

/** Everything but the computing of a convolution under checked settings. */
export function prepareConv(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  settings: ConvSettings,
  mode: Mode,
  operation: string,
): Prepared {
  checkTensor(x, 'x', operation);
  checkTensor(weight, 'weight', operation);
  if (bias !== null) checkBias(bias, weight, weight.shape[0], operation);
  const inputs = [x, weight, bias];
  if (appliesAtOnce(settings.activation, inputs)) {
    const again = applyAgain(x, weight, bias, settings, mode, operation);
    if (again !== null) return again;
  }
  const { groups } = settings;
  checkFit(x.shape, weight.shape, settings, operation);
  // Made for images of a new size only: a copy of part of a frozen array costs as much as a small layer
  const size = () => ({
    inChannels: weight.shape[1] * groups,
    outChannels: weight.shape[0],
    kernelSize: toTriple(weight.shape.slice(2), 1),
  });
  return prepareActivated(settings, inputs, (own) =>
    applyFilter({
      x,
      weight,
      bias,
      settings: own,
      outChannels: weight.shape[0],
      requested: null,
      geometry: (inputSize) => convGeometry(own, size(), inputSize, operation),
      mode,
      operation,
    }),
  );
}

/** That the shapes of x and weight are those of a convolution, and of the same one. */
function checkFit(
  x: readonly number[],
  weight: readonly number[],
  { rank, groups }: ConvSettings,
  operation: string,
): void {
  if (weight.length !== rank + 2) {
    throw wrongShape(
      operation,
      `weight must be [outChannels, inChannels / groups, ${AXES[rank]}], but got weight of size: ${showShape(weight)}`,
    );
  }
  const channelAxis = channelAxisOf(x, rank, operation);
  const inChannels = weight[1] * groups;
  if (x[channelAxis] !== inChannels) {
    const cure =
      x[x.length - 1] === inChannels ? `the channels of x come before its ${SIZES[rank]}` : undefined;
    throw wrongShape(
      operation,
      `Given groups=${groups}, weight of size ${showShape(weight)}, expected input${showShape(x)} to have ${inChannels} channels, ` +
        `but got ${x[channelAxis]} channels instead`,
      cure,
    );
  }
  if (weight[0] % groups !== 0) {
    throw wrongShape(
      operation,
      `out_channels must be divisible by groups, but weight ${showShape(weight)} has ${weight[0]} output channels and groups=${groups}`,
    );
  }
  for (let axis = 0; axis < weight.length; axis++) {
    if (weight[axis] === 0) {
      const law = axis < 2 ? 'weight must have channels' : 'kernel size should be greater than zero';
      throw wrongShape(operation, `${law}, but got weight of size ${showShape(weight)}`);
    }
  }
  checkNotEmpty(x, channelAxis, operation);
}
