// The functions users call as `ops.*`: tensors first, options last.

export {
  type EluOptions,
  elu,
  gelu,
  hardsigmoid,
  hardswish,
  type LeakyReluOptions,
  leakyRelu,
  relu,
  relu6,
  type SoftplusOptions,
  sigmoid,
  silu,
  softplus,
  tanh,
} from './activate.js';
export type { ActivationName } from './activation.js';
export type { EdgeList, EdgeWeights } from './adjacency.js';
export type { Algorithm } from './algorithm.js';
export { add, div, mul, type Operand, sub } from './arithmetic.js';
export { type BatchNormOptions, batchNorm } from './batch-norm.js';
export {
  type BinaryCrossEntropyOptions,
  type BinaryCrossEntropyWithLogitsOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
} from './binary-cross-entropy.js';
export { dropout1d, dropout2d, dropout3d } from './channel-dropout.js';
export { channelShuffle } from './channel-shuffle.js';
export { type ClampOptions, clamp } from './clamp.js';
export { conv1d, conv2d, conv3d } from './conv.js';
export type { ConvOptions, Padding, Padding1d } from './conv-options.js';
export {
  type ConvTransposeCallOptions,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from './conv-transpose.js';
export type { ConvTransposeOptions, OutputSizeOption } from './conv-transpose-options.js';
export { type CrossEntropyOptions, crossEntropy, type NLLLossOptions, nllLoss } from './cross-entropy.js';
export {
  type HuberLossOptions,
  huberLoss,
  l1Loss,
  mseLoss,
  type SmoothL1LossOptions,
  smoothL1Loss,
} from './distance-loss.js';
export { type DropoutOptions, dropout } from './dropout.js';
export { type GraphConvOptions, graphConv } from './graph.js';
export { type GroupNormOptions, groupNorm, type InstanceNormOptions, instanceNorm } from './group-norm.js';
export { type LayerNormOptions, layerNorm } from './layer-norm.js';
export { type LinearOptions, linear } from './linear.js';
export { type LocalResponseNormOptions, localResponseNorm } from './local-response.js';
export type { Reduction, ReductionOptions } from './loss-reduction.js';
export { modulus } from './modulus.js';
export type { PerDimension } from './options.js';
export { type PadMode, type PadOptions, pad } from './pad.js';
export { type PermuteOptions, permute } from './permute-tensor.js';
export {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
} from './pool.js';
export type { AdaptivePoolOptions, AvgPoolOptions, MaxPoolOptions } from './pool-options.js';
export { type ConcatOptions, concat, type FlattenOptions, flatten } from './rearrange.js';
export { mean, type ReduceOptions, sum } from './reduce.js';
export {
  convolve1d,
  convolve2d,
  correlate1d,
  correlate2d,
  type OverlapMode,
  type OverlapOptions,
} from './signal.js';
export { type SliceOptions, slice } from './slice.js';
export { logSoftmax, type SoftmaxOptions, softmax } from './softmax.js';
export type { Targets } from './targets.js';
export { type FoldOptions, fold, type UnfoldOptions, unfold } from './unfold.js';
export { type UpsampleMode, type UpsampleOptions, upsample } from './upsample.js';
