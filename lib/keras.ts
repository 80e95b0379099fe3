// The public names of `convkit/keras`: Keras's vocabulary, channels last, input channels inferred.

export { Conv2D, type Conv2DOptions } from './keras/conv.js';
export { Sequential } from './keras/sequential.js';
