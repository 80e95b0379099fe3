// conv1d, conv2d and conv3d against PyTorch, which computed in float64 and rounded once. The bound is the direct one:
// |y - y64| <= c * (K + 2) * u * (sum |x * w| + |bias|) with u = 2^-24 and c = 1, K taps, one addition of the bias, and the
// rounding of the stored answer itself.

import { describe, expect, test } from 'vitest';
import { ops } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { sumConv } from '../support/conv64.js';
import { vectorCases } from '../support/vectors.js';

const UNIT = 2 ** -24;
const operations = { conv1d: ops.conv1d, conv2d: ops.conv2d, conv3d: ops.conv3d };
const cases = Object.entries(operations).flatMap(([name, operation]) =>
  vectorCases('conv', name).map((one) => ({ ...one, operation })),
);

describe.each(contenders())('$name', (contender) => {
  test.each(cases)('$name', (one) => {
    contender.use();
    const x = one.tensor('x');
    const weight = one.tensor('weight');
    const bias = one.has('bias') ? one.tensor('bias') : null;
    const y = one.operation(x, weight, bias, one.params);
    const expected = one.tensor('y');
    expect(y.shape).toEqual(expected.shape);

    const { sums, taps } = sumConv(x, weight, bias, one.params, y.shape, Math.abs);
    // taps roundings of the chain and one of the bias, each at most u of a partial sum; one more in the stored answer.
    const c = 1;
    const beyond = Array.from(y.data, (value, i) => ({
      value,
      expected: expected.data[i],
      bound: c * (taps + 2) * UNIT * sums[i],
    })).filter(({ value, expected, bound }) => !(Math.abs(value - expected) <= bound));
    expect(beyond).toEqual([]);
  });
});

test('there are 24, 60 and 16 cases, biases, groups and every padding mode among them', () => {
  const counts = Object.keys(operations).map((op) => cases.filter((one) => one.op === op).length);
  expect(counts).toEqual([24, 60, 16]);
  expect(new Set(cases.map((one) => one.params.paddingMode)).size).toBe(4);
  expect(cases.some((one) => one.has('bias'))).toBe(true);
  expect(cases.some((one) => Number(one.params.groups) > 1)).toBe(true);
});
