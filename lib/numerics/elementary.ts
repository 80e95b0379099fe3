// Elementary functions of float32, each one fixed sequence of + - * / fma and selections: the mirror, step by
// step, of native/elementwise/elementary.h, so that both give the same bits. Arguments and results are float32
// values; each function is defined for all of them, infinities and NaN included.
//
// Errors are the largest over all 2^32 floats against float64 functions, in units of the last place of the exact
// result: `measure FUNCTION 0 0xffffffff 1` of test/native/elementary.cpp.

import { fmaf } from './fmaf.js';

const { fround } = Math;

// 1.5 * 2^23: added to a float below 2^22, it leaves no room for a fraction.
const ROUNDER = 12582912;

// biome-ignore lint/complexity/useMathMinMax: Math.max and Math.min treat NaN and the zeros otherwise
export const greater = (a: number, b: number): number => (a > b ? a : b);

// biome-ignore lint/complexity/useMathMinMax: as above
export const lesser = (a: number, b: number): number => (a < b ? a : b);

const nearest = (x: number): number => fround(fround(x + ROUNDER) - ROUNDER);

const bits = new Int32Array(1);
const float = new Float32Array(bits.buffer);

/** 2^n for whole n in [-126, 127]. */
function powerOfTwo(n: number): number {
  bits[0] = (n + 127) << 23;
  return float[0];
}

// Every constant here is a float32, written in full, and comes from scripts/fit-elementary.py.
const LOG2_E = 1.4426950216293335;
const LN2_HIGH = 0.693145751953125;
const LN2_LOW = 1.428606765330187e-6;
const E6 = 0.001387286465615034;
const E5 = 0.008368294686079025;
const E4 = 0.04166742041707039;
const E3 = 0.16666525602340698;
const E2 = 0.4999999701976776;

// What `split` leaves besides its result: e^(x + low) = (1 + result) * 2^splitExponent.
export let splitExponent = 0;

/** For -115 <= x <= 89 and tiny low. A NaN in x reaches the result alone: the exponent is a number in any case. */
export function split(x: number, low: number): number {
  const whole = fround(fmaf(x, LOG2_E, ROUNDER) - ROUNDER);
  const n = lesser(whole, 128);
  const high = fmaf(-n, LN2_HIGH, x);
  const r = fround(high + fmaf(-n, LN2_LOW, low));
  let q = fmaf(E6, r, E5);
  q = fmaf(q, r, E4);
  q = fmaf(q, r, E3);
  q = fmaf(q, r, E2);
  splitExponent = n;
  return fmaf(q, fround(r * r), r);
}

/** x * 2^n in two exact powers, so that only a subnormal result rounds, and only once. */
export function scale(x: number, n: number): number {
  const half = nearest(fround(n * 0.5));
  return fround(fround(x * powerOfTwo(half)) * powerOfTwo(n - half));
}

/** e^x; error at most 1.03 ulp. Subnormal below -87.34, 0 below -103.97, infinite above 88.72. */
export function exp(x: number): number {
  const s = split(lesser(89, greater(-115, x)), 0);
  return scale(fround(s + 1), splitExponent);
}

/** The hyperbolic tangent; error at most 2.61 ulp. */
export function tanh(x: number): number {
  const twice = fround(Math.abs(x) * 2);
  const s = split(lesser(40, twice), 0);
  const power = powerOfTwo(splitExponent);
  const minusOne = fmaf(power, s, fround(power - 1));
  const y = fround(minusOne / fround(minusOne + 2));
  return x < 0 ? fround(0 - y) : y;
}

const LIFT = 0x10000000000000000; // 2^64

/** top / (1 + e^-x); where x is negative the power is 2^64 times too large up to the last product, so that nothing underflows early. */
function logistic(x: number, top: number): number {
  const depth = fround(0 - Math.abs(x));
  const s = split(greater(-115, depth), 0);
  const lifted = fround(fround(s + 1) * powerOfTwo(splitExponent + 64));
  const bottom = fround(lifted / LIFT + 1);
  if (!(x < 0)) return fround(top / bottom);
  return fround(fround(fround(top * lifted) / bottom) / LIFT);
}

/** 1 / (1 + e^-x); error at most 2.41 ulp. */
export function sigmoid(x: number): number {
  return logistic(x, 1);
}

/** x * sigmoid(x); error at most 3.40 ulp. -0 at -Infinity. */
export function silu(x: number): number {
  return logistic(x, greater(-115, x));
}

