// unfold moves numbers and must give PyTorch's exactly; fold adds up to K of them in float32, so it is within K * u * their
// absolute sum of the truth, u = 2^-24.

import { describe, expect, test } from 'vitest';
import { ops, ShapeError, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits, wholeNumbers } from '../support/bits.js';
import { vectorCases } from '../support/vectors.js';

const cases = vectorCases('pointwise', 'unfold');
type Options = Parameters<typeof ops.unfold>[1];
const unfold = (x: Tensor, params: Record<string, unknown>): Tensor =>
  Reflect.apply(ops.unfold, null, [x, params]);
const fold = (x: Tensor, params: Record<string, unknown>): Tensor =>
  Reflect.apply(ops.fold, null, [x, params]);

describe.each(contenders())('$name', (contender) => {
  test.each(cases)('$name', (one) => {
    contender.use();
    const x = one.tensor('x');
    const y = unfold(x, one.params);
    expect(y.shape).toEqual(one.tensor('y').shape);
    expect(y.data).toEqual(one.tensor('y').data);

    const options = { ...one.params, outputSize: x.shape.slice(2) };
    const folded = fold(one.tensor('y'), options);
    const expected = one.tensor('folded');
    expect(folded.shape).toEqual(expected.shape);
    const absolute = new Tensor(y.data.map(Math.abs), y.shape);
    const sums = fold(absolute, options).data;
    const taps = y.shape[1] / x.shape[1];
    folded.data.forEach((value, i) => {
      expect(Math.abs(value - expected.data[i])).toBeLessThanOrEqual(1.001 * taps * 2 ** -24 * sums[i]);
    });
  });

  test('by hand: rows are taps of channels, columns are windows', () => {
    contender.use();
    const x = new Tensor(
      Float32Array.from({ length: 18 }, (_, i) => i + 1),
      [1, 2, 3, 3],
    );
    const y = ops.unfold(x, { kernelSize: 2, stride: 2, padding: [1, 0] });
    expect(y.toArray()).toEqual([
      [
        [0, 4],
        [0, 5],
        [1, 7],
        [2, 8],
        [0, 13],
        [0, 14],
        [10, 16],
        [11, 17],
      ],
    ]);
  });

  test('a convolution is its weight times the columns, bit for bit', () => {
    contender.use();
    const options: Options = { kernelSize: [3, 2], stride: 2, padding: 1, dilation: [1, 2] };
    const x = wholeNumbers([2, 3, 7, 8], 1);
    const weight = wholeNumbers([4, 3, 3, 2], 2);
    const y = ops.conv2d(x, weight, null, { stride: 2, padding: 1, dilation: [1, 2] });
    const columns = ops.unfold(x, options);
    const product = ops.conv1d(columns, weight.reshape([4, 18, 1]));
    expect(bits(product)).toEqual(bits(y));
  });

  test('fold of unfold is x times the number of windows that cover it', () => {
    contender.use();
    const options: Options = { kernelSize: [3, 2], stride: [1, 2], padding: 1, dilation: 2 };
    const x = wholeNumbers([2, 17, 7, 9], 3);
    const outputSize = [7, 9];
    const count = ops.fold(ops.unfold(Tensor.ones([2, 17, 7, 9]), options), { ...options, outputSize });
    const y = ops.fold(ops.unfold(x, options), { ...options, outputSize });
    expect(y.data).toEqual(x.data.map((value, i) => value * count.data[i] + 0));
    expect(Math.max(...count.data)).toBeGreaterThan(1);
  });

  test('fold is the transpose of unfold', () => {
    contender.use();
    const options: Options = { kernelSize: 3, stride: 2, padding: 1 };
    const x = wholeNumbers([1, 2, 6, 5], 4);
    const columns = ops.unfold(x, options);
    const z = wholeNumbers([...columns.shape], 5);
    const dot = (a: Tensor, b: Tensor) => a.data.reduce((sum, value, i) => sum + value * b.data[i], 0);
    expect(dot(columns, z)).toBe(dot(x, ops.fold(z, { ...options, outputSize: [6, 5] })));
  });

  test('layouts, one image alone, empty batches', () => {
    contender.use();
    const x = Tensor.randn([2, 5, 6, 7], { seed: 1 });
    const options: Options = { kernelSize: 3, padding: 1 };
    const y = ops.unfold(x, options);
    expect(bits(ops.unfold(x.channelsLast(), options))).toEqual(bits(y));
    const alone = ops.unfold(new Tensor(x.data.slice(210), [5, 6, 7]), options);
    expect(alone.shape).toEqual([45, 42]);
    expect(bits(alone)).toEqual(bits(y).slice(y.data.length / 2));
    const back = ops.fold(y, { ...options, outputSize: [6, 7] });
    const one = ops.fold(alone, { ...options, outputSize: [6, 7] });
    expect(one.shape).toEqual([5, 6, 7]);
    expect(bits(one)).toEqual(bits(back).slice(210));
    expect(ops.unfold(Tensor.zeros([0, 5, 6, 7]), options).shape).toEqual([0, 45, 42]);
    expect(ops.fold(Tensor.zeros([0, 45, 42]), { ...options, outputSize: [6, 7] }).shape).toEqual([
      0, 5, 6, 7,
    ]);
    expect(bits(ops.fold(Tensor.full([1, 1, 1], -0), { kernelSize: 1, outputSize: 1 }))).toEqual(
      Uint32Array.of(0),
    );
  });
});

test('there are 6 cases', () => expect(cases).toHaveLength(6));

test.each<[string, 'unfold' | 'fold', unknown[], new () => Error, string]>([
  ['no kernel', 'unfold', [Tensor.zeros([1, 1, 4, 4]), {}], TypeError, 'unfold: kernelSize is missing'],
  [
    'rank',
    'unfold',
    [Tensor.zeros([4, 4]), { kernelSize: 2 }],
    ShapeError,
    'Expected 3D (unbatched) or 4D (batched) input to unfold',
  ],
  [
    'kernel',
    'unfold',
    [Tensor.zeros([1, 1, 4, 4]), { kernelSize: 5 }],
    ShapeError,
    'calculated shape of the array of sliding blocks as (0, 0), which is too small (non-positive)',
  ],
  [
    'stride',
    'unfold',
    [Tensor.zeros([1, 1, 4, 4]), { kernelSize: 2, stride: 0 }],
    RangeError,
    'stride should be greater than zero',
  ],
  ['no size', 'fold', [Tensor.zeros([1, 4, 4]), { kernelSize: 2 }], TypeError, 'fold: outputSize is missing'],
  [
    'rows',
    'fold',
    [Tensor.zeros([1, 5, 4]), { kernelSize: 2, outputSize: 4 }],
    ShapeError,
    "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)=5 and kernel_size=(2, 2)",
  ],
  [
    'columns',
    'fold',
    [Tensor.zeros([1, 4, 4]), { kernelSize: 2, outputSize: 4 }],
    ShapeError,
    'calculated number of sliding blocks 3 * 3 = 9, but got input.size(2)=4',
  ],
  [
    'rank',
    'fold',
    [Tensor.zeros([4]), { kernelSize: 2, outputSize: 4 }],
    ShapeError,
    'Expected 2D (unbatched) or 3D (batched) input to fold',
  ],
])('wrong %s: %s', (_, name, args, Class, words) => {
  const run = () => Reflect.apply(ops[name], null, args);
  expect(run).toThrow(Class);
  expect(run).toThrow(words);
});
