// The models that `convkit show` can open by name, and what each wants of an image.

import { Scattering } from '../models/scattering.js';
import { ReLU } from '../nn/activations.js';
import { Conv2d } from '../nn/conv.js';
import type { Module } from '../nn/module.js';
import { Sequential } from '../nn/sequential.js';
import { Tensor } from '../tensor/tensor.js';

export interface ShowModel {
  readonly module: Module;
  /** 1: grey, 3: red, green and blue. */
  readonly channels: 1 | 3;
  /** The side of the square that the image is cut and resized to. */
  readonly inputSize: number;
  /** What channels are called, by layer. */
  readonly names: Readonly<Record<string, readonly string[]>>;
}

/**
 * 3x3 kernels that textbooks begin with. Sobel's say in which direction it grows brighter, in degrees from rightwards to
 * downwards; Laplace's find points and edges alike. Layers correlate, so these respond as they read.
 */
const edgeBank: Readonly<Record<string, readonly number[]>> = {
  'sobel 0': [-1, 0, 1, -2, 0, 2, -1, 0, 1],
  'sobel 45': [-2, -1, 0, -1, 0, 1, 0, 1, 2],
  'sobel 90': [-1, -2, -1, 0, 0, 0, 1, 2, 1],
  'sobel 135': [0, -1, -2, 1, 0, -1, 2, 1, 0],
  'laplace 4': [0, 1, 0, 1, -4, 1, 0, 1, 0],
  'laplace 8': [1, 1, 1, 1, -8, 1, 1, 1, 1],
};

function edges(): ShowModel {
  const names = Object.keys(edgeBank);
  const bank = new Conv2d(1, names.length, 3, { padding: 1, paddingMode: 'replicate', bias: false });
  bank.weight = new Tensor(Float32Array.from(Object.values(edgeBank).flat()), bank.weight.shape);
  return {
    module: new Sequential({ edges: bank, rectified: new ReLU() }).eval(),
    channels: 1,
    inputSize: 256,
    names: { edges: names, rectified: names },
  };
}

function scattering(): ShowModel {
  const module = new Scattering();
  const parts = Array.from({ length: module.orientations }, (_, l) => `${(180 * l) / module.orientations}`);
  return {
    module,
    channels: 1,
    inputSize: module.inputSize,
    names: { wavelets: parts.flatMap((angle) => [`re ${angle}`, `im ${angle}`]), modulus: parts },
  };
}

export const SHOW_MODELS: Readonly<Record<string, () => ShowModel>> = { scattering, edges };
