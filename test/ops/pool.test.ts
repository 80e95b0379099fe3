// Pooling against PyTorch and by hand. A mean of n elements is n - 1 additions and one division in some order, so it is within
// n * u * mean |x| of the truth; a maximum is exact.

import { describe, expect, test } from 'vitest';
import { ops, ShapeError, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { vectorCases } from '../support/vectors.js';

const UNIT = 2 ** -24;
/** max_pool2d is maxPool2d, and so on for every kind and number of dimensions. */
const byName = Object.fromEntries(
  ['max_pool', 'avg_pool', 'adaptive_avg_pool', 'adaptive_max_pool'].flatMap((kind) =>
    [1, 2, 3].map((rank) => {
      const op = `${kind}${rank}d`;
      return [op, op.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())];
    }),
  ),
);
type Pooling = (x: Tensor, options: Record<string, unknown>) => Tensor;
const call = (name: string): Pooling => {
  const found: unknown = Reflect.get(ops, name);
  if (typeof found !== 'function') throw new Error(`there is no ops.${name}`);
  return (x, options) => Reflect.apply(found, null, [x, options]);
};

/** An element's gradient adds at most one share of each output. */
function expectGradient(x: Tensor, y: Tensor, one: { tensor(role: string): Tensor }): void {
  const upstream = one.tensor('grad_y');
  y.backward(upstream);
  const { grad } = x;
  if (grad === null) throw new Error('no gradient');
  const expected = one.tensor('grad_x');
  expect(grad.shape).toEqual(expected.shape);
  const largest = upstream.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const windows = y.shape.slice(2).reduce((product, size) => product * size, 1);
  grad.data.forEach((value, i) => {
    expect(Math.abs(value - expected.data[i])).toBeLessThanOrEqual(windows * UNIT * largest);
  });
}

