// Padding moves numbers: every mode against a plain loop over the definition, in any dimensions and layout.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ops, ShapeError, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';

type Mode = 'constant' | 'reflect' | 'replicate' | 'circular';

/** Where position `at` of a dimension of `size` comes from; -1 for nowhere. */
function from(at: number, size: number, mode: Mode): number {
  if (at >= 0 && at < size) return at;
  if (mode === 'constant') return -1;
  if (mode === 'replicate') return Math.min(Math.max(at, 0), size - 1);
  if (mode === 'circular') return ((at % size) + size) % size;
  return at < 0 ? -at : 2 * size - 2 - at;
}

/** One dimension after another, on row-major data. */
function padded(x: Tensor, pairs: readonly (readonly number[])[], mode: Mode, value: number): Tensor {
  let [data, shape] = [x.data, [...x.shape]];
  pairs.forEach(([begin, end], i) => {
    const axis = shape.length - pairs.length + i;
    const inner = shape.slice(axis + 1).reduce((n, size) => n * size, 1);
    const size = shape[axis];
    const grown = size + begin + end;
    const outer = shape.slice(0, axis).reduce((n, extent) => n * extent, 1);
    const next = new Float32Array(outer * grown * inner);
    for (let o = 0; o < outer; o++)
      for (let p = 0; p < grown; p++)
        for (let k = 0; k < inner; k++) {
          const at = from(p - begin, size, mode);
          next[(o * grown + p) * inner + k] = at < 0 ? value : data[(o * size + at) * inner + k];
        }
    data = next;
    shape = shape.with(axis, grown);
  });
  return new Tensor(data, shape);
}

const problems = fc.record({
  shape: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }),
  amounts: fc.array(fc.tuple(fc.integer({ min: -2, max: 4 }), fc.integer({ min: -2, max: 4 })), {
    minLength: 0,
    maxLength: 6,
  }),
  mode: fc.constantFrom<Mode>('constant', 'reflect', 'replicate', 'circular'),
  seed: fc.nat(1000),
});

describe.each(contenders())('$name', (contender) => {
  test('random paddings of any dimensions follow the definition', () => {
    contender.use();
    let tried = 0;
    fc.assert(
      fc.property(problems, ({ shape, amounts, mode, seed }) => {
        const first = Math.max(0, shape.length - amounts.length);
        const own = shape.slice(first);
        const limit = (size: number) =>
          ({ constant: 9, replicate: 9, reflect: size - 1, circular: size })[mode];
        const pairs = own.map((size, i): [number, number] => {
          const [begin, end] = amounts[i].map((amount) => Math.min(amount, limit(size)));
          return size + begin + end < 1 ? [0, 0] : [begin, end];
        });
        tried++;
        const x = Tensor.randn(shape, { seed });
        const options = mode === 'constant' ? { mode, value: 2.5 } : { mode };
        const expected = padded(x, pairs, mode, 2.5);
        const y = ops.pad(x, { padding: pairs, ...options });
        expect(y.shape).toEqual(expected.shape);
        expect(bits(y)).toEqual(bits(expected));
        expect(bits(ops.pad(x, { padding: pairs.toReversed().flat(), ...options }))).toEqual(bits(expected));
        if (shape.length >= 3 && shape.length <= 5) {
          expect(bits(ops.pad(x.channelsLast(), { padding: pairs, ...options }))).toEqual(bits(expected));
        }
      }),
      { numRuns: 300, seed: 1 },
    );
    expect(tried).toBe(300);
  });

  test("padding first is the convolution's own padding, in every mode, bit for bit", () => {
    contender.use();
    const x = Tensor.randn([2, 5, 6, 7], { seed: 1 });
    const weight = Tensor.randn([4, 5, 3, 3], { seed: 2 });
    const padding = [
      [2, 1],
      [0, 3],
    ] as const;
    for (const mode of ['constant', 'reflect', 'replicate', 'circular'] as const) {
      const y = ops.conv2d(ops.pad(x, { padding, mode }), weight);
      const paddingMode = mode === 'constant' ? 'zeros' : mode;
      expect(bits(y)).toEqual(bits(ops.conv2d(x, weight, null, { padding, paddingMode })));
    }
  });

  test("PyTorch's examples", () => {
    contender.use();
    const shape = (padding: number[]) => ops.pad(Tensor.zeros([3, 3, 4, 2]), { padding }).shape;
    expect(shape([1, 1])).toEqual([3, 3, 4, 4]);
    expect(shape([1, 1, 2, 2])).toEqual([3, 3, 8, 4]);
    expect(shape([0, 1, 2, 1, 3, 3])).toEqual([3, 9, 7, 3]);
    expect(ops.pad(Tensor.from([1, 2]), { padding: [1, 0, 0, 0].slice(0, 2), value: -1 }).toArray()).toEqual([
      -1, 1, 2,
    ]);
    const x = Tensor.from([[1, 2, 3]]);
    expect(ops.pad(x, { padding: [3, 1], mode: 'circular' }).toArray()).toEqual([[1, 2, 3, 1, 2, 3, 1]]);
    expect(ops.pad(x, { padding: [1, 2], mode: 'replicate' }).toArray()).toEqual([[1, 1, 2, 3, 3, 3]]);
    expect(ops.pad(x, { padding: [-1, 0] }).toArray()).toEqual([[2, 3]]);
  });

  test('nothing to pad gives a copy; cropping all away gives nothing', () => {
    contender.use();
    const x = Tensor.from([[1, 2]]);
    const y = ops.pad(x, { padding: [0, 0] });
    y.data[0] = 7;
    expect(x.toArray()).toEqual([[1, 2]]);
    expect(ops.pad(x, { padding: [-1, -1] }).shape).toEqual([1, 0]);
    expect(ops.pad(Tensor.zeros([0, 2]), { padding: [1, 1] }).shape).toEqual([0, 4]);
    expect(ops.pad(Tensor.zeros([2, 0]), { padding: [1, 1], value: 3 }).toArray()).toEqual([
      [3, 3],
      [3, 3],
    ]);
  });
});

