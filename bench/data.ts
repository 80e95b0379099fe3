// The numbers that every contender computes with: seeded, uniform in [-1, 1), and with all 24 bits of a float32 in
// use, as in real weights. (Coarser numbers have short products, whose sums often lie half way between two floats.)

import { type Layer, product, shapes } from './layer.js';

/** Input [N, C, ...], weights as PyTorch shapes them, bias [outChannels]; all channels-first. */
export interface LayerData {
  readonly x: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

export function makeData(layer: Layer): LayerData {
  const { x, weight } = shapes(layer);
  return {
    x: uniform(product(x), 1),
    weight: uniform(product(weight), 2),
    bias: uniform(layer.outChannels, 3),
  };
}

/** Multiples of 2^-24 from a 32-bit mixing function (Steele, Lea and Flood's SplitMix finaliser, 32-bit form). */
export function uniform(length: number, seed: number): Float32Array {
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    let bits = (Math.imul(i, 0x9e3779b9) + Math.imul(seed, 0x85ebca6b)) | 0;
    bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    bits ^= bits >>> 15;
    values[i] = (bits >> 7) / 2 ** 24;
  }
  return values;
}
