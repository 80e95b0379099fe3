// The layers of padding and of columns are the operations of the same name, in the foreground and in the background.

import { describe, expect, test } from 'vitest';
import { nn, ops, Tensor, type Tensor as TensorType } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';

const pairs = [
  [2, 0],
  [1, 3],
] as const;

const layers: [string, number[], () => nn.Module, (x: TensorType) => TensorType][] = [
  ['ZeroPad2d', [2, 3, 4, 5], () => new nn.ZeroPad2d(1), (x) => ops.pad(x, { padding: [1, 1, 1, 1] })],
  ['ZeroPad2d', [2, 3, 4, 5], () => new nn.ZeroPad2d(pairs), (x) => ops.pad(x, { padding: [1, 3, 2, 0] })],
  [
    'ConstantPad1d',
    [2, 3, 4],
    () => new nn.ConstantPad1d([1, 2], 7),
    (x) => ops.pad(x, { padding: [1, 2], value: 7 }),
  ],
  [
    'ConstantPad3d',
    [2, 3, 4, 2, 2],
    () => new nn.ConstantPad3d(1, -1),
    (x) => ops.pad(x, { padding: [1, 1, 1, 1, 1, 1], value: -1 }),
  ],
  [
    'ReflectionPad2d',
    [2, 3, 4, 5],
    () => new nn.ReflectionPad2d(3),
    (x) => ops.pad(x, { padding: [3, 3, 3, 3], mode: 'reflect' }),
  ],
  [
    'ReplicationPad3d',
    [2, 3, 4, 2, 2],
    () => new nn.ReplicationPad3d(2),
    (x) => ops.pad(x, { padding: [2, 2, 2, 2, 2, 2], mode: 'replicate' }),
  ],
  [
    'CircularPad1d',
    [2, 3, 4],
    () => new nn.CircularPad1d([4, -1]),
    (x) => ops.pad(x, { padding: [4, -1], mode: 'circular' }),
  ],
  [
    'Unfold',
    [2, 3, 4, 5],
    () => new nn.Unfold(3, { padding: 1 }),
    (x) => ops.unfold(x, { kernelSize: 3, padding: 1 }),
  ],
  [
    'Fold',
    [2, 18, 20],
    () => new nn.Fold([4, 5], 3, { padding: 1 }),
    (x) => ops.fold(x, { outputSize: [4, 5], kernelSize: 3, padding: 1 }),
  ],
];

describe.each(contenders())('$name', (contender) => {
  test.each(layers)('%s', async (_, shape, make, operation) => {
    contender.use();
    const layer = make();
    const x = Tensor.randn(shape, { seed: 1 });
    const expected = operation(x);
    expect(layer.forward(x).shape).toEqual(expected.shape);
    expect(bits(layer.forward(x))).toEqual(bits(expected));
    const promise = layer.forwardAsync(x);
    x.data.fill(Number.NaN);
    expect(bits(await promise)).toEqual(bits(expected));
    expect((await layer.forwardAsync(Tensor.zeros([0, ...shape.slice(1)]))).shape).toEqual([
      0,
      ...expected.shape.slice(1),
    ]);
  });

  test('padding channels and images in several steps can be aborted, or run in the background', async () => {
    contender.use();
    class Everywhere extends nn.Module {
      override forward(x: TensorType): TensorType {
        return ops.pad(x, {
          padding: [
            [1, 0],
            [0, 2],
            [1, 1],
            [2, 0],
          ],
        });
      }
    }
    const x = Tensor.randn([2, 3, 4, 5], { seed: 2 });
    const y = new Everywhere().forward(x);
    expect(y.shape).toEqual([3, 5, 6, 7]);
    expect(y.data.reduce((sum, value) => sum + value, 0)).toBeCloseTo(
      x.data.reduce((sum, value) => sum + value, 0),
      3,
    );
    const controller = new AbortController();
    const promise = new nn.ZeroPad2d(1).forwardAsync(x, { signal: controller.signal });
    controller.abort('enough');
    await expect(promise).rejects.toBe('enough');
  });
});

test('they print their sizes', () => {
  expect(String(new nn.ZeroPad2d([1, 2, 3, 4]))).toBe('ZeroPad2d(padding=[[3, 4], [1, 2]])');
  expect(String(new nn.ConstantPad1d(1, 0.5))).toBe('ConstantPad1d(padding=[[1, 1]], value=0.5)');
  expect(String(new nn.Unfold(3, { stride: 2 }))).toBe(
    'Unfold(kernelSize=[3, 3], stride=[2, 2], padding=[0, 0], dilation=[1, 1])',
  );
  expect(String(new nn.Fold(4, 2))).toBe(
    'Fold(outputSize=[4, 4], kernelSize=[2, 2], stride=[1, 1], padding=[0, 0], dilation=[1, 1])',
  );
});

test.each<[() => unknown, new () => Error, string]>([
  [
    () => new nn.ZeroPad2d([1, 2]),
    RangeError,
    'ZeroPad2d: expected padding to be a single number, a flat list of 4 numbers or 2 [begin, end] pairs, but got padding=[1, 2]',
  ],
  [
    () => new nn.ReflectionPad1d(4).forward(Tensor.zeros([1, 1, 4])),
    RangeError,
    'Padding size should be less than the corresponding input dimension',
  ],
  [
    () => new nn.CircularPad2d(5).forward(Tensor.zeros([1, 4, 4])),
    RangeError,
    'Padding value causes wrapping around more than once',
  ],
  [
    () => new nn.ZeroPad2d(1).forward(Tensor.zeros([4, 4])),
    RangeError,
    'Expected 3D (unbatched) or 4D (batched) input to pad, but got input of size: [4, 4]',
  ],
  [() => new nn.Fold(4, 2, { stride: 0 }), RangeError, 'Fold: stride should be greater than zero'],
])('%s', (run, Class, words) => {
  expect(run).toThrow(Class);
  expect(run).toThrow(words);
});
