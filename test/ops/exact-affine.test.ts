// The unrounded scale and shift behind an affine call.

import { expect, test } from 'vitest';
import type { Activation } from '../../binding.js';
import { active } from '../../lib/backend/index.js';
import { backend, ops, Tensor } from '../../lib/index.js';
import { exactAffine } from '../../lib/ops/exact-affine.js';

test('what a batch normalisation hands to affine is found again in float64', () => {
  backend.use('reference');
  const binding = active();
  const real = binding.affine;
  const seen: [scale: Float32Array, shift: Float32Array][] = [];
  binding.affine = (activation: Activation, x, scale, shift, residual, y) => {
    seen.push([scale, shift]);
    real(activation, x, scale, shift, residual, y);
  };
  try {
    ops.batchNorm(Tensor.randn([2, 3, 4, 4], { seed: 1 }), {
      weight: Tensor.from([1, 2, -0.3]),
      bias: Tensor.from([0.1, 0, 7]),
      runningMean: Tensor.from([0.1, -3, 11]),
      runningVar: Tensor.from([0.7, 2, 0]),
    });
  } finally {
    binding.affine = real;
  }
  const [[scale, shift]] = seen;
  const exact = exactAffine(scale);
  expect([...(exact?.scale ?? [])].map(Math.fround)).toEqual([...scale]);
  const weight = Math.fround(-0.3);
  expect(exact?.scale[2]).toBe((1 / Math.sqrt(1e-5)) * weight);
  expect(exact?.shift[2]).toBe(7 - 11 * (1 / Math.sqrt(1e-5)) * weight);
  shift.forEach((value, c) => {
    expect(Math.abs(value - (exact?.shift[c] ?? 0))).toBeLessThan(2e-7 * (Math.abs(scale[c]) * 11 + 8));
  });
  expect(exactAffine(shift)).toBeUndefined();
});
