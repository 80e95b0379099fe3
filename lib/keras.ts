// The public names of `convkit/keras`: Keras's vocabulary, channels last, input channels inferred.

export type { KerasActivation, KerasOutputActivation } from './keras/activation.js';
export {
  Activation,
  type ActivationOptions,
  ELU,
  type ELUOptions,
  LeakyReLU,
  type LeakyReLUOptions,
  ReLU,
  type ReLUOptions,
  Softmax,
  type SoftmaxOptions,
} from './keras/activations.js';
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
export {
  Dropout,
  type DropoutOptions,
  SpatialDropout1D,
  SpatialDropout2D,
  SpatialDropout3D,
  type SpatialDropoutOptions,
} from './keras/dropout.js';
export { type Initializer, type InitializerName, initializers } from './keras/initializers.js';
export type { LayerOptions, PartialShape } from './keras/layer.js';
export {
  BatchNormalization,
  type BatchNormalizationOptions,
  LayerNormalization,
  type LayerNormalizationOptions,
} from './keras/norm.js';
export { Flatten, type FlattenOptions } from './keras/plain.js';
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
  Cropping1D,
  Cropping2D,
  Cropping3D,
  type CroppingOptions,
  type Sides,
  UpSampling1D,
  UpSampling2D,
  type UpSampling2DOptions,
  UpSampling3D,
  type UpSamplingOptions,
  ZeroPadding1D,
  ZeroPadding2D,
  ZeroPadding3D,
  type ZeroPaddingOptions,
} from './keras/resize.js';
export {
  SeparableConv1D,
  type SeparableConv1DOptions,
  SeparableConv2D,
  type SeparableConv2DOptions,
} from './keras/separable.js';
export { Sequential, type SequentialOptions } from './keras/sequential.js';
