// The gradients of convolutions and transposed ones against PyTorch, which computed in float64 and rounded once. Bounds are
// the direct ones, |g - g64| <= (steps + 2) * u * sum |product| with u = 2^-24: the input's and the bias's gradients are sums
// of so many products or terms in chains, the weight's of chains of 256 positions and of their sums.

import { describe, expect, test } from 'vitest';
import { ops, type Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { eachProduct, eachTransposedProduct } from '../support/conv64.js';
import { type VectorCase, vectorCases } from '../support/vectors.js';

const UNIT = 2 ** -24;
const operations = {
  conv: { conv1d: ops.conv1d, conv2d: ops.conv2d, conv3d: ops.conv3d },
  conv_transpose: {
    conv_transpose1d: ops.convTranspose1d,
    conv_transpose2d: ops.convTranspose2d,
    conv_transpose3d: ops.convTranspose3d,
  },
};
const cases = Object.entries(operations).flatMap(([family, ofFamily]) =>
  Object.entries(ofFamily).flatMap(([name, operation]) =>
    vectorCases(family, name).map((one) => ({
      ...one,
      operation,
      each: family === 'conv' ? eachProduct : eachTransposedProduct,
    })),
  ),
);

/** For every gradient the sum of its products' sizes, and how many they are. */
function sizesOf(one: VectorCase, each: typeof eachProduct, x: Tensor, weight: Tensor, upstream: Tensor) {
  const sum = (length: number) => ({ sums: new Float64Array(length), counts: new Float64Array(length) });
  const [values, filters, arrived] = [x.data, weight.data, upstream.data];
  const [dx, dw, db] = [sum(values.length), sum(filters.length), sum(upstream.shape[1])];
  const add = (to: typeof dx, i: number, size: number) => {
    to.sums[i] += Math.abs(size);
    to.counts[i]++;
  };
  each(x.shape, weight.shape, upstream.shape, one.params, (i, w, y) => {
    add(dx, i, filters[w] * arrived[y]);
    add(dw, w, values[i] * arrived[y]);
  });
  const positions = arrived.length / upstream.shape[0] / upstream.shape[1];
  arrived.forEach((value, i) => {
    add(db, Math.floor(i / positions) % upstream.shape[1], value);
  });
  return { dx, dw, db };
}

describe.each(contenders())('$name', (contender) => {
  test.each(cases)('$name', (one) => {
    contender.use();
    const [x, weight, upstream] = [one.tensor('x'), one.tensor('weight'), one.tensor('grad_y')];
    const bias = one.has('bias') ? one.tensor('bias') : null;
    const leaves = [x, weight, ...(bias === null ? [] : [bias])];
    for (const leaf of leaves) leaf.requiresGrad = true;
    one.operation(x, weight, bias, one.params).backward(upstream);

    const { dx, dw, db } = sizesOf(one, one.each, x, weight, upstream);
    const found = { grad_x: [x, dx], grad_weight: [weight, dw], grad_bias: [bias, db] } as const;
    for (const [role, [leaf, { sums, counts }]] of Object.entries(found)) {
      if (leaf === null) continue;
      const expected = one.tensor(role);
      expect(leaf.grad?.shape).toEqual(expected.shape);
      const wanted = expected.data;
      const beyond = Array.from(leaf.grad?.data ?? [], (value, i) => ({
        ...{ role, i, value, wanted: wanted[i] },
        bound: (Math.min(counts[i], 256) + Math.ceil(counts[i] / 256) + 2) * UNIT * sums[i],
      })).filter(({ value, wanted, bound }) => !(Math.abs(value - wanted) <= bound));
      expect(beyond).toEqual([]);
    }
  });
});

test('every case has the gradients of its input and weight, and of its bias where it has one', () => {
  expect(cases.length).toBe(148);
  for (const one of cases) {
    expect([one.has('grad_x'), one.has('grad_weight')]).toEqual([true, true]);
    expect(one.has('grad_bias')).toBe(one.has('bias'));
  }
});
