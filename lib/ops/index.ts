// The functions users call as `ops.*`: tensors first, options last.

export type { ActivationName } from './activation.js';
export type { Algorithm } from './algorithm.js';
export { conv2d } from './conv.js';
export type { ConvOptions, Padding } from './conv-options.js';
export type { PerDimension } from './options.js';
export {
  add,
  gelu,
  hardswish,
  type LeakyReluOptions,
  leakyRelu,
  modulus,
  mul,
  relu,
  relu6,
  sigmoid,
  silu,
  tanh,
} from './pointwise.js';
export {
  type AdaptivePoolOptions,
  type AvgPoolOptions,
  adaptiveAvgPool2d,
  avgPool2d,
  type MaxPoolOptions,
  maxPool2d,
} from './pool.js';
export { type ConcatOptions, concat, type FlattenOptions, flatten } from './rearrange.js';
