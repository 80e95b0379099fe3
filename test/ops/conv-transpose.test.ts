// Transposed convolution: against PyTorch within the direct bound |y - y64| <= (K + 2) * u * (sum |x * w| + |bias|), u = 2^-24
// and K taps; against its definition on whole numbers, which come out exact; as the transpose of conv2d.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ops, ShapeError, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits, wholeNumbers } from '../support/bits.js';
import { sumConvTranspose } from '../support/conv64.js';
import { vectorCases } from '../support/vectors.js';

const UNIT = 2 ** -24;
const operations = {
  conv_transpose1d: ops.convTranspose1d,
  conv_transpose2d: ops.convTranspose2d,
  conv_transpose3d: ops.convTranspose3d,
};
const byRank = [ops.convTranspose1d, ops.convTranspose2d, ops.convTranspose3d];
const cases = Object.entries(operations).flatMap(([name, operation]) =>
  vectorCases('conv_transpose', name).map((one) => ({ ...one, operation })),
);

const axis = fc.record({
  size: fc.integer({ min: 1, max: 7 }),
  kernel: fc.integer({ min: 1, max: 4 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 3 }),
  padding: fc.integer({ min: 0, max: 2 }),
  extra: fc.integer({ min: 0, max: 2 }),
});
const layers = fc.record({
  axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
  groups: fc.constantFrom(1, 1, 2, 3, 16),
  inputs: fc.constantFrom(1, 2, 3, 17),
  outputs: fc.constantFrom(1, 1, 2, 5, 17),
  batch: fc.integer({ min: 1, max: 2 }),
  bias: fc.boolean(),
  seed: fc.nat(1000),
});

