// Tensors compared bit for bit.

import { Tensor } from '../../lib/index.js';

/** The float32 patterns of a tensor's elements, in logical order. */
export function bits(tensor: Tensor): Uint32Array {
  const { buffer, byteOffset, length } = tensor.data;
  return new Uint32Array(buffer, byteOffset, length).slice();
}

/** Whole numbers from -limit to limit: their products and sums are exact in float32. */
export function wholeNumbers(shape: number[], seed: number, limit = 8): Tensor {
  const tensor = Tensor.rand(shape, { seed });
  const data = tensor.data;
  for (let i = 0; i < data.length; i++) data[i] = Math.floor(data[i] * (2 * limit + 1)) - limit;
  return tensor;
}
