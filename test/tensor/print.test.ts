// What console.log(tensor) shows.

import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Tensor } from '../../lib/index.js';

const counted = (shape: number[], scale = 1) => {
  const count = shape.reduce((product, size) => product * size, 1);
  return new Tensor(
    Float32Array.from({ length: count }, (_, i) => i * scale),
    shape,
  );
};

test('whole numbers plainly, aligned', () => {
  expect(
    inspect(
      Tensor.from([
        [1, -20],
        [300, 4],
      ]),
    ),
  ).toMatchInlineSnapshot(`
    "Tensor [2, 2]
    [[  1, -20],
     [300,   4]]"
  `);
});

test('fractions with four decimals, NaN and infinities by name', () => {
  expect(inspect(Tensor.from([0.5, -1.25, Number.NaN, Number.POSITIVE_INFINITY]))).toMatchInlineSnapshot(`
    "Tensor [4]
    [  0.5000,  -1.2500,      NaN, Infinity]"
  `);
});

test('very large and very small numbers in scientific notation', () => {
  expect(String(Tensor.from([1e10, 1]))).toMatchInlineSnapshot(`
    "Tensor [2]
    [1.0000e+10,  1.0000e+0]"
  `);
  expect(String(Tensor.from([1e-5, 2e-6]))).toMatchInlineSnapshot(`
    "Tensor [2]
    [1.0000e-5, 2.0000e-6]"
  `);
});

test('scalars and empty tensors', () => {
  expect(String(Tensor.from(2.5))).toMatchInlineSnapshot(`"Tensor [] 2.5"`);
  expect(String(Tensor.zeros([0, 3]))).toMatchInlineSnapshot(`"Tensor [0, 3] (no elements)"`);
});

test('blocks of images, in logical order whatever the layout', () => {
  const x = counted([1, 2, 2, 2]);
  expect(inspect(x)).toMatchInlineSnapshot(`
    "Tensor [1, 2, 2, 2]
    [[[[0, 1],
       [2, 3]],

      [[4, 5],
       [6, 7]]]]"
  `);
  expect(inspect(x.channelsLast())).toBe(inspect(x));
});

test('long rows wrap, large tensors show their edges', () => {
  expect(String(counted([30]))).toMatchInlineSnapshot(`
    "Tensor [30]
    [ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
     20, 21, 22, 23, 24, 25, 26, 27, 28, 29]"
  `);
  expect(String(counted([100, 50], 0.5))).toMatchInlineSnapshot(`
    "Tensor [100, 50]
    [[   0.0000,    0.5000,    1.0000, ...,   23.5000,   24.0000,   24.5000],
     [  25.0000,   25.5000,   26.0000, ...,   48.5000,   49.0000,   49.5000],
     [  50.0000,   50.5000,   51.0000, ...,   73.5000,   74.0000,   74.5000],
     ...,
     [2425.0000, 2425.5000, 2426.0000, ..., 2448.5000, 2449.0000, 2449.5000],
     [2450.0000, 2450.5000, 2451.0000, ..., 2473.5000, 2474.0000, 2474.5000],
     [2475.0000, 2475.5000, 2476.0000, ..., 2498.5000, 2499.0000, 2499.5000]]"
  `);
});

test('inside other objects too', () => {
  expect(inspect({ x: Tensor.from([1, 2]) })).toMatchInlineSnapshot(`
    "{
      x: Tensor [2]
      [1, 2]
    }"
  `);
});
