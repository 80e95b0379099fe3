// What GoogLeNet and Inception-v3 share: their convolution, their options, and the images their published weights were made for.

import { Conv2d } from '../nn/conv.js';
import { BatchNorm2d } from '../nn/norm.js';
import { Sequential } from '../nn/sequential.js';
import { add, mul } from '../ops/arithmetic.js';
import { flag, knownOptions, type PerDimension } from '../ops/options.js';
import { Tensor } from '../tensor/tensor.js';
import { type ClassifierOptions, numClassesOf } from './options.js';

export interface InceptionOptions extends ClassifierOptions {
  /** Whether there are classifiers of layers on the way, which help in training; true. */
  auxLogits?: boolean;
  /** Whether images normalised by ImageNet's means and deviations are brought to [-1, 1], as published weights want; false. */
  transformInput?: boolean;
}

/** Checked options. */
export interface InceptionSettings {
  readonly numClasses: number;
  readonly auxLogits: boolean;
  readonly transformInput: boolean;
}

export function inceptionSettings(options: InceptionOptions | undefined, label: string): InceptionSettings {
  const names = ['numClasses', 'auxLogits', 'transformInput'];
  const { auxLogits = true, transformInput = false, ...rest } = knownOptions(options, names, label);
  return {
    numClasses: numClassesOf(rest, label),
    auxLogits: flag(auxLogits, 'auxLogits', label),
    transformInput: flag(transformInput, 'transformInput', label),
  };
}

/** Children `conv`, without padding unless it is given, and `bn`, with a relu. */
export const basicConv = (
  inChannels: number,
  outChannels: number,
  kernelSize: PerDimension,
  options: { stride?: number; padding?: PerDimension } = {},
): Sequential =>
  new Sequential({
    conv: new Conv2d(inChannels, outChannels, kernelSize, { ...options, bias: false }),
    bn: new BatchNorm2d(outChannels, { eps: 1e-3, activation: 'relu' }),
  });

const perChannel = (values: number[]): Tensor => Tensor.from(values.map((value) => [[value]]));
const SCALE = perChannel([0.229, 0.224, 0.225].map((deviation) => deviation / 0.5));
const SHIFT = perChannel([0.485, 0.456, 0.406].map((mean) => (mean - 0.5) / 0.5));

/** Images [N, 3, H, W] less ImageNet's means, divided by its deviations, as they would be from [-1, 1]. */
export const transformed = (x: Tensor): Tensor => add(mul(x, SCALE), SHIFT);
