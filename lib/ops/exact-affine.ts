// What the scale and shift of an affine call were before they were rounded: for whoever folds them into something else, a
// convolution's weights, and rounds once there.

import type { NormGeometry } from '../../binding.js';
import { type Coefficients, coefficientsOf } from '../numerics/normalization.js';

/** What a channel's scale and shift are made of. */
export interface AffineOrigin {
  readonly weight: Float32Array | null;
  readonly bias: Float32Array | null;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly norm: NormGeometry;
}

const origins = new WeakMap<Float32Array, AffineOrigin>();

/** Says where the scale of an affine call comes from. */
export const rememberExact = (scale: Float32Array, origin: AffineOrigin): void => {
  origins.set(scale, origin);
};

/** Where the scale of an affine call comes from; undefined for another array than {@link rememberExact} was told of. */
export const originOf = (scale: Float32Array): AffineOrigin | undefined => origins.get(scale);

/** Scale and shift as the backend is to have them. */
export const roundedAffine = ({ norm, weight, bias, mean, variance }: AffineOrigin): Coefficients =>
  coefficientsOf(norm, weight, bias, mean, variance);

/**
 * Scale and shift of every channel in float64, unrounded: weight / sqrt(variance + epsilon) and bias - mean * scale. Found by
 * the scale array that a batch normalisation by running statistics hands to the backend's `affine`; undefined for others. To
 * be asked at once: the parameters may change later.
 */
export function exactAffine(
  scale: Float32Array,
): { readonly scale: Float64Array; readonly shift: Float64Array } | undefined {
  const origin = origins.get(scale);
  if (origin === undefined) return undefined;
  const { weight, bias, mean, variance } = origin;
  const { epsilon } = origin.norm;
  const exact = new Float64Array(variance.length);
  const shift = new Float64Array(variance.length);
  for (let c = 0; c < exact.length; c++) {
    const factor = 1 / Math.sqrt(variance[c] + epsilon);
    exact[c] = weight === null ? factor : factor * weight[c];
    shift[c] = (bias === null ? 0 : bias[c]) - mean[c] * exact[c];
  }
  return { scale: exact, shift };
}
