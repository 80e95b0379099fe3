// conv1d, conv2d and conv3d against PyTorch, which computed in float64 and rounded once, with every algorithm that serves a
// case. The bound of direct sums: |y - y64| <= c * (K + 2) * u * (sum |x * w| + |bias|) with u = 2^-24 and c = 1, K taps, one
// addition of the bias, and the rounding of the stored answer itself. That of Winograd's tiles is support/winograd-bound.ts's.

import { describe, expect, test } from 'vitest';
import { ops } from '../../lib/index.js';
import { algorithmOf } from '../support/algorithm.js';
import { contenders } from '../support/backends.js';
import { sumConv } from '../support/conv64.js';
import { vectorCases } from '../support/vectors.js';
import { KAPPA, tileSums } from '../support/winograd-bound.js';

const UNIT = 2 ** -24;
const ALL = ['auto', 'direct', 'winograd'] as const;
const operations = { conv1d: ops.conv1d, conv2d: ops.conv2d, conv3d: ops.conv3d };
const cases = Object.entries(operations).flatMap(([name, operation]) =>
  vectorCases('conv', name).map((one) => {
    const kernel = one.tensor('weight').shape.slice(2);
    const served =
      ['3,3', '1,3,3'].includes(kernel.join()) &&
      one.params.groups === 1 &&
      [one.params.stride].flat().every((step) => step === 1);
    return { ...one, operation, algorithms: served ? ALL : ALL.slice(0, 2) };
  }),
);

type Case = (typeof cases)[number];

/** What the algorithm that the case comes to may err by, for each output. */
function bounds({ operation, params, ...one }: Case, algorithm: ops.Algorithm): Float64Array {
  const [x, weight] = [one.tensor('x'), one.tensor('weight')];
  const bias = one.has('bias') ? one.tensor('bias') : null;
  const { shape } = one.tensor('y');
  const chosen = algorithmOf(() => operation(x, weight, bias, { ...params, algorithm }));
  if (chosen === 'direct') {
    const { sums, taps } = sumConv(x, weight, bias, params, shape, Math.abs);
    // taps roundings of the chain and one of the bias, each at most u of a partial sum; one more in the stored answer.
    return sums.map((sum) => (taps + 2) * UNIT * sum);
  }
  expect(algorithm).not.toBe('direct');
  const tile = chosen === 'winograd4' ? 4 : 2;
  return tileSums(x, weight, bias, params, shape, tile).map((sum) => KAPPA * UNIT * sum);
}

describe.each(contenders())('$name', (contender) => {
  test.each(cases)('$name', (one) => {
    contender.use();
    const x = one.tensor('x');
    const weight = one.tensor('weight');
    const bias = one.has('bias') ? one.tensor('bias') : null;
    const expected = one.tensor('y');
    for (const algorithm of one.algorithms) {
      const y = one.operation(x, weight, bias, { ...one.params, algorithm });
      expect(y.shape).toEqual(expected.shape);
      const bound = bounds(one, algorithm);
      const beyond = Array.from(y.data, (value, i) => ({
        algorithm,
        value,
        expected: expected.data[i],
        bound: bound[i],
      })).filter((element) => !(Math.abs(element.value - element.expected) <= element.bound));
      expect(beyond).toEqual([]);
    }
  });
});

test('there are 24, 60 and 16 cases, biases, groups, every padding mode and a Winograd layer among them', () => {
  const counts = Object.keys(operations).map((op) => cases.filter((one) => one.op === op).length);
  expect(counts).toEqual([24, 60, 16]);
  expect(new Set(cases.map((one) => one.params.paddingMode)).size).toBe(4);
  expect(cases.some((one) => one.has('bias'))).toBe(true);
  expect(cases.some((one) => Number(one.params.groups) > 1)).toBe(true);
  expect(cases.filter(({ algorithms }) => algorithms.length === 3).length).toBeGreaterThan(0);
});
