// Options that normalisations share, and what they ask of their tensors.

import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { sameShape, showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import type { ActivationName } from './activation.js';
import { checkTensor } from './inputs.js';

/** What is learned of a normalisation. */
export interface NormParameters {
  /** [channels], what the result is multiplied by; ones. */
  weight?: Tensor | null;
  /** [channels], what is added then; zeros. */
  bias?: Tensor | null;
}

/** What may follow a normalisation in the same pass over memory. */
export interface NormEpilogue {
  /** In x's shape, added before the activation. */
  residual?: Tensor | null;
  /** Applied last; 'none'. */
  activation?: ActivationName | null;
  /** For activation 'leakyRelu': the slope left of zero; 0.01. */
  negativeSlope?: number;
}

export const EPSILON = 1e-5;
export const MOMENTUM = 0.1;

/** What is added to the variance before its root is taken. */
export function parseEpsilon(value: unknown, operation: string): number {
  return nonNegative(value, 'eps', EPSILON, operation);
}

/** The share of new statistics in running ones. */
export function parseMomentum(value: unknown, operation: string): number {
  return nonNegative(value, 'momentum', MOMENTUM, operation);
}

export function nonNegative(value: unknown, name: string, usual: number, operation: string): number {
  if (value === undefined) return usual;
  if (typeof value !== 'number') throw wrongType(operation, `${name} must be a number, not ${show(value)}`);
  if (!(value >= 0 && value < Infinity)) {
    throw wrongValue(operation, `${name} must be finite and not negative, but got ${name}=${show(value)}`);
  }
  return value;
}

/** A tensor of one number for each channel, or null. */
export function perChannel(value: unknown, name: string, channels: number, operation: string): Tensor | null {
  if (value === undefined || value === null) return null;
  checkTensor(value, name, operation);
  if (value.shape.length === 1 && value.shape[0] === channels) return value;
  throw wrongShape(
    operation,
    `${name} should contain ${channels} elements not ${value.shape.length === 1 ? value.shape[0] : `${showShape(value.shape)}`}`,
  );
}

/** What is added to a normalisation of `x` before the activation, or null. */
export function parseResidual(value: unknown, x: Tensor, operation: string): Tensor | null {
  if (value === undefined || value === null) return null;
  checkTensor(value, 'residual', operation);
  if (sameShape(value.shape, x.shape)) return value;
  throw wrongShape(
    operation,
    `residual and x must have the same shape, but got ${showShape(value.shape)} and ${showShape(x.shape)}`,
  );
}

/** That statistics have more than one number to be taken of. PyTorch's law for training. */
export function checkSeveral(count: number, what: string, x: Tensor, operation: string): void {
  if (count !== 1) return;
  throw wrongShape(
    operation,
    `Expected more than 1 ${what} when training, got input size ${showShape(x.shape)}`,
    'use a larger batch or image, or running statistics (training: false, eval())',
  );
}

/** Adds new statistics to running ones: momentum of the new and the rest of the old, in float64, rounded once. */
export function mix(running: Float32Array, momentum: number, value: (channel: number) => number): void {
  for (let c = 0; c < running.length; c++) running[c] = (1 - momentum) * running[c] + momentum * value(c);
}
