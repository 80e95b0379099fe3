// linear against PyTorch, within the direct bound: |y - y64| <= (K + 2) * 2^-24 * (sum |x * w| + |bias|).

import { describe, expect, test } from 'vitest';
import { ops } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { vectorCases } from '../support/vectors.js';

const cases = vectorCases('pointwise', 'linear');

describe.each(contenders())('$name', (contender) => {
  test.each(cases)('$name', (one) => {
    contender.use();
    const [x, weight, expected] = [one.tensor('x'), one.tensor('weight'), one.tensor('y')];
    const bias = one.has('bias') ? one.tensor('bias') : null;
    const y = ops.linear(x, weight, bias);
    expect(y.shape).toEqual(expected.shape);
    const [outputs, inputs] = weight.shape;
    const [from, filters, values] = [x.data, weight.data, y.data];
    values.forEach((value, i) => {
      const row = Math.floor(i / outputs);
      let sum = Math.abs(bias?.data[i % outputs] ?? 0);
      for (let c = 0; c < inputs; c++)
        sum += Math.abs(from[row * inputs + c] * filters[(i % outputs) * inputs + c]);
      expect(Math.abs(value - expected.data[i])).toBeLessThanOrEqual((inputs + 2) * 2 ** -24 * sum);
    });
  });
});

test('there are 4 cases', () => expect(cases).toHaveLength(4));