const P4 = 0.004093589726835489;
const P3 = 0.040499892085790634;
const P2 = 0.18286804854869843;
const P1 = 0.4378432035446167;
const Q5 = 0.010260988026857376;
const Q4 = 0.10152465105056763;
const Q3 = 0.46849262714385986;
const Q2 = 1.2010489702224731;
const Q1 = 1.673571228981018;

/** P(t) of gelu. */
export function normalTop(t: number): number {
  const top = fmaf(fmaf(P4, t, P3), t, P2);
  return fmaf(fmaf(top, t, P1), t, 0.5);
}

/** Q(t) of gelu. */
export function normalBottom(t: number): number {
  const bottom = fmaf(fmaf(fmaf(Q5, t, Q4), t, Q3), t, Q2);
  return fmaf(fmaf(bottom, t, Q1), t, 1);
}

/**
 * x * Phi(x), with Phi the normal distribution (the exact GELU, by erf); error at most 6.20 ulp, for negative x
 * too. -0 at -Infinity.
 *
 * Phi(-t) = e^(-t^2 / 2) * P(t) / Q(t) with polynomials of positive coefficients; what t^2 / 2 loses in rounding
 * goes into the exponential as its low part.
 */
export function gelu(x: number): number {
  const t = lesser(15, Math.abs(x));
  const square = fround(t * t);
  const lost = fmaf(-t, t, square);
  const s = split(fround(square * -0.5), fround(lost * 0.5));
  const n = splitExponent;
  const tail = fround(fround(fround(s + 1) * normalTop(t)) / normalBottom(t));
  if (!(x < 0)) return fmaf(-t, scale(tail, n), x);
  return scale(fround(greater(-15, x) * tail), n);
}

/** x * clamp(x + 3, 0, 6) / 6; error at most 1.88 ulp. */
export function hardswish(x: number): number {
  const ramp = relu6(fround(x + 3));
  return fround(greater(-3, x) * fround(ramp / 6));
}

/** 0 > x ? 0 : x, exactly: -0 and NaN stay. */
export function relu(x: number): number {
  return greater(0, x);
}

const SQRT2_MINUS_1 = 0.4142135679721832;
const L10 = -0.07639854401350021;
const L9 = 0.1276983916759491;
const L8 = -0.13162033259868622;
const L7 = 0.14200769364833832;
const L6 = -0.16623088717460632;
const L5 = 0.20001260936260223;
const L4 = -0.2500082850456238;
const L3 = 0.3333333134651184;

/** log(1 + t) for 0 <= t <= 1; beyond sqrt(2) - 1 as log(2) + log(1 + (t - 1) / 2). */
function log1pOfFraction(t: number): number {
  const upper = SQRT2_MINUS_1 < t;
  const r = upper ? fround(fround(t - 1) * 0.5) : t;
  const n = upper ? 1 : 0;
  let p = fmaf(L10, r, L9);
  p = fmaf(p, r, L8);
  p = fmaf(p, r, L7);
  p = fmaf(p, r, L6);
  p = fmaf(p, r, L5);
  p = fmaf(p, r, L4);
  p = fmaf(p, r, L3);
  p = fmaf(p, r, -0.5);
  const tail = fmaf(p, fround(r * r), n * LN2_LOW);
  return fmaf(n, LN2_HIGH, fround(r + tail));
}

/** x where x > 0, else alpha * (e^x - 1); alpha is a float32. Error at most 0.94 ulp where alpha is 1. */
export function elu(x: number, alpha: number): number {
  const s = split(lesser(0, greater(-18, x)), 0);
  const power = powerOfTwo(splitExponent);
  const minusOne = fmaf(power, s, fround(power - 1));
  return 0 < x ? x : fround(alpha * minusOne);
}

/** clamp(x + 3, 0, 6) / 6; error at most 1.00 ulp. */
export function hardsigmoid(x: number): number {
  return fround(relu6(fround(x + 3)) / 6);
}

/**
 * log(1 + e^(beta * x)) / beta, and x where beta * x > threshold; both are float32. Error at most 1.63 ulp where beta is 1 and
 * the threshold 20.
 */
export function softplus(x: number, beta: number, threshold: number): number {
  const u = fround(beta * x);
  const small = exp(fround(0 - Math.abs(u)));
  const y = fround(fround(relu(u) + log1pOfFraction(small)) / beta);
  return threshold < u ? x : y;
}

/** relu, at most 6. */
export function relu6(x: number): number {
  return lesser(6, greater(0, x));
}

/** x where x > 0, else slope * x rounded once; slope is a float32. */
export function leakyRelu(x: number, slope: number): number {
  return 0 < x ? x : fround(slope * x);
}