const x = Tensor.zeros([1, 2, 4]);

test.each<[string, unknown, new () => Error, string]>([
  ['no padding', {}, TypeError, 'pad: padding is missing'],
  [
    'a number',
    { padding: 1 },
    TypeError,
    'padding must be a list, not 1; give [begin, end] pairs, or the last dimension first',
  ],
  ['an odd list', { padding: [1, 2, 3] }, RangeError, 'Padding length must be divisible by 2'],
  ['half a pair', { padding: [[1, 2], [3]] }, RangeError, 'a padding pair is [begin, end]'],
  [
    'too many',
    { padding: [1, 1, 1, 1, 1, 1, 1, 1] },
    ShapeError,
    'Padding length should be less than or equal to two times the input dimension but got padding length 8 and input of dimension 3',
  ],
  [
    'reflection',
    { padding: [4, 0], mode: 'reflect' },
    ShapeError,
    'Padding size should be less than the corresponding input dimension, but got: padding (4, 0) at dimension 2 of input [1, 2, 4]',
  ],
  [
    'a circle',
    { padding: [0, 5], mode: 'circular' },
    ShapeError,
    'Padding value causes wrapping around more than once, but got: padding (0, 5)',
  ],
  ['cropping', { padding: [-3, -2] }, ShapeError, 'resulted in a negative output size, which is invalid'],
  ['size', { padding: [2 ** 31 - 1, 0] }, RangeError, 'a padded dimension has at most 2147483647 positions'],
  [
    'mode',
    { padding: [1, 1], mode: 'edge' },
    RangeError,
    "mode must be one of {'constant', 'reflect', 'replicate', 'circular'}",
  ],
  [
    'value',
    { padding: [1, 1], mode: 'reflect', value: 1 },
    RangeError,
    'Padding mode "reflect" doesn\'t take in value argument',
  ],
  ['value', { padding: [1, 1], value: '1' }, TypeError, "value must be a number, not '1'"],
  ['amount', { padding: [1.5, 1] }, RangeError, 'padding must be a whole number'],
])('wrong %s: %j', (_, options, Class, words) => {
  const run = () => Reflect.apply(ops.pad, null, [x, options]);
  expect(run).toThrow(Class);
  expect(run).toThrow(words);
});
