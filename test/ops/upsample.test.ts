// Resizing against PyTorch's answers (torch 2.13, float64, rounded once): an output is a sum of few products, so it is
// within a few units of the largest input.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compile, nn, ops, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { gradcheck } from '../support/gradcheck.js';

interface Case {
  options: ops.UpsampleOptions;
  shape: number[];
  x: number[];
  y: number[];
  outputShape: number[];
  gradY: number[];
  gradX: number[];
}
const cases: Case[] = JSON.parse(readFileSync(new URL('../vectors/upsample.json', import.meta.url), 'utf8'));
const tensor = (values: number[], shape: number[]) => new Tensor(Float32Array.from(values), shape);
const largest = (values: ArrayLike<number>) =>
  Array.from(values).reduce((m, v) => Math.max(m, Math.abs(v)), 0);

describe.each(contenders())('$name', ({ use }) => {
  test.each(cases)('$options of $shape is PyTorch’s, and its gradient', (one) => {
    use();
    const x = tensor(one.x, one.shape);
    x.requiresGrad = true;
    const y = ops.upsample(x, one.options);
    expect(y.shape).toEqual(one.outputShape);
    const near = (got: Tensor | null, wanted: number[], size: number) => {
      if (got === null) throw new Error('nothing');
      got.data.forEach((value, i) => {
        expect(Math.abs(value - wanted[i])).toBeLessThanOrEqual(size * 2 ** -20);
      });
    };
    near(y, one.y, largest(one.x));
    y.backward(tensor(one.gradY, one.outputShape));
    near(x.grad, one.gradX, largest(one.gradY) * (one.gradY.length / one.gradX.length + 8));
  });
});

test('the gradient is the transpose of the resizing', () => {
  const x = Tensor.randn([2, 17, 5, 4], { seed: 1 });
  for (const mode of ['bilinear', 'bicubic', 'nearest'] as const) {
    gradcheck({ inputs: [x], forward: (t) => ops.upsample(t, { size: [7, 9], mode }), truth: 'linear' });
    gradcheck({
      inputs: [x.channelsLast()],
      forward: (t) => ops.upsample(t, { scaleFactor: 0.6, mode }),
      truth: 'linear',
    });
  }
});

test('the layer gives the operation’s bits, in the background and compiled too', async () => {
  const x = Tensor.randn([2, 3, 5, 4], { seed: 1 });
  const layer = new nn.Upsample({ scaleFactor: [2, 3], mode: 'bilinear', alignCorners: true });
  const wanted = bits(ops.upsample(x, { scaleFactor: [2, 3], mode: 'bilinear', alignCorners: true }));
  expect(bits(layer.forward(x))).toEqual(wanted);
  expect(bits(await layer.forwardAsync(x))).toEqual(wanted);
  expect(bits((await compile(layer, { inputShape: x.shape })).runSync(x))).toEqual(wanted);
  expect(String(layer)).toBe('Upsample(scaleFactor=[2,3], mode=bilinear, alignCorners=true)');
  expect(ops.upsample(Tensor.zeros([0, 3, 2, 2]), { scaleFactor: 2 }).shape).toEqual([0, 3, 4, 4]);
});

test('what cannot be resized is refused by name', () => {
  const x = Tensor.zeros([1, 2, 4, 4]);
  const call = (options: unknown) => () => Reflect.apply(ops.upsample, null, [x, options]);
  expect(call({})).toThrow('upsample: either size or scaleFactor should be defined');
  expect(call({ size: 2, scaleFactor: 2 })).toThrow('only one of size or scaleFactor should be defined');
  expect(call({ scaleFactor: 2, mode: 'linear' })).toThrow(
    /mode 'linear' is for 1 spatial dimension, but x \[1, 2, 4, 4\] has 2; use 'bilinear'/,
  );
  expect(call({ scaleFactor: 0 })).toThrow(RangeError);
  expect(call({ scaleFactor: '2' })).toThrow(TypeError);
  expect(call({ scaleFactor: 0.1 })).toThrow(/has no pixels/);
  expect(call({ size: [2, 0] })).toThrow(RangeError);
  expect(call({ scaleFactor: [2] })).toThrow(RangeError);
  expect(call({ scaleFactor: 2, alignCorners: true })).toThrow(/alignCorners can only be set/);
  expect(() => ops.upsample(Tensor.zeros([3, 4]), { scaleFactor: 2 })).toThrow(RangeError);
});
