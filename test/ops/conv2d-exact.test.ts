// Small whole numbers come out exact by direct sums, whatever the shape and the options: convolution against a plain loop in float64.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ops as Ops, ops } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits, wholeNumbers } from '../support/bits.js';
import { sumConv } from '../support/conv64.js';

type Options = NonNullable<Parameters<typeof Ops.conv2d>[3]>;

interface Case {
  batch: number;
  groups: number;
  inPerGroup: number;
  outPerGroup: number;
  size: [number, number];
  kernel: [number, number];
  stride: [number, number];
  dilation: [number, number];
  padding: Options['padding'];
  paddingMode: NonNullable<Options['paddingMode']>;
  bias: boolean;
  seed: number;
}

const two = (least: number, most: number) =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }));

const cases: fc.Arbitrary<Case> = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  groups: fc.constantFrom(1, 1, 1, 2, 3, 16),
  inPerGroup: fc.constantFrom(1, 1, 2, 3, 4, 8, 17),
  outPerGroup: fc.constantFrom(1, 1, 2, 5, 16, 33),
  size: two(1, 13),
  kernel: two(1, 5),
  stride: two(1, 3),
  dilation: two(1, 3),
  padding: fc.oneof(
    fc.constantFrom<Options['padding']>('same', 'valid', 0, 1, 2),
    two(0, 3),
    fc.tuple(two(0, 3), two(0, 3)),
  ),
  paddingMode: fc.constantFrom('zeros', 'zeros', 'reflect', 'replicate', 'circular'),
  bias: fc.boolean(),
  seed: fc.integer({ min: 0, max: 1000 }),
});

/** Output size by the formula of the documentation; null where the kernel or the padding mode does not fit. */
function outputSize(one: Case): number[] | null {
  const sizes: number[] = [];
  for (const axis of [0, 1]) {
    const size = one.size[axis];
    const window = one.dilation[axis] * (one.kernel[axis] - 1) + 1;
    const given = Array.isArray(one.padding) ? one.padding[axis] : one.padding;
    let [begin, end] = Array.isArray(given) ? given : [Number(given), Number(given)];
    if (one.padding === 'valid') [begin, end] = [0, 0];
    if (one.padding === 'same') {
      const total = Math.max(0, (Math.ceil(size / one.stride[axis]) - 1) * one.stride[axis] + window - size);
      begin = Math.floor(total / 2);
      end = total - begin;
    }
    if (size + begin + end < window) return null;
    if (one.paddingMode === 'reflect' && Math.max(begin, end) >= size) return null;
    if (one.paddingMode === 'circular' && Math.max(begin, end) > size) return null;
    sizes.push(Math.floor((size + begin + end - window) / one.stride[axis]) + 1);
  }
  return sizes;
}

describe.each(contenders())('$name', (contender) => {
  test('random layers of whole numbers are exact', () => {
    contender.use();
    let computed = 0;
    fc.assert(
      fc.property(cases, (one) => {
        const { batch, groups, size, kernel, seed, ...options } = one;
        const channels = groups * one.inPerGroup;
        const outChannels = groups * one.outPerGroup;
        const x = wholeNumbers([batch, channels, ...size], seed);
        const weight = wholeNumbers([outChannels, one.inPerGroup, ...kernel], seed + 1);
        const bias = one.bias ? wholeNumbers([outChannels], seed + 2) : null;
        const { stride, dilation, padding, paddingMode } = options;
        const asked: Options = { stride, dilation, padding, paddingMode, groups, algorithm: 'direct' };
        const expectedSize = outputSize(one);
        if (expectedSize === null) {
          expect(() => ops.conv2d(x, weight, bias, asked)).toThrow(RangeError);
          return;
        }
        const y = ops.conv2d(x, weight, bias, asked);
        expect(y.shape).toEqual([batch, outChannels, ...expectedSize]);
        const { sums } = sumConv(x, weight, bias, { ...asked }, y.shape, (product) => product);
        expect(bits(y)).toEqual(new Uint32Array(Float32Array.from(sums, (sum) => sum + 0).buffer));
        computed++;
      }),
      { numRuns: 300, seed: 2 },
    );
    expect(computed).toBeGreaterThan(150);
  });
});
