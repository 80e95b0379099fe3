// Winograd's minimal filtering F(m x m, 3x3), step by step as native/winograd/transforms.h and native/conv/winograd_filter.cpp take it: the same
// operations in the same order, so the same bits. It transforms single tiles and filters and knows nothing of images.
import { fmaf } from '../../numerics/fmaf.js';

const { fround } = Math;

export type WinogradTile = 2 | 4;

// The points of F(4x4) are 0, ±a, ±b and infinity; every constant is exact in float32.
const A = 0.75;
const B = 1.5;
const A2 = A * A;
const B2 = B * B;
const A3 = A2 * A;
const B3 = B2 * B;
const A2B2 = A2 * B2;
const A2_PLUS_B2 = A2 + B2;

const AT_A = 2 * A2 * (A2 - B2);
const AT_B = 2 * B2 * (B2 - A2);

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

/** Transforms the 3x3 filter at `from` in float64, rounds once, and writes its elements `step` apart. */
export function transformFilter(
  tile: WinogradTile,
  weight: Float32Array,
  from: number,
  to: Float32Array,
  at: number,
  step: number,
): void {
  const points = FILTER_POINTS[tile];
  const side = points.length;
  for (let i = 0; i < side; i++) {
    const [p, q, r] = points[i];
    const row = [0, 1, 2].map(
      (k) => p * weight[from + k] + q * weight[from + 3 + k] + r * weight[from + 6 + k],
    );
    for (let j = 0; j < side; j++) {
      const point = points[j];
      to[at + (i * side + j) * step] = point[0] * row[0] + point[1] * row[1] + point[2] * row[2];
    }
  }
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
  out[outAt] = fmaf(A2B2, d0, fmaf(-A2_PLUS_B2, d2, d4));
  const evenA = fmaf(-B2, d2, d4);
  const oddA = fmaf(-B2, d1, d3);
  out[outAt + outStep] = fmaf(A, oddA, evenA);
  out[outAt + 2 * outStep] = fmaf(-A, oddA, evenA);
  const evenB = fmaf(-A2, d2, d4);
  const oddB = fmaf(-A2, d1, d3);
  out[outAt + 3 * outStep] = fmaf(B, oddB, evenB);
  out[outAt + 4 * outStep] = fmaf(-B, oddB, evenB);
  out[outAt + 5 * outStep] = fmaf(A2B2, d1, fmaf(-A2_PLUS_B2, d3, d5));
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
  out[outAt + outStep] = fmaf(B, differenceB, fround(A * differenceA));
  out[outAt + 2 * outStep] = fmaf(B2, sumB, fround(A2 * sumA));
  out[outAt + 3 * outStep] = fmaf(B3, differenceB, fmaf(A3, differenceA, m[at + 5 * step]));
};

const lines = new Float32Array(36);

/** Transforms the side x side elements of `tile` in place: along rows, then along columns. */
export function transformInput(size: WinogradTile, tile: Float32Array): void {
  const side = size + 2;
  const line = size === 4 ? inputLine4 : inputLine2;
  for (let i = 0; i < side; i++) line(tile, i * side, 1, lines, i * side, 1);
  for (let j = 0; j < side; j++) line(lines, j, side, tile, j, side);
}

/** Transforms the side x side elements of `m` to size x size outputs in `out`: along rows, then along columns. */
export function transformOutput(size: WinogradTile, m: Float32Array, out: Float32Array): void {
  const side = size + 2;
  const line = size === 4 ? outputLine4 : outputLine2;
  for (let i = 0; i < side; i++) line(m, i * side, 1, lines, i * size, 1);
  for (let j = 0; j < size; j++) line(lines, j, size, out, j, size);
}
