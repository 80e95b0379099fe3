// The layers users build networks from, as `nn.*`.

export { GELU, Hardswish, LeakyReLU, ReLU, ReLU6, Sigmoid, SiLU, Tanh } from './activations.js';
export { Conv2d, type Conv2dOptions } from './conv.js';
export { Flatten } from './flatten.js';
export { Module, type StateDict } from './module.js';
export { AdaptiveAvgPool2d, AvgPool2d, MaxPool2d } from './pool.js';
export { Sequential } from './sequential.js';
