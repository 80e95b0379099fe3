// Tensors: what is accepted, what is shared, and that layout never shows.

import { totalmem } from 'node:os';
import { describe, expect, test } from 'vitest';
import { manualSeed, noGrad, ShapeError, Tensor } from '../../lib/index.js';

const numbers = (count: number) => Float32Array.from({ length: count }, (_, i) => i);

describe('new Tensor', () => {
  test('wraps the array without a copy', () => {
    const data = numbers(6);
    const tensor = new Tensor(data, [2, 3]);
    expect(tensor.data).toBe(data);
    expect(tensor.shape).toEqual([2, 3]);
    expect(Object.isFrozen(tensor.shape)).toBe(true);
  });

  test('keeps its shape when the list it was given changes', () => {
    const shape = [2, 3];
    const tensor = new Tensor(numbers(6), shape);
    shape[0] = 7;
    expect(tensor.shape).toEqual([2, 3]);
  });

  test('takes empty tensors, scalars and views into a buffer', () => {
    expect(new Tensor(numbers(0), [0, 3]).toArray()).toEqual([]);
    expect(new Tensor(numbers(1), []).item()).toBe(0);
    expect(new Tensor(new Float32Array(numbers(8).buffer, 8, 4), [4]).toArray()).toEqual([2, 3, 4, 5]);
  });

  test.each([
    ['an array', [1, 2], [2], TypeError, /Float32Array.*Tensor\.from/],
    ['float64', new Float64Array(2), [2], TypeError, /must be a Float32Array, not a Float64Array/],
    ['nothing', undefined, [2], TypeError, /must be a Float32Array/],
    ['an imposter', Object.create(Float32Array.prototype), [0], TypeError, /must be a Float32Array/],
    ['too few numbers', numbers(5), [2, 3], ShapeError, /shape \[2, 3\] has 6 elements, but data has 5/],
    ['too many numbers', numbers(7), [2, 3], ShapeError, /has 6 elements, but data has 7/],
    ['a negative size', numbers(6), [-2, -3], RangeError, /whole numbers from 0 up, not \[-2, -3\]/],
    ['a fraction', numbers(3), [1.5, 2], RangeError, /whole numbers/],
    ['NaN', numbers(0), [Number.NaN], RangeError, /whole numbers/],
    ['a string', numbers(2), ['2'], TypeError, /must be numbers/],
    ['no shape', numbers(2), undefined, TypeError, /shape must be an array of sizes/],
    ['a hole', numbers(1), new Array(1), TypeError, /must be numbers/],
    ['overflow', numbers(0), [2 ** 31, 2 ** 31], RangeError, /more elements than can be counted/],
    ['65 dimensions', numbers(1), new Array(65).fill(1), RangeError, /at most 64 dimensions/],
  ])('refuses %s', (_, data, shape, kind, words) => {
    const make = () => Reflect.construct(Tensor, [data, shape]);
    expect(make).toThrow(kind);
    expect(make).toThrow(words);
  });

  test('refuses shared, resizable and detached buffers', () => {
    const shared = new Float32Array(new SharedArrayBuffer(8));
    expect(() => new Tensor(shared, [2])).toThrow(/SharedArrayBuffer/);
    const resizable: ArrayBuffer = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]);
    expect(() => new Tensor(new Float32Array(resizable), [2])).toThrow(/resizable/);
    const gone = numbers(2);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expect(() => new Tensor(gone, [2])).toThrow(TypeError);
    expect(() => new Tensor(gone, [0])).toThrow(/detached/);
  });

  test('notices a buffer that was detached later', () => {
    const data = numbers(4);
    const tensor = new Tensor(data, [4]);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    for (const use of [() => tensor.data, () => tensor.toArray(), () => String(tensor)]) {
      expect(use).toThrow(TypeError);
      expect(use).toThrow(/detached/);
    }
  });
});

describe('Tensor.from and toArray', () => {
  test('are each other backwards', () => {
    const nested = [[[1, 2, 3]], [[4, 5, 6]]];
    expect(Tensor.from(nested).shape).toEqual([2, 1, 3]);
    expect(Tensor.from(nested).toArray()).toEqual(nested);
    expect(Tensor.from(7).shape).toEqual([]);
    expect(Tensor.from(7).toArray()).toBe(7);
    expect(Tensor.from([new Uint8Array([1, 2])]).toArray()).toEqual([[1, 2]]);
    expect(Tensor.from([[], []]).shape).toEqual([2, 0]);
  });

  test.each([
    [[[1, 2], [3]], ShapeError, /expected sequence of length 2 at dim 1 \(got 1\)/],
    [[[1], 2], ShapeError, /expected an array at dim 1/],
    [[1, [2]], ShapeError, /expected a number/],
    [[1, '2'], TypeError, /elements must be numbers, not '2'/],
    [[null], TypeError, /elements must be numbers, not null/],
    [new BigInt64Array(2), TypeError, /elements must be numbers/],
  ])('refuses case %#', (nested, kind, words) => {
    const make = () => Reflect.apply(Tensor.from, Tensor, [nested]);
    expect(make).toThrow(kind);
    expect(make).toThrow(words);
  });

  test('refuses an array that contains itself', () => {
    const endless: unknown[] = [];
    endless.push(endless);
    expect(() => Reflect.apply(Tensor.from, Tensor, [endless])).toThrow(/nested more than 64 deep/);
  });
});

