// What the commands know of the architectures of `models`: whether a name is one, and what their weights want of them.

import { byName, inputShapeOf, type ModelOptions, names } from '../models/index.js';
import type { Module, StateDict } from '../nn/module.js';

/** Torchvision's names; timm's where torchvision has none. */
export const MODEL_NAMES = names;

export function isModelName(name: string): boolean {
  try {
    inputShapeOf(name);
    return true;
  } catch {
    return false;
  }
}

export { byName as modelByName, inputShapeOf as modelInputShape };

/** Those that take photos in colour. */
export const PHOTO_MODEL_NAMES = names.filter((name) => takesPhotos(inputShapeOf(name)));

export function takesPhotos(shape: readonly number[]): boolean {
  return shape.length === 4 && shape[1] === 3;
}

export interface PublishedOptions {
  readonly numClasses: number | undefined;
  /** null where they are random. */
  readonly weights: StateDict | null;
  readonly ofTorchvision: boolean;
}

/**
 * A network for inference, with what goes with published weights: torchvision's Inceptions bring photos to [-1, 1] themselves,
 * timm's come without the classifiers on the way.
 */
export function publishedModel(
  name: string,
  { numClasses, weights, ofTorchvision }: PublishedOptions,
): Module {
  const options: ModelOptions = numClasses === undefined ? {} : { numClasses };
  if (!/^(googlenet|inception_?v3)$/i.test(name)) return byName(name, options).eval();
  const auxLogits =
    weights !== null && Object.keys(weights).some((key) => /^(\w+\.)?(AuxLogits|aux1)\./.test(key));
  return byName(name, { ...options, auxLogits, transformInput: ofTorchvision }).eval();
}
