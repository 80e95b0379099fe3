// What statistics make of each element: one multiplication and one addition a channel, rounded as `normalize` in binding.d.ts
// states.
import type { NormGeometry } from '../../binding.js';

/** Of every image and channel: what it is multiplied by, and what is added then. */
export interface Coefficients {
  readonly scale: Float32Array;
  readonly shift: Float32Array;
}

export const inverseDeviation = (norm: NormGeometry, variance: number): number =>
  1 / Math.sqrt(variance + norm.epsilon);

export function coefficientsOf(
  norm: NormGeometry,
  weight: Float32Array | null,
  bias: Float32Array | null,
  mean: Float32Array,
  variance: Float32Array,
): Coefficients {
  const { batch, channels, groups } = norm;
  const scale = new Float32Array(batch * channels);
  const shift = new Float32Array(batch * channels);
  for (let i = 0; i < scale.length; i++) {
    const c = i % channels;
    const own = Math.floor(i / channels) * groups + Math.floor((c * groups) / channels);
    const inverse = inverseDeviation(norm, variance[own]);
    scale[i] = weight === null ? inverse : weight[c] * inverse;
    shift[i] = (bias === null ? 0 : bias[c]) - mean[own] * scale[i];
  }
  return { scale, shift };
}