describe('shapes', () => {
  test('reshape shares memory and infers one size', () => {
    const tensor = new Tensor(numbers(6), [2, 3]);
    const other = tensor.reshape([3, -1]);
    expect(other.shape).toEqual([3, 2]);
    other.data[0] = 9;
    expect(tensor.toArray()).toEqual([
      [9, 1, 2],
      [3, 4, 5],
    ]);
  });

  test.each([
    [[4, -1], ShapeError, /shape '\[4, -1\]' is invalid for input of size 6/],
    [[7], ShapeError, /shape '\[7\]' is invalid for input of size 6/],
    [[-1, -1], RangeError, /only one dimension can be inferred/],
    [[0, -1], ShapeError, /is invalid for input of size 6/],
    [[-2], RangeError, /whole numbers/],
  ])('reshape refuses case %#', (shape, kind, words) => {
    const reshape = () => new Tensor(numbers(6), [6]).reshape(shape);
    expect(reshape).toThrow(kind);
    expect(reshape).toThrow(words);
  });

  test('channelsLast changes no value and no shape', () => {
    const x = new Tensor(numbers(24), [2, 3, 2, 2]);
    const last = x.channelsLast();
    expect(last.shape).toEqual([2, 3, 2, 2]);
    expect(last.toArray()).toEqual(x.toArray());
    expect(last.channelsLast()).toBe(last);
    expect(last.reshape([24]).toArray()).toEqual(x.reshape([24]).toArray());
    expect(() => x.reshape([24]).channelsLast()).toThrow(ShapeError);
  });

  test('writing to .data is seen in every layout', () => {
    const last = new Tensor(numbers(12), [1, 3, 2, 2]).channelsLast();
    const alias = last.detach();
    last.data[5] = -1;
    expect(last.toArray()).toEqual(alias.toArray());
    expect(alias.reshape([12]).toArray()).toEqual([0, 1, 2, 3, 4, -1, 6, 7, 8, 9, 10, 11]);
  });

  test('channelsLast of one channel is a copy all the same', () => {
    const x = new Tensor(numbers(4), [1, 1, 2, 2]);
    const last = x.channelsLast();
    x.data[0] = 9;
    expect(last.toArray()).toEqual([
      [
        [
          [0, 1],
          [2, 3],
        ],
      ],
    ]);
    last.data[3] = 7;
    expect(x.toArray()).toEqual([
      [
        [
          [9, 1],
          [2, 3],
        ],
      ],
    ]);
  });

  test('item takes one element only', () => {
    expect(Tensor.from([[3]]).item()).toBe(3);
    expect(() => Tensor.from([1, 2]).item()).toThrow(
      /a Tensor with 2 elements cannot be converted to Scalar/,
    );
  });
});

describe('creation', () => {
  test('zeros, ones and full', () => {
    expect(Tensor.zeros([2]).toArray()).toEqual([0, 0]);
    expect(Tensor.ones([1, 2]).toArray()).toEqual([[1, 1]]);
    expect(Tensor.full([2], 0.5).toArray()).toEqual([0.5, 0.5]);
    expect(() => Tensor.zeros([2 ** 40])).toThrow(/cannot be allocated/);
    // Some systems would grant it, and end the process that writes it
    const beyond = Math.ceil(totalmem() / 4) + 1;
    expect(() => Tensor.zeros([beyond])).toThrow(/cannot be allocated; use a smaller batch/);
  });

  test('randn depends on the seed and the index alone', () => {
    const long = Tensor.randn([100], { seed: 7 });
    expect(Tensor.randn([2, 3], { seed: 7 }).reshape([6]).toArray()).toEqual([...long.data.subarray(0, 6)]);
    expect(Tensor.randn([4], { seed: 8 }).toArray()).not.toEqual([...long.data.subarray(0, 4)]);
  });

  test('randn has mean 0 and deviation 1, rand mean 1/2', () => {
    const mean = (data: Float32Array) => data.reduce((sum, value) => sum + value, 0) / data.length;
    const normal = Tensor.randn([40_000], { seed: 1 }).data;
    expect(Math.abs(mean(normal))).toBeLessThan(0.02);
    expect(Math.abs(mean(normal.map((value) => value * value)) - 1)).toBeLessThan(0.03);
    const uniform = Tensor.rand([40_000], { seed: 1 }).data;
    expect(Math.abs(mean(uniform) - 0.5)).toBeLessThan(0.01);
    expect(uniform.every((value) => value >= 0 && value < 1)).toBe(true);
  });

  test('manualSeed repeats the draws that follow', () => {
    manualSeed(3);
    const [first, second] = [Tensor.randn([5]), Tensor.randn([5])];
    manualSeed(3);
    expect(Tensor.randn([5]).toArray()).toEqual(first.toArray());
    expect(Tensor.randn([5]).toArray()).toEqual(second.toArray());
    expect(first.toArray()).not.toEqual(second.toArray());
    expect(() => manualSeed(Number.NaN)).toThrow(RangeError);
    expect(() => Tensor.randn([1], { seed: 0.5 })).toThrow(RangeError);
  });

  test('noGrad gives back what its function returns', () => {
    expect(noGrad(() => 5)).toBe(5);
    expect(() => Reflect.apply(noGrad, null, [5])).toThrow(TypeError);
  });
});

test('an unknown option of random numbers is an error, not a silent default', () => {
  const options: object = { sed: 1 };
  expect(() => Tensor.randn([2], options)).toThrow(TypeError);
  expect(() => Tensor.randn([2], options)).toThrow("there is no option 'sed'; the only one is 'seed'");
});
