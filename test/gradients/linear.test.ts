// Gradients of linear layers, which are 1x1 convolutions of rows.

import { describe, expect, test } from 'vitest';
import { nn, ops, Tensor } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { gradcheck } from '../support/gradcheck.js';

describe.each(backends())('$name', (contender) => {
  test.each([
    [[5], 3],
    [[7, 5], 3],
    [[300, 33], 17],
    [[2, 3, 64], 130],
    [[0, 4], 2],
  ])('x %j to %i features', (shape, outputs) => {
    contender.use();
    const inputs = shape[shape.length - 1];
    const x = Tensor.randn(shape, { seed: 1 });
    const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
    gradcheck({
      inputs: [x, Tensor.randn([outputs, inputs], { seed: 2 }), Tensor.randn([outputs], { seed: 3 })],
      forward: (a, b, c) => ops.linear(a, b, c),
      truth: (a, b, c) =>
        Float64Array.from({ length: rows * outputs }, (_, i) => {
          let sum = c[i % outputs];
          for (let k = 0; k < inputs; k++)
            sum += a[Math.floor(i / outputs) * inputs + k] * b[(i % outputs) * inputs + k];
          return sum;
        }),
    });
  });

  test('an activation within', () => {
    contender.use();
    for (const activation of ['relu', 'gelu'] as const) {
      const layer = new nn.Linear(6, 4, { activation });
      const x = Tensor.randn([9, 6], { seed: 1 });
      const before = ops.linear(x, layer.weight.detach(), layer.bias?.detach());
      before.requiresGrad = true;
      ops[activation](before).backward(Tensor.ones([9, 4]));
      layer.forward(x).backward(Tensor.ones([9, 4]));
      const sums = Array.from({ length: 4 }, (_, n) => {
        const column = (before.grad?.data ?? new Float32Array()).filter((_, i) => i % 4 === n);
        return column.reduce((sum, value) => Math.fround(sum + value), 0);
      });
      expect(Array.from(layer.bias?.grad?.data ?? [])).toEqual(sums);
    }
  });
});
