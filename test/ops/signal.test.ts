// True convolution and correlation: against their definitions on whole numbers, the algebra that tells them apart, and
// what NumPy and SciPy call 'same'.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ops, ShapeError, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits, wholeNumbers } from '../support/bits.js';

type Mode = 'full' | 'same' | 'valid';

/** The full convolution of matrices by its definition, then the middle of it that a mode gives. */
function convolved(x: number[][], kernel: number[][], mode: Mode): number[][] {
  const [h, w, kh, kw] = [x.length, x[0].length, kernel.length, kernel[0].length];
  const full = Array.from({ length: h + kh - 1 }, () => new Array<number>(w + kw - 1).fill(0));
  for (let i = 0; i < h; i++)
    for (let j = 0; j < w; j++)
      for (let a = 0; a < kh; a++) for (let b = 0; b < kw; b++) full[i + a][j + b] += x[i][j] * kernel[a][b];
  const part = <T>(list: T[], size: number, k: number): T[] => {
    if (mode === 'full') return list;
    if (mode === 'valid') return list.slice(k - 1, size);
    const start = Math.floor((k - 1) / 2); // scipy.signal's _centered
    return list.slice(start, start + size);
  };
  return part(full, h, kh).map((row) => part(row, w, kw));
}

const matrix = (tensor: Tensor): number[][] => {
  const [rows, columns] = tensor.shape;
  return Array.from({ length: rows }, (_, i) => [...tensor.data.slice(i * columns, (i + 1) * columns)]);
};
const turned = (kernel: number[][]): number[][] => kernel.toReversed().map((row) => row.toReversed());

const problems = fc.record({
  size: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
  kernel: fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 })),
  mode: fc.constantFrom<Mode>('full', 'same', 'valid'),
  seed: fc.nat(1000),
});

describe.each(contenders())('$name', (contender) => {
  test('random images of whole numbers follow the definition, in one and two dimensions', () => {
    contender.use();
    fc.assert(
      fc.property(problems, ({ size, kernel: k, mode, seed }) => {
        fc.pre(mode !== 'valid' || (k[0] <= size[0] && k[1] <= size[1]));
        const [x, kernel] = [wholeNumbers([...size], seed), wholeNumbers([...k], seed + 1)];
        const expected = convolved(matrix(x), matrix(kernel), mode);
        expect(ops.convolve2d(x, kernel, { mode }).toArray()).toEqual(expected);
        const other = convolved(matrix(x), turned(matrix(kernel)), mode);
        expect(ops.correlate2d(x, kernel, { mode }).toArray()).toEqual(other);

        const row = new Tensor(x.data.slice(0, size[1]), [size[1]]);
        const taps = new Tensor(kernel.data.slice(0, k[1]), [k[1]]);
        const [line] = convolved([[...row.data]], [[...taps.data]], mode);
        expect(ops.convolve1d(row, taps, { mode }).toArray()).toEqual(line);
        const [back] = convolved([[...row.data]], [[...taps.data].reverse()], mode);
        expect(ops.correlate1d(row, taps, { mode }).toArray()).toEqual(back);
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  test("NumPy's and SciPy's answers, an even kernel's 'same' among them", () => {
    contender.use();
    const x = Tensor.from([1, 2, 3, 4]);
    const even = Tensor.from([1, 10]);
    // np.convolve([1, 2, 3, 4], [1, 10]) and its modes
    expect(ops.convolve1d(x, even).toArray()).toEqual([1, 12, 23, 34, 40]);
    expect(ops.convolve1d(x, even, { mode: 'same' }).toArray()).toEqual([1, 12, 23, 34]);
    expect(ops.convolve1d(x, even, { mode: 'valid' }).toArray()).toEqual([12, 23, 34]);
    // np.correlate([1, 2, 3, 4], [1, 10], mode)
    expect(ops.correlate1d(x, even).toArray()).toEqual([10, 21, 32, 43, 4]);
    expect(ops.correlate1d(x, even, { mode: 'same' }).toArray()).toEqual([10, 21, 32, 43]);
    expect(ops.correlate1d(x, even, { mode: 'valid' }).toArray()).toEqual([21, 32, 43]);
    const ones = Tensor.ones([1, 1]);
    expect(ops.convolve2d(Tensor.from([[7]]), ones).toArray()).toEqual([[7]]);
  });

  test('convolution is commutative, and the response to an impulse is the kernel; correlation turns it', () => {
    contender.use();
    const [x, kernel] = [wholeNumbers([5, 4], 1), wholeNumbers([2, 3], 2)];
    expect(ops.convolve2d(x, kernel).toArray()).toEqual(ops.convolve2d(kernel, x).toArray());
    const impulse = Tensor.from([
      [0, 0, 0],
      [0, 1, 0],
      [0, 0, 0],
    ]);
    const three = wholeNumbers([3, 3], 3);
    expect(ops.convolve2d(impulse, three, { mode: 'same' }).toArray()).toEqual(three.toArray());
    expect(ops.correlate2d(impulse, three, { mode: 'same' }).toArray()).toEqual(turned(matrix(three)));
  });

  test('leading dimensions are images of their own; a changed kernel is seen', () => {
    contender.use();
    const x = Tensor.randn([2, 3, 5, 6], { seed: 1 });
    const kernel = Tensor.randn([3, 2], { seed: 2 });
    const y = ops.convolve2d(x, kernel, { mode: 'same' });
    expect(y.shape).toEqual([2, 3, 5, 6]);
    const last = ops.convolve2d(new Tensor(x.data.slice(150), [5, 6]), kernel, { mode: 'same' });
    expect(bits(last)).toEqual(bits(y).slice(150));
    expect(ops.correlate1d(Tensor.zeros([0, 8]), Tensor.ones([3])).shape).toEqual([0, 10]);
    const before = ops.convolve2d(x, kernel).data[0];
    kernel.data[0] *= 2;
    expect(ops.convolve2d(x, kernel).data[0]).toBe(2 * before);
  });
});

test.each<[string, unknown[], new () => Error, string]>([
  [
    'convolve2d',
    [Tensor.zeros([4]), Tensor.zeros([2, 2])],
    ShapeError,
    'convolve2d: x must be at least two-dimensional and not empty, but got input of size: [4]',
  ],
  [
    'convolve2d',
    [Tensor.zeros([4, 4]), Tensor.zeros([2])],
    ShapeError,
    'kernel must be two-dimensional and not empty, but got kernel of size: [2]',
  ],
  [
    'correlate1d',
    [Tensor.zeros([4]), Tensor.zeros([0])],
    ShapeError,
    'kernel must be one-dimensional and not empty',
  ],
  [
    'correlate1d',
    [Tensor.zeros([4]), Tensor.zeros([5]), { mode: 'valid' }],
    ShapeError,
    "with mode 'valid' the kernel must fit into x",
  ],
  [
    'convolve1d',
    [Tensor.zeros([4]), Tensor.zeros([5]), { mode: 'wrap' }],
    RangeError,
    "mode must be one of {'full', 'same', 'valid'}",
  ],
  ['convolve1d', [[1, 2], Tensor.zeros([5])], TypeError, 'x must be a Tensor'],
])('%s refuses %j', (name, args, Class, words) => {
  const run = () => Reflect.apply(Reflect.get(ops, name), null, args);
  expect(run).toThrow(Class);
  expect(run).toThrow(words);
});
