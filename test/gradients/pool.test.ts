// Gradients of pooling: finite differences, ties, and tensors changed in between.

import { describe, expect, test } from 'vitest';
import { backend, ops, Tensor } from '../../lib/index.js';
import { backends, contenders } from '../support/backends.js';
import { gradcheck } from '../support/gradcheck.js';
import { Random } from '../support/random.js';

describe.each(backends())('$name', ({ use }) => {
  test('means of every kind agree with finite differences', () => {
    use();
    const random = new Random(3);
    for (let round = 0; round < 20; round++) {
      const kernelSize = [random.between(1, 3), random.between(1, 4)];
      const padding = kernelSize.map((size) => random.between(0, Math.floor(size / 2)));
      const stride = random.between(1, 3);
      const shape = [random.between(1, 3), random.of([1, 3, 17]), random.between(4, 9), random.between(4, 7)];
      const x = Tensor.randn(shape, { seed: round });
      const options = {
        kernelSize,
        padding,
        stride,
        ceilMode: random.once(2),
        countIncludePad: random.once(2),
      };
      const forward = (input: Tensor) => ops.avgPool2d(input, options);
      gradcheck({ name: JSON.stringify(options), inputs: [x], forward, truth: 'linear' });
      gradcheck({ inputs: [x.channelsLast()], forward, truth: 'linear' });
      const outputSize = [random.between(1, 5), random.between(1, 5)];
      gradcheck({
        inputs: [x],
        forward: (input) => ops.adaptiveAvgPool2d(input, { outputSize }),
        truth: 'linear',
      });
    }
  });

  test('of equals the first element gets the gradient, of NaNs the last', () => {
    use();
    const gradientOf = (values: number[]): number[] => {
      const x = new Tensor(Float32Array.from(values), [1, 1, values.length]);
      x.requiresGrad = true;
      ops.maxPool1d(x, { kernelSize: values.length }).backward(Tensor.from([[[2]]]));
      return [...(x.grad?.data ?? [])];
    };
    expect(gradientOf([1, 3, 3, 2])).toEqual([0, 2, 0, 0]);
    expect(gradientOf([Number.NaN, 3, Number.NaN, 9])).toEqual([0, 0, 2, 0]);
    expect(gradientOf([-Infinity, -Infinity])).toEqual([2, 0]);
    expect(gradientOf([0, -0])).toEqual([2, 0]);
  });

  test('windows that overlap add up, and elements that none takes get 0', () => {
    use();
    const x = new Tensor(Float32Array.of(1, 5, 2, 0, 0), [1, 1, 5]);
    x.requiresGrad = true;
    ops.maxPool1d(x, { kernelSize: 3, stride: 1 }).backward(Tensor.from([[[1, 10, 100]]]));
    expect([...(x.grad?.data ?? [])]).toEqual([0, 11, 100, 0, 0]);
  });

  test('the background carries gradients too, and an empty batch has an empty one', async () => {
    use();
    const { nn } = await import('../../lib/index.js');
    const x = Tensor.randn([2, 3, 6, 6], { seed: 1 });
    x.requiresGrad = true;
    const pool = new nn.MaxPool2d(2);
    const now = pool.forward(x);
    now.backward(Tensor.ones(now.shape));
    const gradient = x.grad;
    const again = x.detach();
    again.requiresGrad = true;
    const later = await pool.forwardAsync(again);
    later.backward(Tensor.ones(later.shape));
    expect(again.grad?.toArray()).toEqual(gradient?.toArray());

    const none = Tensor.zeros([0, 3, 6, 6]);
    none.requiresGrad = true;
    const y = pool.forward(none);
    y.backward(Tensor.zeros(y.shape));
    expect(none.grad?.shape).toEqual([0, 3, 6, 6]);
  });

  test('an input changed before backward is an error for a maximum, and no matter for a mean', () => {
    use();
    const x = Tensor.ones([1, 1, 4, 4]);
    x.requiresGrad = true;
    const most = ops.maxPool2d(x, { kernelSize: 2 });
    const mean = ops.avgPool2d(x, { kernelSize: 2 });
    x.data[0] = 7;
    expect(() => most.backward(Tensor.ones(most.shape))).toThrow(/modified by an inplace operation/);
    mean.backward(Tensor.ones(mean.shape));
    expect(x.grad?.data[0]).toBe(0.25);
  });
});

test.each(['max', 'mean'])('a %s over an image of several bands has the same bits everywhere', (kind) => {
  const options = { kernelSize: [5, 3], stride: [2, 1], padding: [2, 1] };
  const gradients = contenders().flatMap(({ name, use }) => {
    use();
    return [1, 3].map((threads) => {
      backend.setThreads(threads);
      const x = Tensor.randn([2, 64, 70, 33], { seed: 1 });
      x.requiresGrad = true;
      const y = kind === 'max' ? ops.maxPool2d(x, options) : ops.avgPool2d(x, options);
      y.backward(Tensor.randn(y.shape, { seed: 2 }));
      return {
        name: `${name}, ${threads} threads`,
        bits: Buffer.from(Float32Array.from(x.grad?.data ?? []).buffer),
      };
    });
  });
  expect(gradients[0].bits.length).toBe(4 * 2 * 64 * 70 * 33);
  for (const { name, bits } of gradients) expect(bits.equals(gradients[0].bits), name).toBe(true);
});
