// Winograd's minimal filtering F(m x m, 3x3), step by step as native/winograd/transforms.h and native/winograd/filter.h take it: the same
// operations in the same order, so the same bits. It transforms single tiles and filters and knows nothing of images.
import { settleTie } from '../../numerics/fmaf.js';
import { isHalfWay } from './rounding.js';

const { fround } = Math;

export type WinogradTile = 2 | 4;

// The points of F(4x4) are 0, ±a, ±b and infinity; every constant is exact in float32.
export const A = 0.625;
export const B = 1.5;
export const A2 = A * A;
export const B2 = B * B;
const A3 = A2 * A;
const B3 = B2 * B;
const A2B2 = A2 * B2;
const A2_PLUS_B2 = A2 + B2;

/** Products of a point's distances to the others. */
export const AT_ZERO = A2B2;
export const AT_A = 2 * A2 * (A2 - B2);
export const AT_B = 2 * B2 * (B2 - A2);

/** Row i evaluates a filter at point i, over the product of that point's distances to the others. */
const FILTER_POINTS: Readonly<Record<WinogradTile, readonly (readonly [number, number, number])[]>> = {
  2: [
    [1, 0, 0],
    [0.5, 0.5, 0.5],
    [0.5, -0.5, 0.5],
    [0, 0, 1],
  ],
  4: [
    [1 / A2B2, 0, 0],
    [1 / AT_A, A / AT_A, A2 / AT_A],
    [1 / AT_A, -A / AT_A, A2 / AT_A],
    [1 / AT_B, B / AT_B, B2 / AT_B],
    [1 / AT_B, -B / AT_B, B2 / AT_B],
    [0, 0, 1],
  ],
};

/** Transforms the 3x3 filter whose taps follow `from` by steps of `by` in float64, rounds once, and writes its elements `step` apart. */
export function transformFilter(
  tile: WinogradTile,
  weight: Float32Array,
  from: number,
  by: 1 | -1,
  to: Float32Array,
  at: number,
  step: number,
): void {
  const points = FILTER_POINTS[tile];
  const side = points.length;
  for (let i = 0; i < side; i++) {
    const [p, q, r] = points[i];
    const row = [0, 1, 2].map(
      (k) => p * weight[from + k * by] + q * weight[from + (3 + k) * by] + r * weight[from + (6 + k) * by],
    );
    for (let j = 0; j < side; j++) {
      const point = points[j];
      to[at + (i * side + j) * step] = point[0] * row[0] + point[1] * row[1] + point[2] * row[2];
    }
  }
}

/**
 * fmaf(a, b, c) for constants a that are multiples of 2^-10: their products with floats are multiples of 2^-159, so that
 * sums below the normal floats are exact (rounding.ts). Short as they are, they meet half way points often, mostly exact ones.
 */
export function fmaOfConstant(a: number, b: number, c: number): number {
  const s = a * b + c;
  return isHalfWay(s) ? settleTie(a, b, c) : fround(s);
}

type Lines = Float32Array;

/** One line of the input transform: `d` from `at` on, `step` apart, to `out`, `outStep` apart. */
type LineTransform = (d: Lines, at: number, step: number, out: Lines, outAt: number, outStep: number) => void;

const inputLine2: LineTransform = (d, at, step, out, outAt, outStep) => {
  const d0 = d[at];
  const d1 = d[at + step];
  const d2 = d[at + 2 * step];
  const d3 = d[at + 3 * step];
  out[outAt] = d0 - d2;
  out[outAt + outStep] = d1 + d2;
  out[outAt + 2 * outStep] = d2 - d1;
  out[outAt + 3 * outStep] = d1 - d3;
};

const inputLine4: LineTransform = (d, at, step, out, outAt, outStep) => {
  const d0 = d[at];
  const d1 = d[at + step];
  const d2 = d[at + 2 * step];
  const d3 = d[at + 3 * step];
  const d4 = d[at + 4 * step];
  const d5 = d[at + 5 * step];
  out[outAt] = fmaOfConstant(A2B2, d0, fmaOfConstant(-A2_PLUS_B2, d2, d4));
  const evenA = fmaOfConstant(-B2, d2, d4);
  const oddA = fmaOfConstant(-B2, d1, d3);
  out[outAt + outStep] = fmaOfConstant(A, oddA, evenA);
  out[outAt + 2 * outStep] = fmaOfConstant(-A, oddA, evenA);
  const evenB = fmaOfConstant(-A2, d2, d4);
  const oddB = fmaOfConstant(-A2, d1, d3);
  out[outAt + 3 * outStep] = fmaOfConstant(B, oddB, evenB);
  out[outAt + 4 * outStep] = fmaOfConstant(-B, oddB, evenB);
  out[outAt + 5 * outStep] = fmaOfConstant(A2B2, d1, fmaOfConstant(-A2_PLUS_B2, d3, d5));
};

const outputLine2: LineTransform = (m, at, step, out, outAt, outStep) => {
  const sum = fround(m[at + step] + m[at + 2 * step]);
  const difference = fround(m[at + step] - m[at + 2 * step]);
  out[outAt] = m[at] + sum;
  out[outAt + outStep] = difference - m[at + 3 * step];
};

const outputLine4: LineTransform = (m, at, step, out, outAt, outStep) => {
  const sumA = fround(m[at + step] + m[at + 2 * step]);
  const differenceA = fround(m[at + step] - m[at + 2 * step]);
  const sumB = fround(m[at + 3 * step] + m[at + 4 * step]);
  const differenceB = fround(m[at + 3 * step] - m[at + 4 * step]);
  out[outAt] = fround(m[at] + sumA) + sumB;
  out[outAt + outStep] = fmaOfConstant(B, differenceB, fround(A * differenceA));
  out[outAt + 2 * outStep] = fmaOfConstant(B2, sumB, fround(A2 * sumA));
  out[outAt + 3 * outStep] = fmaOfConstant(B3, differenceB, fmaOfConstant(A3, differenceA, m[at + 5 * step]));
};

const lines = new Float32Array(36);

/** Transforms the side x side elements of `tile`, along rows, then along columns; element e goes to out[at + e * step]. */
export function transformInput(
  size: WinogradTile,
  tile: Float32Array,
  out: Float32Array,
  at: number,
  step: number,
): void {
  if (size === 4) {
    for (let i = 0; i < 36; i += 6) inputLine4(tile, i, 1, lines, i, 1);
    for (let j = 0; j < 6; j++) inputLine4(lines, j, 6, out, at + j * step, 6 * step);
  } else {
    for (let i = 0; i < 16; i += 4) inputLine2(tile, i, 1, lines, i, 1);
    for (let j = 0; j < 4; j++) inputLine2(lines, j, 4, out, at + j * step, 4 * step);
  }
}

/** Transforms side x side elements from m[at] on to size x size outputs in `out`: along rows, then along columns. */
export function transformOutput(size: WinogradTile, m: Float32Array, at: number, out: Float32Array): void {
  if (size === 4) {
    for (let i = 0; i < 6; i++) outputLine4(m, at + 6 * i, 1, lines, 4 * i, 1);
    for (let j = 0; j < 4; j++) outputLine4(lines, j, 4, out, j, 4);
  } else {
    for (let i = 0; i < 4; i++) outputLine2(m, at + 4 * i, 1, lines, 2 * i, 1);
    for (let j = 0; j < 2; j++) outputLine2(lines, j, 2, out, j, 2);
  }
}
