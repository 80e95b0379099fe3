// Derivatives of the activations times what comes from above: the mirror, step by step, of native/elementwise/derivatives.h.
// Arguments and results are float32 values. NaN passes where PyTorch lets it pass.
//
// Errors are measured as in elementary.ts, for up = 1; where a derivative has a root, results below 1/16 count in units of
// the last place of 1/16.

import {
  exp,
  greater,
  lesser,
  normalBottom,
  normalTop,
  scale,
  sigmoid,
  split,
  splitExponent,
} from './elementary.js';
import { fmaf } from './fmaf.js';

const { fround } = Math;

/** Of the result y: up where y > 0 (or is NaN). */
export function reluGradient(y: number, up: number): number {
  return y <= 0 ? 0 : up;
}

/** Of the result y: up where 0 < y < 6 (or y is NaN). */
export function relu6Gradient(y: number, up: number): number {
  return y <= 0 || y >= 6 ? 0 : up;
}

/** Of the result y: up * y * (1 - y); error at most 1.50 ulp. */
export function sigmoidGradient(y: number, up: number): number {
  return fround(up * fround(y * fround(1 - y)));
}

/** Of the result y: up * (1 - y^2); error at most 0.50 ulp. */
export function tanhGradient(y: number, up: number): number {
  return fround(up * fmaf(-y, y, 1));
}

/** Of the argument, or of the result where the slope is not negative: their signs agree. */
export function leakyReluGradient(x: number, up: number, slope: number): number {
  return 0 < x ? up : fround(slope * up);
}

/** Of the argument: s(x) * (1 + x * s(-x)), both sigmoids from one exponential; error at most 5.12 ulp. */
export function siluGradient(x: number, up: number): number {
  const small = exp(fround(0 - Math.abs(x)));
  const larger = fround(1 / fround(small + 1));
  const smaller = fround(small * larger);
  const own = x < 0 ? smaller : larger;
  const other = x < 0 ? larger : smaller;
  const bounded = lesser(115, greater(-115, x));
  return fround(up * fround(own * fmaf(bounded, other, 1)));
}

const ONE_OVER_SQRT_2_PI = 0.3989422917366028;

/** Of the argument: Phi(x) + x * phi(x), from e^(-t^2 / 2) * (Q(t) - t / sqrt(2 pi)) with t = |x|; error at most 7.34 ulp. */
export function geluGradient(x: number, up: number): number {
  const t = lesser(15, Math.abs(x));
  const square = fround(t * t);
  const lost = fmaf(-t, t, square);
  const s = split(fround(square * -0.5), fround(lost * 0.5));
  const n = splitExponent;
  const difference = fmaf(-t, ONE_OVER_SQRT_2_PI, fround(normalTop(t) / normalBottom(t)));
  const d = scale(fround(fround(s + 1) * difference), n);
  return fround(up * (x < 0 ? d : fround(1 - d)));
}

/** Of the argument: 0 up to -3, 1 from 3 on, x / 3 + 1 / 2 between; error at most 2.67 ulp. */
export function hardswishGradient(x: number, up: number): number {
  if (x <= -3) return 0;
  return x < 3 ? fround(up * fround(fround(x / 3) + 0.5)) : up;
}

/** Of the argument: 1 right of zero, alpha * e^x left of it; error at most 0.99 ulp where alpha is 1. */
export function eluGradient(x: number, up: number, alpha: number): number {
  const power = exp(lesser(0, x));
  return 0 < x ? up : fround(up * fround(alpha * power));
}

/** Of the argument: 1 / 6 between -3 and 3. */
export function hardsigmoidGradient(x: number, up: number): number {
  return -3 < x && x < 3 ? fround(up / 6) : 0;
}

/** Of the argument: sigmoid(beta * x), and 1 beyond the threshold; error at most 2.22 ulp where beta is 1. */
export function softplusGradient(x: number, up: number, beta: number, threshold: number): number {
  const u = fround(beta * x);
  return threshold < u ? up : fround(up * sigmoid(u));
}
