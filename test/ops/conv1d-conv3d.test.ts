// One- and three-dimensional convolution by hand, causal padding, and what both have in common with conv2d bit for bit.

import { describe, expect, test } from 'vitest';
import { ops, ShapeError, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits, wholeNumbers } from '../support/bits.js';

describe.each(contenders())('$name', (contender) => {
  test('conv1d by hand: stride, a pair of paddings, dilation, groups, bias, activation', () => {
    contender.use();
    const x = Tensor.from([[[1, 2, 3, 4, 5]]]);
    const difference = Tensor.from([[[-1, 1]]]);
    expect(ops.conv1d(x, difference).toArray()).toEqual([[[1, 1, 1, 1]]]);
    expect(ops.conv1d(x, difference, null, { padding: [[1, 2]] }).toArray()).toEqual([
      [[1, 1, 1, 1, 1, -5, 0]],
    ]);
    expect(ops.conv1d(x, difference, Tensor.from([0.5]), { stride: 2, dilation: 2 }).toArray()).toEqual([
      [[2.5, 2.5]],
    ]);
    const two = Tensor.from([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const each = Tensor.from([[[1]], [[-1]]]);
    expect(ops.conv1d(two, each, null, { groups: 2, activation: 'relu' }).toArray()).toEqual([
      [1, 2, 3],
      [0, 0, 0],
    ]);
  });

  test('conv3d by hand: a cube of ones counts its neighbours', () => {
    contender.use();
    const y = ops.conv3d(Tensor.ones([1, 1, 3, 3, 3]), Tensor.ones([1, 1, 3, 3, 3]), null, { padding: 1 });
    const edge = [
      [8, 12, 8],
      [12, 18, 12],
      [8, 12, 8],
    ];
    const middle = [
      [12, 18, 12],
      [18, 27, 18],
      [12, 18, 12],
    ];
    expect(y.toArray()).toEqual([[[edge, middle, edge]]]);
  });

  test('causal outputs never depend on the future', () => {
    contender.use();
    const weight = Tensor.randn([4, 2, 3], { seed: 2 });
    for (const [dilation, stride] of [
      [1, 1],
      [4, 1],
      [2, 3],
    ]) {
      const x = Tensor.randn([1, 2, 20], { seed: 1 });
      const options = { padding: 'causal', dilation, stride } as const;
      const before = ops.conv1d(x, weight, null, options);
      expect(before.shape).toEqual([1, 4, Math.ceil(20 / stride)]);
      const changed = Tensor.randn([1, 2, 20], { seed: 1 });
      const now = 11;
      for (const channel of [0, 20]) changed.data.fill(99, channel + now + 1, channel + 20);
      const after = ops.conv1d(changed, weight, null, options);
      const length = before.shape[2];
      const known = Math.floor(now / stride) + 1;
      for (let k = 0; k < 4; k++) {
        const row = (y: Tensor) => y.data.slice(k * length, k * length + known);
        expect(row(after)).toEqual(row(before));
        expect(after.data[k * length + known]).not.toBe(before.data[k * length + known]);
      }
    }
  });

  test('one code path: conv1d is conv2d of one row, conv2d is conv3d of one plane, bit for bit', () => {
    contender.use();
    const options = { stride: 2, dilation: 2, groups: 2, activation: 'gelu' } as const;
    const x = Tensor.randn([2, 6, 31], { seed: 3 });
    const weight = Tensor.randn([10, 3, 5], { seed: 4 });
    const bias = Tensor.randn([10], { seed: 5 });
    const line = ops.conv1d(x, weight, bias, { ...options, padding: [[3, 1]], paddingMode: 'reflect' });
    const row = ops.conv2d(x.reshape([2, 6, 1, 31]), weight.reshape([10, 3, 1, 5]), bias, {
      ...options,
      padding: [0, [3, 1]],
      paddingMode: 'reflect',
    });
    expect(bits(line)).toEqual(bits(row));
    const image = Tensor.randn([2, 6, 9, 8], { seed: 6 });
    const kernel = Tensor.randn([10, 3, 3, 2], { seed: 7 });
    const plane = ops.conv3d(image.reshape([2, 6, 1, 9, 8]), kernel.reshape([10, 3, 1, 3, 2]), bias, options);
    expect(bits(plane)).toEqual(bits(ops.conv2d(image, kernel, bias, options)));
  });

  test('unbatched, empty and channels-last input', () => {
    contender.use();
    const clip = Tensor.randn([2, 3, 4, 6, 5], { seed: 8 });
    const weight = Tensor.randn([4, 3, 2, 3, 3], { seed: 9 });
    const y = ops.conv3d(clip, weight);
    expect(bits(ops.conv3d(clip.channelsLast(), weight))).toEqual(bits(y));
    const first = new Tensor(clip.data.slice(0, 3 * 4 * 6 * 5), [3, 4, 6, 5]);
    const alone = ops.conv3d(first, weight);
    expect(alone.shape).toEqual(y.shape.slice(1));
    expect(bits(alone)).toEqual(bits(y).slice(0, alone.data.length));
    expect(ops.conv3d(Tensor.zeros([0, 3, 4, 6, 5]), weight).shape).toEqual([0, 4, 3, 4, 3]);
    expect(ops.conv1d(Tensor.zeros([0, 1, 9]), Tensor.ones([2, 1, 3])).shape).toEqual([0, 2, 7]);
    expect(ops.conv1d(Tensor.zeros([1, 9]), Tensor.ones([2, 1, 3])).shape).toEqual([2, 7]);
  });
});

test('linear is the pointwise convolution of every position, bit for bit', () => {
  const x = wholeNumbers([2, 5, 7], 1);
  const weight = Tensor.randn([4, 5], { seed: 2 });
  const y = ops.conv1d(x, weight.reshape([4, 5, 1]));
  const rows = new Tensor(
    Float32Array.from(
      { length: 70 },
      (_, i) => x.data[Math.floor(i / 35) * 35 + (i % 5) * 7 + (Math.floor(i / 5) % 7)],
    ),
    [2, 7, 5],
  );
  const z = ops.linear(rows, weight);
  expect(z.shape).toEqual([2, 7, 4]);
  for (let n = 0; n < 2; n++)
    for (let l = 0; l < 7; l++)
      for (let k = 0; k < 4; k++) expect(z.data[(n * 7 + l) * 4 + k]).toBe(y.data[(n * 4 + k) * 7 + l]);
});

const call = (name: string, ...args: unknown[]) => Reflect.apply(Reflect.get(ops, name), null, args);

test.each<[string, string, unknown[], new () => Error, string]>([
  [
    'rank',
    'conv1d',
    [Tensor.zeros([4]), Tensor.zeros([1, 4, 1])],
    ShapeError,
    'Expected 2D (unbatched) or 3D (batched) input to conv1d, but got input of size: [4]',
  ],
  [
    'rank',
    'conv3d',
    [Tensor.zeros([4, 4]), Tensor.zeros([1, 4, 1, 1, 1])],
    ShapeError,
    'Expected 4D (unbatched) or 5D (batched) input to conv3d',
  ],
  [
    'weight',
    'conv3d',
    [Tensor.zeros([1, 1, 4, 4, 4]), Tensor.zeros([1, 1, 3, 3])],
    ShapeError,
    'weight must be [outChannels, inChannels / groups, kernelDepth, kernelHeight, kernelWidth]',
  ],
  [
    'kernel',
    'conv1d',
    [Tensor.zeros([1, 1, 4]), Tensor.zeros([1, 1, 5])],
    ShapeError,
    "Calculated padded input size per channel: (4). Kernel size: (5). Kernel size can't be greater than actual input size",
  ],
  [
    'channels',
    'conv1d',
    [Tensor.zeros([1, 8, 3]), Tensor.zeros([4, 3, 1])],
    ShapeError,
    'to have 3 channels, but got 8 channels instead; the channels of x come before its length',
  ],
  [
    'causal in 2-D',
    'conv2d',
    [Tensor.zeros([1, 1, 4, 4]), Tensor.zeros([1, 1, 3, 3]), null, { padding: 'causal' }],
    RangeError,
    "Invalid padding string 'causal', should be one of {'same', 'same-lower', 'valid'}",
  ],
  [
    'padding',
    'conv1d',
    [Tensor.zeros([1, 1, 4]), Tensor.zeros([1, 1, 3]), null, { padding: 'SAME' }],
    RangeError,
    "Invalid padding string 'SAME', should be one of {'same', 'same-lower', 'valid', 'causal'}",
  ],
  [
    'a flat pair',
    'conv1d',
    [Tensor.zeros([1, 1, 4]), Tensor.zeros([1, 1, 3]), null, { padding: [1, 2] }],
    RangeError,
    'expected padding to be a single number or a list of 1 numbers or [begin, end] pairs, but got padding=[1, 2]',
  ],
  [
    'features',
    'linear',
    [Tensor.zeros([2, 3]), Tensor.zeros([5, 4])],
    ShapeError,
    'mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)',
  ],
  [
    'features',
    'linear',
    [Tensor.zeros([2, 3, 4, 4]), Tensor.zeros([5, 48])],
    ShapeError,
    'but x is [2, 3, 4, 4]; flatten x from dimension 1 on',
  ],
  [
    'weight',
    'linear',
    [Tensor.zeros([2, 3]), Tensor.zeros([5, 3, 1])],
    ShapeError,
    'weight must be [outFeatures, inFeatures]',
  ],
  [
    'bias',
    'linear',
    [Tensor.zeros([2, 3]), Tensor.zeros([5, 3]), Tensor.zeros([3])],
    ShapeError,
    'expected bias to be 1-dimensional with 5 elements',
  ],
])('wrong %s: %s', (_, name, args, Class, words) => {
  const thrown = (() => {
    try {
      call(name, ...args);
    } catch (error) {
      return error;
    }
  })();
  expect(thrown).toBeInstanceOf(Class);
  expect(String(thrown)).toContain(`${name}: `);
  expect(String(thrown)).toContain(words);
});
