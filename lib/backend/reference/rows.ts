// Sums along a row, whose shape is the same wherever they occur: 16 partials, element i in partial i mod 16; then partial k
// takes k + 8, k + 4, k + 2 and k + 1.
import { fmaf } from '../../numerics/fmaf.js';

const PARTIALS = 16;
const partials = new Float32Array(PARTIALS);

/** The sum of n elements of a from `at` on; of a[i] * b[i], by FMAs, where there is a b. */
export function rowSum(
  a: Float32Array,
  at: number,
  n: number,
  b: Float32Array | null = null,
  atB = at,
): number {
  partials.fill(0);
  for (let i = 0; i < n; i++) {
    const k = i % PARTIALS;
    partials[k] = b === null ? partials[k] + a[at + i] : fmaf(a[at + i], b[atB + i], partials[k]);
  }
  for (let half = PARTIALS / 2; half > 0; half >>= 1) {
    for (let k = 0; k < half; k++) partials[k] += partials[k + half];
  }
  return partials[0];
}
