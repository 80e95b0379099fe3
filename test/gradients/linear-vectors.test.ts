// A linear layer's gradients against PyTorch's, on every backend and in the background too.

import { describe, expect, test } from 'vitest';
import { nn, ops, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { vectorCases } from '../support/vectors.js';

const UNIT = 2 ** -24;

/** |got - wanted| within c * K * u * the sum of the sizes of all products, K being how many they are. */
function near(got: Tensor | null, wanted: Tensor, bound: Float32Array, count: number): void {
  if (got === null) throw new Error('no gradient');
  expect(got.shape).toEqual(wanted.shape);
  const values = got.data;
  wanted.data.forEach((value, i) => {
    expect(Math.abs(values[i] - value)).toBeLessThanOrEqual(2 * count * UNIT * bound[i] + 1e-30);
  });
}

const sizes = (tensor: Tensor) => new Tensor(tensor.data.map(Math.abs), tensor.shape);

describe.each(contenders())('$name', (contender) => {
  test.each(vectorCases('pointwise', 'linear'))('$name', async (one) => {
    contender.use();
    const [x, weight, upstream] = ['x', 'weight', 'grad_y'].map((role) => one.tensor(role));
    const bias = one.has('bias') ? one.tensor('bias') : null;
    const leaves = bias === null ? [x, weight] : [x, weight, bias];
    for (const leaf of leaves) leaf.requiresGrad = true;
    ops.linear(x, weight, bias).backward(upstream);

    // What the sums of sizes are bounded by: the gradients of a layer of absolute values
    const absolute = [x, weight].map(sizes);
    const whole = bias === null ? null : sizes(bias);
    for (const leaf of [...absolute, ...(whole === null ? [] : [whole])]) leaf.requiresGrad = true;
    ops.linear(absolute[0], absolute[1], whole).backward(sizes(upstream));
    const [features, inputs] = weight.shape;
    const rows = x.data.length / inputs;
    near(x.grad, one.tensor('grad_x'), absolute[0].grad?.data ?? new Float32Array(0), features);
    near(weight.grad, one.tensor('grad_weight'), absolute[1].grad?.data ?? new Float32Array(0), rows);
    if (bias !== null)
      near(bias.grad, one.tensor('grad_bias'), whole?.grad?.data ?? new Float32Array(0), rows);

    const layer = new nn.Linear(inputs, features, { bias: bias !== null });
    layer.loadStateDict(bias === null ? { weight } : { weight, bias });
    const other = one.tensor('x');
    other.requiresGrad = true;
    (await layer.forwardAsync(other)).backward(upstream);
    const again = bias === null ? [other, layer.weight] : [other, layer.weight, layer.bias];
    expect(again.map((leaf) => leaf?.grad && bits(leaf.grad))).toEqual(
      leaves.map((leaf) => leaf.grad && bits(leaf.grad)),
    );
  });
});
