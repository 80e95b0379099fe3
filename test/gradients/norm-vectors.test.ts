// Normalisation against PyTorch: results, gradients, running statistics. Each number is within a part of the largest of its
// tensor: both sides sum up to some thousands of float32 products, in orders of their own.

import { describe, expect, test } from 'vitest';
import { ops, type Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { type VectorCase, vectorCases } from '../support/vectors.js';

const near = (got: Tensor | null, wanted: Tensor, what: string, part = 4e-6): void => {
  if (got === null) throw new Error(`there is no ${what}`);
  expect(got.shape, what).toEqual(wanted.shape);
  const largest = wanted.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const worst = got.data.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted.data[i])), 0);
  expect(worst, `${what}, largest ${largest}`).toBeLessThanOrEqual(part * largest);
};

function leaves(one: VectorCase) {
  const [x, weight, bias] = ['x', 'weight', 'bias'].map((role) => one.tensor(role));
  for (const leaf of [x, weight, bias]) leaf.requiresGrad = true;
  return { x, weight, bias };
}

function compare(one: VectorCase, y: Tensor, of: ReturnType<typeof leaves>): void {
  near(y, one.tensor('y'), 'y');
  y.backward(one.tensor('grad_y'));
  near(of.x.grad, one.tensor('grad_x'), 'grad_x');
  near(of.weight.grad, one.tensor('grad_weight'), 'grad_weight');
  near(of.bias.grad, one.tensor('grad_bias'), 'grad_bias');
}

const batch = vectorCases('norm', 'batch_norm');
const group = vectorCases('norm', 'group_norm');

describe.each(contenders())('$name', (contender) => {
  test.each(batch)('$name', (one) => {
    contender.use();
    const of = leaves(one);
    const [runningMean, runningVar] = [one.tensor('running_mean'), one.tensor('running_var')];
    const { training, momentum, eps } = one.params as { training: boolean; momentum: number; eps: number };
    const { weight, bias } = of;
    const options = { weight, bias, runningMean, runningVar, training, momentum, eps };
    compare(one, ops.batchNorm(of.x, options), of);
    near(runningMean, one.tensor('running_mean_after'), 'running mean', 2e-7);
    near(runningVar, one.tensor('running_var_after'), 'running variance', 4e-7);
  });

  test.each(group)('$name', (one) => {
    contender.use();
    const of = leaves(one);
    const { numGroups, eps } = one.params as { numGroups: number; eps: number };
    compare(one, ops.groupNorm(of.x, { numGroups, eps, weight: of.weight, bias: of.bias }), of);
  });
});

test('there are 15 cases', () => expect([batch.length, group.length]).toEqual([10, 5]));
