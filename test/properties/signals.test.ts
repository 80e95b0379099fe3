// Laws of true convolution and of correlation of signals and images, exact on whole numbers.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ops, type Tensor } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { wholeNumbers } from '../support/bits.js';
import { numbers, turnedOver } from '../support/problems-drawn.js';

const runs = { numRuns: 60 };
const mode = fc.constantFrom('full', 'same', 'valid');
const size = fc.integer({ min: 1, max: 6 });

describe.each(backends())('signals on $name', ({ use }) => {
  const flipped = (kernel: Tensor): Tensor =>
    turnedOver(kernel.reshape([1, 1, ...kernel.shape])).reshape(kernel.shape);

  test('true convolution is correlation with the kernel turned over', () => {
    use();
    const law = fc.property(
      size,
      size,
      fc.nat(5),
      fc.nat(5),
      mode,
      fc.nat(1e6),
      (h, w, down, right, mode, seed) => {
        const x = wholeNumbers([h + down, w + right], seed);
        const kernel = wholeNumbers([h, w], seed + 1);
        const convolved = ops.convolve2d(x, kernel, { mode });
        expect(numbers(convolved)).toEqual(numbers(ops.correlate2d(x, flipped(kernel), { mode })));
        const [row, taps] = [x.reshape([-1]), kernel.reshape([-1])];
        expect(numbers(ops.convolve1d(row, taps, { mode }))).toEqual(
          numbers(ops.correlate1d(row, flipped(taps), { mode })),
        );
      },
    );
    fc.assert(law, runs);
  });

  test('true convolution commutes and is associative', () => {
    use();
    const law = fc.property(size, size, size, fc.nat(1e6), (a, b, c, seed) => {
      const [x, y, z] = [a, b, c].map((length, i) => wholeNumbers([length], seed + i));
      const full = (p: Tensor, q: Tensor) => ops.convolve1d(p, q, { mode: 'full' });
      expect(numbers(full(x, y))).toEqual(numbers(full(y, x)));
      expect(numbers(full(full(x, y), z))).toEqual(numbers(full(x, full(y, z))));
    });
    fc.assert(law, runs);
  });
});
