// The public names of `convkit/keras`: Keras's vocabulary, channels last, input channels inferred.

export type { KerasActivation } from './keras/activation.js';
export {
  Conv1D,
  type Conv1DOptions,
  Conv2D,
  type Conv2DOptions,
  Conv3D,
  type Conv3DOptions,
} from './keras/conv.js';
export {
  Conv1DTranspose,
  type Conv1DTransposeOptions,
  Conv2DTranspose,
  type Conv2DTransposeOptions,
  Conv3DTranspose,
  type Conv3DTransposeOptions,
} from './keras/conv-transpose.js';
export type { DataFormat } from './keras/data-format.js';
export { Dense, type DenseOptions } from './keras/dense.js';
export {
  DepthwiseConv1D,
  type DepthwiseConv1DOptions,
  DepthwiseConv2D,
  type DepthwiseConv2DOptions,
} from './keras/depthwise.js';
export { type Initializer, type InitializerName, initializers } from './keras/initializers.js';
export type { LayerOptions, PartialShape } from './keras/layer.js';
export { Activation, type ActivationOptions, Flatten, type FlattenOptions, ReLU } from './keras/plain.js';
export {
  AveragePooling1D,
  AveragePooling2D,
  AveragePooling3D,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalAveragePooling3D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  GlobalMaxPooling3D,
  type GlobalPoolingOptions,
  MaxPooling1D,
  MaxPooling2D,
  MaxPooling3D,
  type PoolingOptions,
} from './keras/pool.js';
export {
  SeparableConv1D,
  type SeparableConv1DOptions,
  SeparableConv2D,
  type SeparableConv2DOptions,
} from './keras/separable.js';
export { Sequential, type SequentialOptions } from './keras/sequential.js';
