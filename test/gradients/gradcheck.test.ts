// The judge itself: it must find a wrong gradient, whichever way it is wrong.

import { describe, expect, test } from 'vitest';
import { Tensor } from '../../lib/index.js';
import { gradientMemory, gradientTensor, record } from '../../lib/tensor/autograd.js';
import { ROW_MAJOR } from '../../lib/tensor/storage.js';
import { logicalArray } from '../../lib/tensor/tensor.js';
import { gradcheck } from '../support/gradcheck.js';

/** x^2, with a gradient of `factor` times x. */
const square =
  (factor: number, spoil = -1) =>
  (x: Tensor): Tensor => {
    const values = logicalArray(x, 'square').slice();
    const y = new Tensor(
      values.map((value) => value * value),
      x.shape,
    );
    record(y, 'square', [x], (upstream) => {
      const up = logicalArray(upstream, 'square');
      const gradient = gradientMemory(x.shape);
      for (let i = 0; i < up.length; i++) gradient[i] = factor * values[i] * up[i];
      if (spoil >= 0) gradient[spoil] += 0.01;
      return [gradientTensor(gradient, ROW_MAJOR, x.shape)];
    });
    return y;
  };

const truth = (x: Float64Array) => x.map((value) => value * value);

describe('gradcheck', () => {
  const x = Tensor.randn([7, 100], { seed: 4 });

  test('accepts a right gradient, in either layout', () => {
    gradcheck({ inputs: [x], forward: square(2), truth });
    const images = Tensor.randn([2, 3, 4, 5], { seed: 4 });
    gradcheck({ inputs: [images.channelsLast()], forward: square(2), truth });
  });

  test('finds a wrong factor, and one wrong element among many', () => {
    expect(() => gradcheck({ inputs: [x], forward: square(2.001), truth })).toThrow(/differences say/);
    expect(() => gradcheck({ inputs: [x], forward: square(2, 333), truth })).toThrow(/along a direction/);
    expect(() => gradcheck({ inputs: [x], forward: square(2), truth: (v) => v.map((e) => e ** 3) })).toThrow(
      /the result at 0/,
    );
  });

  test('judges a linear operation by itself', () => {
    const reshaped = (t: Tensor) => t.reshape([100, 7]);
    gradcheck({ inputs: [x], forward: reshaped, truth: 'linear' });
    expect(() => gradcheck({ inputs: [x], forward: square(2), truth: 'linear' })).not.toThrow(); // x^2 has exact differences
    expect(() => gradcheck({ inputs: [x], forward: square(3), truth: 'linear' })).toThrow(/differences say/);
  });
});