describe.each(contenders())('$name', (contender) => {
  for (const [op, name] of Object.entries(byName)) {
    const cases = vectorCases('pool', op);
    if (cases.length > 0)
      test.each(cases)(`${name} $name`, (one) => {
        contender.use();
        const x = one.tensor('x');
        x.requiresGrad = true;
        const y = call(name)(x, one.params);
        const expected = one.tensor('y');
        expect(y.shape).toEqual(expected.shape);
        expectGradient(x, y, one);
        if (/max/i.test(name)) {
          expect(y.data).toEqual(expected.data);
          return;
        }
        const largest = x.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const taps = x.shape.slice(2).reduce((product, size) => product * size, 1);
        y.data.forEach((value, i) => {
          expect(Math.abs(value - expected.data[i])).toBeLessThanOrEqual(taps * UNIT * largest);
        });
      });
  }

  test('whole numbers by hand', () => {
    contender.use();
    const x = new Tensor(
      Float32Array.from({ length: 25 }, (_, i) => i),
      [1, 1, 5, 5],
    );
    expect(ops.maxPool2d(x, { kernelSize: 2 }).toArray()).toEqual([
      [
        [
          [6, 8],
          [16, 18],
        ],
      ],
    ]);
    expect(ops.maxPool2d(x, { kernelSize: 2, ceilMode: true }).shape).toEqual([1, 1, 3, 3]);
    expect(ops.maxPool2d(x, { kernelSize: 2, stride: 3, dilation: 3 }).toArray()).toEqual([[[[18]]]]);
    expect(ops.avgPool2d(x, { kernelSize: [1, 4], stride: 1 }).shape).toEqual([1, 1, 5, 2]);
    const ones = Tensor.ones([1, 1, 3, 3]);
    const padded = { kernelSize: 2, padding: 1 };
    expect(ops.avgPool2d(ones, padded).toArray()).toEqual([
      [
        [
          [0.25, 0.5],
          [0.5, 1],
        ],
      ],
    ]);
    expect(ops.avgPool2d(ones, { ...padded, countIncludePad: false }).toArray()).toEqual([
      [
        [
          [1, 1],
          [1, 1],
        ],
      ],
    ]);
    expect(ops.adaptiveAvgPool2d(x, { outputSize: [1, null] }).toArray()).toEqual([[[[10, 11, 12, 13, 14]]]]);
  });

  test('a window that ceilMode adds never begins in the padding at the end', () => {
    contender.use();
    const x = Tensor.ones([1, 1, 4, 4]);
    expect(ops.maxPool2d(x, { kernelSize: 2, stride: 3, ceilMode: true }).shape).toEqual([1, 1, 2, 2]);
    expect(ops.maxPool2d(x, { kernelSize: 2, stride: 4, padding: 1, ceilMode: true }).shape).toEqual([
      1, 1, 2, 2,
    ]);
    expect(ops.avgPool2d(x, { kernelSize: 3, stride: 3, ceilMode: true }).toArray()).toEqual([
      [
        [
          [1, 1],
          [1, 1],
        ],
      ],
    ]);
  });

  test('NaN is the largest; negative numbers beat padding', () => {
    contender.use();
    const x = Tensor.from([
      [
        [
          [-5, -3],
          [Number.NaN, -7],
        ],
      ],
    ]);
    expect(ops.maxPool2d(x, { kernelSize: 2 }).item()).toBeNaN();
    expect(ops.maxPool2d(Tensor.full([1, 1, 2, 2], -4), { kernelSize: 2, padding: 1 }).toArray()).toEqual([
      [
        [
          [-4, -4],
          [-4, -4],
        ],
      ],
    ]);
  });

  test('layout, batch split and batching change no bit', () => {
    contender.use();
    const x = Tensor.randn([2, 5, 9, 8], { seed: 1 });
    for (const name of ['maxPool2d', 'avgPool2d'] as const) {
      const options = { kernelSize: 3, stride: 2, padding: 1 };
      const y = bits(ops[name](x, options));
      expect(bits(ops[name](x.channelsLast(), options))).toEqual(y);
      const second = new Tensor(x.data.slice(360), [5, 9, 8]);
      expect(bits(ops[name](second, options))).toEqual(y.slice(y.length / 2));
    }
    expect(ops.maxPool2d(Tensor.zeros([0, 5, 9, 8]), { kernelSize: 3 }).shape).toEqual([0, 5, 3, 2]);
  });

  const x = Tensor.zeros([1, 2, 4, 4]);
  const wrong: [string, unknown, new () => Error, string][] = [
    ['maxPool2d', undefined, TypeError, 'maxPool2d: kernelSize is missing'],
    [
      'maxPool2d',
      { kernelSize: 5 },
      ShapeError,
      'Given input size: (2x1x4x4). Calculated output size: (2x1x0x0). Output size is too small',
    ],
    ['maxPool2d', { kernelSize: 0 }, RangeError, 'kernel size should be greater than zero'],
    ['maxPool2d', { kernelSize: 2, stride: 0 }, RangeError, 'stride should not be zero'],
    [
      'maxPool2d',
      { kernelSize: 2, padding: 2 },
      RangeError,
      'pad should be at most half of effective kernel size, but got pad=2, kernelSize=2 and dilation=1',
    ],
    [
      'maxPool2d',
      { kernelSize: 2, countIncludePad: true },
      TypeError,
      "there is no option 'countIncludePad'",
    ],
    ['avgPool2d', { kernelSize: 2, ceilMode: 1 }, TypeError, 'ceilMode must be true or false, not 1'],
    ['avgPool2d', { kernel_size: 2 }, TypeError, "did you mean 'kernelSize'?"],
    ['adaptiveAvgPool2d', { outputSize: 0 }, RangeError, 'output size must be positive'],
    ['adaptiveAvgPool2d', { outputSize: [1, 2, 3] }, RangeError, 'a single number or a list of 2'],
    ['adaptiveAvgPool2d', {}, TypeError, 'outputSize is missing'],
  ];
  test.each(wrong)('%s refuses %j', (name, options, kind, words) => {
    contender.use();
    const pool = () => Reflect.apply(call(name), null, [x, options]);
    expect(pool).toThrow(kind);
    expect(pool).toThrow(words);
  });

  test('wrong ranks and empty images', () => {
    contender.use();
    expect(() => ops.maxPool2d(Tensor.zeros([4, 4]), { kernelSize: 2 })).toThrow(
      /Expected 3D \(unbatched\) or 4D/,
    );
    expect(() => ops.maxPool2d(Tensor.zeros([1, 2, 0, 4]), { kernelSize: 2 })).toThrow(ShapeError);
    expect(() =>
      ops.maxPool2d(Tensor.zeros([1, 1, 1, 1]), { kernelSize: 2, dilation: 5, padding: 3 }),
    ).toThrow(/window 0 lies in the padding/);
  });
});

test("all of PyTorch's 40 cases are among the tests", () => {
  const counted = Object.keys(byName).reduce((total, op) => total + vectorCases('pool', op).length, 0);
  expect(counted).toBe(40);
});