describe.each(contenders())('$name', (contender) => {
  test.each(cases)('$name', (one) => {
    contender.use();
    const [x, weight, expected] = [one.tensor('x'), one.tensor('weight'), one.tensor('y')];
    const bias = one.has('bias') ? one.tensor('bias') : null;
    const y = one.operation(x, weight, bias, one.params);
    expect(y.shape).toEqual(expected.shape);
    const { sums, taps } = sumConvTranspose(x, weight, bias, one.params, y.shape, Math.abs);
    const beyond = Array.from(y.data, (value, i) => ({
      value,
      expected: expected.data[i],
      bound: (taps + 2) * UNIT * sums[i],
    })).filter(({ value, expected, bound }) => !(Math.abs(value - expected) <= bound));
    expect(beyond).toEqual([]);
  });

  test('random layers of whole numbers are exact, in every layout, whole or image by image', () => {
    contender.use();
    let tried = 0;
    fc.assert(
      fc.property(layers, ({ axes, groups, inputs, outputs, batch, bias, seed }) => {
        const of = (name: keyof (typeof axes)[number]) => axes.map((one) => one[name]);
        const params = {
          stride: of('stride'),
          dilation: of('dilation'),
          padding: of('padding'),
          outputPadding: axes.map((one) => Math.min(one.extra, Math.max(one.stride, one.dilation) - 1)),
          groups,
        };
        const size = axes.map(
          (one, i) =>
            (one.size - 1) * one.stride -
            2 * one.padding +
            one.dilation * (one.kernel - 1) +
            1 +
            params.outputPadding[i],
        );
        fc.pre(size.every((extent) => extent > 0));
        tried++;
        const x = wholeNumbers([batch, inputs * groups, ...of('size')], seed);
        const weight = wholeNumbers([inputs * groups, outputs, ...of('kernel')], seed + 1);
        const biases = bias ? wholeNumbers([outputs * groups], seed + 2) : null;
        const y = byRank[axes.length - 1](x, weight, biases, params);
        expect(y.shape).toEqual([batch, outputs * groups, ...size]);
        const { sums } = sumConvTranspose(x, weight, biases, params, y.shape, (product) => product);
        expect(y.data).toEqual(Float32Array.from(sums, (sum) => sum + 0));
        if (axes.length > 1) {
          expect(bits(byRank[axes.length - 1](x.channelsLast(), weight, biases, params))).toEqual(bits(y));
        }
        const image = x.data.length / batch;
        const last = new Tensor(x.data.slice((batch - 1) * image), x.shape.slice(1));
        const alone = byRank[axes.length - 1](last, weight, biases, params);
        expect(bits(alone)).toEqual(bits(y).slice(((batch - 1) * y.data.length) / batch));
      }),
      { numRuns: 30, seed: 1 },
    );
    expect(tried).toBeGreaterThan(15);
  });

  test('by hand', () => {
    contender.use();
    const x = Tensor.from([[1, 2, 3]]);
    const weight = Tensor.from([[[1, 10, 100]]]);
    expect(ops.convTranspose1d(x, weight).toArray()).toEqual([[1, 12, 123, 230, 300]]);
    expect(ops.convTranspose1d(x, weight, null, { stride: 2 }).toArray()).toEqual([
      [1, 10, 102, 20, 203, 30, 300],
    ]);
    const cut = { stride: 2, padding: [[1, 0]], outputPadding: 1 } as const;
    expect(ops.convTranspose1d(x, weight, Tensor.from([0.5]), cut).toArray()).toEqual([
      [10.5, 102.5, 20.5, 203.5, 30.5, 300.5, 0.5],
    ]);
    expect(ops.convTranspose1d(x, weight, null, { dilation: 2, activation: 'relu6' }).toArray()).toEqual([
      [1, 2, 6, 6, 6, 6, 6],
    ]);
    // A kernel shorter than the stride leaves gaps
    const point = Tensor.from([[[[2]]]]);
    expect(
      ops.convTranspose2d(Tensor.from([[[1, 2]]]), point, null, { stride: 2, outputPadding: 1 }).toArray(),
    ).toEqual([
      [
        [2, 0, 4, 0],
        [0, 0, 0, 0],
      ],
    ]);
  });

  test("padding 'same' multiplies the size by the stride, wider kernel or not", () => {
    contender.use();
    for (const kernel of [1, 2, 3, 4, 5]) {
      for (const stride of [1, 2, 3]) {
        const x = wholeNumbers([1, 2, 5, 4], kernel);
        const weight = wholeNumbers([2, 3, kernel, kernel], stride);
        for (const padding of ['same', 'same-lower'] as const) {
          const y = ops.convTranspose2d(x, weight, null, { stride, padding });
          expect(y.shape).toEqual([1, 3, 5 * stride, 4 * stride]);
          // <convTranspose(x), z> = <x, conv(z)> with the convolution that pads by the same rule
          const z = wholeNumbers([1, 3, 5 * stride, 4 * stride], 7);
          const back = ops.conv2d(z, weight, null, { stride, padding });
          const dot = (a: Tensor, b: Tensor) => a.data.reduce((sum, value, i) => sum + value * b.data[i], 0);
          expect(dot(y, z)).toBe(dot(x, back));
        }
      }
    }
  });

  test('outputSize takes a strided convolution back to any size it came from', () => {
    contender.use();
    const weight = wholeNumbers([4, 2, 3, 3], 1);
    for (const size of [15, 16]) {
      const x = wholeNumbers([1, 2, size, size], size);
      const options = { stride: 2, padding: 1 };
      const y = ops.conv2d(x, weight, null, options);
      expect(y.shape).toEqual([1, 4, 8, 8]);
      expect(ops.convTranspose2d(y, weight, null, { ...options, outputSize: [size, size] }).shape).toEqual(
        x.shape,
      );
      expect(ops.convTranspose2d(y, weight, null, { ...options, outputSize: x.shape }).shape).toEqual(
        x.shape,
      );
      expect(ops.convTranspose2d(y, weight, null, { ...options, outputSize: size }).shape).toEqual(x.shape);
    }
  });

  test('a stride of hundreds of thousands costs no more than its output', () => {
    contender.use();
    const stride = 300_000;
    const x = Tensor.from([[2, 3]]);
    const begun = process.memoryUsage().rss;
    const y = ops.convTranspose1d(x, Tensor.from([[[1, 5]]]), Tensor.from([0.5]), {
      stride,
      padding: [[0, 1]],
    });
    expect(y.shape).toEqual([1, stride + 1]);
    expect(process.memoryUsage().rss - begun).toBeLessThan(100e6);
    const expected = new Float32Array(stride + 1).fill(0.5);
    expected.set([2.5, 10.5]);
    expected[stride] = 3.5;
    expect(y.data).toEqual(expected);
  });

  test('an empty batch gives an empty output', () => {
    contender.use();
    const y = ops.convTranspose3d(Tensor.zeros([0, 2, 3, 3, 3]), Tensor.ones([2, 1, 2, 2, 2]), null, {
      stride: 2,
    });
    expect(y.shape).toEqual([0, 1, 6, 6, 6]);
  });
});

