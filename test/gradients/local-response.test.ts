// Local response normalisation and its gradient against float64, for exponents by roots and by logarithms.

import { describe, expect, test } from 'vitest';
import { nn, ops, Tensor } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { gradcheck } from '../support/gradcheck.js';
import { Random } from '../support/random.js';

describe.each(backends())('$name', ({ use }) => {
  test('agrees with float64, forwards and backwards', () => {
    use();
    const random = new Random(4);
    for (const beta of [0.75, 0.75, 0.5, 1, 0.6, 0, 2]) {
      const shape = [random.between(1, 2), random.of([1, 3, 8, 17]), random.between(1, 3), 2];
      const options = { size: random.between(1, 6), alpha: random.of([0.3, 1]), beta, k: random.of([1, 2]) };
      const [channels, positions] = [shape[1], shape[2] * 2];
      const { size, alpha, k } = options;
      const x = Tensor.randn(shape, { seed: random.between(1, 999) });
      const check = (input: Tensor) =>
        gradcheck({
          name: JSON.stringify({ shape, ...options }),
          inputs: [input],
          forward: (tensor) => ops.localResponseNorm(tensor, options),
          truth: (values) =>
            values.map((value, i) => {
              const c = Math.floor(i / positions) % channels;
              let sum = 0;
              for (let w = c - Math.floor(size / 2); w <= c + Math.floor((size - 1) / 2); w++)
                if (w >= 0 && w < channels) sum += values[i + (w - c) * positions] ** 2;
              return value / (k + (alpha * sum) / size) ** beta;
            }),
        });
      check(x);
      check(x.channelsLast());
    }
  });

  test('the layer computes the same in the background, and empty batches stay empty', async () => {
    use();
    const layer = new nn.LocalResponseNorm(3, { alpha: 0.5 });
    const x = Tensor.randn([2, 5, 4], { seed: 1 });
    expect((await layer.forwardAsync(x)).toArray()).toEqual(layer.forward(x).toArray());
    const none = Tensor.zeros([0, 5, 4]);
    none.requiresGrad = true;
    const y = layer.forward(none);
    y.backward(Tensor.zeros(y.shape));
    expect(none.grad?.shape).toEqual([0, 5, 4]);
  });
});

test('wrong sizes and options are refused, and the layer prints', () => {
  expect(() => ops.localResponseNorm(Tensor.zeros([2, 3]), { size: 2 })).toThrow(
    /Expected 3D or higher dimensionality input \(got 2 dimensions\)/,
  );
  expect(() => new nn.LocalResponseNorm(0)).toThrow(/size must be a positive integer/);
  expect(() => new nn.LocalResponseNorm(2, { alpha: -1 })).toThrow(/alpha must be finite and not negative/);
  expect(String(new nn.LocalResponseNorm(5))).toBe('LocalResponseNorm(5, alpha=0.0001, beta=0.75, k=1)');
});
