// Convolutions of every kind for fast-check to draw and shrink, and the little algebra that laws about them are stated in.

import fc from 'fast-check';
import { ops, Tensor } from '../../lib/index.js';
import { wholeNumbers } from './bits.js';

export interface DrawnConv {
  readonly rank: 1 | 2 | 3;
  readonly batch: number;
  readonly groups: number;
  /** Channels of one group. */
  readonly inputs: number;
  readonly outputs: number;
  readonly size: number[];
  readonly kernel: number[];
  readonly stride: number[];
  readonly dilation: number[];
  readonly padding: number[];
  readonly seed: number;
}

/** Sizes that fit: every window finds its image. Small, so that sums of small whole numbers are exact. */
export function drawnConv(rank?: 1 | 2 | 3): fc.Arbitrary<DrawnConv> {
  const ranks = rank === undefined ? fc.constantFrom(1 as const, 2 as const, 3 as const) : fc.constant(rank);
  return ranks.chain((rank) => {
    const each = (max: number, min: number) =>
      fc.array(fc.integer({ min, max }), { minLength: rank, maxLength: rank });
    return fc
      .record({
        batch: fc.integer({ min: 1, max: 2 }),
        groups: fc.integer({ min: 1, max: 3 }),
        inputs: fc.integer({ min: 1, max: 5 }),
        outputs: fc.integer({ min: 1, max: 5 }),
        kernel: each(4, 1),
        stride: each(3, 1),
        dilation: each(3, 1),
        padding: each(2, 0),
        spare: each(rank === 3 ? 4 : 9, 0),
        seed: fc.integer({ min: 1, max: 1e6 }),
      })
      .map(({ spare, ...rest }) => {
        const least = rest.kernel.map((k, i) => rest.dilation[i] * (k - 1) + 1 - 2 * rest.padding[i]);
        return { ...rest, rank, size: spare.map((more, i) => Math.max(least[i], 1) + more) };
      });
  });
}

/** The options of a drawn convolution. */
export const optionsOf = ({ stride, dilation, padding, groups }: DrawnConv) => ({
  stride,
  dilation,
  padding,
  groups,
});

export const inputShape = (p: DrawnConv): number[] => [p.batch, p.groups * p.inputs, ...p.size];
export const weightShape = (p: DrawnConv): number[] => [p.groups * p.outputs, p.inputs, ...p.kernel];

/** Whole numbers for the input and the weight; exact in every sum below. */
export const drawnInput = (p: DrawnConv, salt = 0): Tensor => wholeNumbers(inputShape(p), p.seed + salt, 6);
export const drawnWeight = (p: DrawnConv, salt = 0): Tensor =>
  wholeNumbers(weightShape(p), p.seed + 7 + salt, 6);

type Conv = typeof ops.conv2d;
/** The convolution of a rank. */
export const convOf = (rank: number): Conv => [ops.conv1d, ops.conv2d, ops.conv3d][rank - 1];
export const convTransposeOf = (rank: number): typeof ops.convTranspose2d =>
  [ops.convTranspose1d, ops.convTranspose2d, ops.convTranspose3d][rank - 1];

/** a x + b y, element by element, exact for small whole numbers. */
export function combined(a: number, x: Tensor, b: number, y: Tensor): Tensor {
  const other = y.data;
  return new Tensor(
    x.data.map((value, i) => a * value + b * other[i]),
    x.shape,
  );
}

/** The inner product, exact for whole numbers. */
export function inner(x: Tensor, y: Tensor): number {
  const other = y.data;
  let sum = 0;
  x.data.forEach((value, i) => {
    sum += value * other[i];
  });
  return sum;
}

/** Channels `from` up to `to` of [N, C, ...], or rows of a weight with `axis` 0. */
export function part(x: Tensor, from: number, to: number, axis = 1): Tensor {
  const outer = x.shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const area = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const { data } = x;
  const rows = Array.from({ length: outer }, (_, n) =>
    data.slice((n * x.shape[axis] + from) * area, (n * x.shape[axis] + to) * area),
  );
  const shape = x.shape.map((size, at) => (at === axis ? to - from : size));
  return new Tensor(Float32Array.from(rows.flatMap((row) => [...row])), shape);
}

/** Plain numbers: -0 is 0. */
export const numbers = (x: Tensor): number[] => Array.from(x.data, (value) => value + 0);

/** Every kernel of a weight with its taps in reverse. */
export function turnedOver(weight: Tensor): Tensor {
  const taps = weight.shape.slice(2).reduce((a, b) => a * b, 1);
  const { data } = weight;
  return new Tensor(
    data.map((_, i) => data[i - (i % taps) + (taps - 1 - (i % taps))]),
    weight.shape,
  );
}
