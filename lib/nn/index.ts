// The layers users build networks from, as `nn.*`.

export {
  ELU,
  GELU,
  Hardsigmoid,
  Hardswish,
  LeakyReLU,
  ReLU,
  ReLU6,
  Sigmoid,
  SiLU,
  Softplus,
  Tanh,
} from './activations.js';
export {
  Conv1d,
  type Conv1dOptions,
  Conv2d,
  type Conv2dOptions,
  Conv3d,
  type Conv3dOptions,
} from './conv.js';
export {
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeLayerOptions,
} from './conv-transpose.js';
export { Dropout, Dropout1d, Dropout2d, Dropout3d } from './dropout.js';
export { Flatten } from './flatten.js';
export { GraphConv, type GraphConvLayerOptions } from './graph.js';
export * as init from './init.js';
export { LayerNorm, type LayerNormLayerOptions } from './layer-norm.js';
export { Linear, type LinearLayerOptions } from './linear.js';
export { LocalResponseNorm } from './local-response.js';
export {
  BCELoss,
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  HuberLoss,
  L1Loss,
  MSELoss,
  NLLLoss,
  SmoothL1Loss,
} from './loss.js';
export { type BufferOptions, Module, type StateDict } from './module.js';
export {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormLayerOptions,
  GroupNorm,
  type GroupNormLayerOptions,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  type NormLayerOptions,
  type ResidualOptions,
} from './norm.js';
export {
  CircularPad1d,
  CircularPad2d,
  CircularPad3d,
  ConstantPad1d,
  ConstantPad2d,
  ConstantPad3d,
  type LayerPadding,
  ReflectionPad1d,
  ReflectionPad2d,
  ReflectionPad3d,
  ReplicationPad1d,
  ReplicationPad2d,
  ReplicationPad3d,
  ZeroPad1d,
  ZeroPad2d,
  ZeroPad3d,
} from './pad.js';
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AdaptiveMaxPool3d,
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  type AvgPoolLayerOptions,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  type MaxPoolLayerOptions,
} from './pool.js';
export { DepthwiseSeparableConv2d, type DepthwiseSeparableConv2dOptions } from './separable.js';
export { Sequential } from './sequential.js';
export { LogSoftmax, Softmax, type SoftmaxLayerOptions } from './softmax.js';
export { Fold, Unfold, type WindowOptions } from './unfold.js';
export { Upsample } from './upsample.js';