test('there are 12, 28 and 8 cases, output padding, dilation, groups and biases among them', () => {
  const counts = Object.keys(operations).map((op) => cases.filter((one) => one.op === op).length);
  expect(counts).toEqual([12, 28, 8]);
  const some = (name: string, least: number) =>
    cases.some((one) => Array.isArray(one.params[name]) && one.params[name].some((n: number) => n > least));
  expect(some('outputPadding', 0)).toBe(true);
  expect(some('dilation', 1)).toBe(true);
  expect(cases.some((one) => Number(one.params.groups) > 1)).toBe(true);
  expect(cases.some((one) => one.has('bias'))).toBe(true);
});

const x = Tensor.zeros([1, 4, 8, 8]);
const weight = Tensor.zeros([4, 2, 3, 3]);

test.each<[string, unknown[], new () => Error, string]>([
  [
    'channels',
    [Tensor.zeros([1, 3, 8, 8]), weight],
    ShapeError,
    'Given transposed=1, weight of size [4, 2, 3, 3], expected input[1, 3, 8, 8] to have 4 channels, but got 3 channels instead',
  ],
  [
    'rank',
    [Tensor.zeros([8, 8]), weight],
    ShapeError,
    'Expected 3D (unbatched) or 4D (batched) input to convTranspose2d, but got input of size: [8, 8]',
  ],
  [
    'weight',
    [x, Tensor.zeros([4, 2, 3])],
    ShapeError,
    'weight must be [inChannels, outChannels / groups, kernelHeight, kernelWidth]',
  ],
  ['groups', [x, weight, null, { groups: 3 }], ShapeError, 'in_channels must be divisible by groups'],
  [
    'bias',
    [x, weight, Tensor.zeros([2]), { groups: 2 }],
    ShapeError,
    'expected bias to be 1-dimensional with 4 elements',
  ],
  [
    'output padding',
    [x, weight, null, { stride: 2, outputPadding: 2 }],
    RangeError,
    'output padding must be smaller than either stride or dilation, but got outputPadding=[2, 2], stride=[2, 2] and dilation=[1, 1]',
  ],
  [
    'padding mode',
    [x, weight, null, { paddingMode: 'reflect' }],
    RangeError,
    'Only "zeros" padding mode is supported for convTranspose2d',
  ],
  [
    'output size',
    [x, weight, null, { stride: 2, outputSize: [30, 30] }],
    ShapeError,
    'requested an output size of (30, 30), but valid sizes range from [17, 17] to [18, 18] (for an input of [8, 8])',
  ],
  [
    'output size of other rank',
    [x, weight, null, { outputSize: [1, 2, 3] }],
    RangeError,
    'for 4D input, output_size must have 2 or 4 elements (got 3)',
  ],
  [
    'output size of other kind',
    [x, weight, null, { outputSize: 'big' }],
    TypeError,
    "outputSize must be a number or a list of numbers, not 'big'",
  ],
  [
    'too much padding',
    [x, weight, null, { padding: 6 }],
    ShapeError,
    'Given input size per channel: (8 x 8). Calculated output size per channel: (-2 x -2). Output size is too small',
  ],
  [
    "outputPadding beside 'same'",
    [x, weight, null, { padding: 'same', stride: 2, outputPadding: 1 }],
    RangeError,
    "outputPadding has no place beside padding 'same'",
  ],
  ['causal', [x, weight, null, { padding: 'causal' }], RangeError, "Invalid padding string 'causal'"],
  ['option', [x, weight, null, { output_padding: 1 }], TypeError, "did you mean 'outputPadding'?"],
])('wrong %s', (_, args, Class, words) => {
  const thrown = (() => {
    try {
      Reflect.apply(ops.convTranspose2d, null, args);
    } catch (error) {
      return error;
    }
  })();
  expect(thrown).toBeInstanceOf(Class);
  expect(String(thrown)).toContain('convTranspose2d: ');
  expect(String(thrown)).toContain(words);
});
