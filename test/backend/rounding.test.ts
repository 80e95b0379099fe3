// The reference's quick loops leave exact fused multiply-adds to chance nowhere: data built to meet half way points and
// subnormal sums at every step must come out as fmaf alone gives them.
import { describe, expect, it } from 'vitest';
import { runDepthwiseTile } from '../../lib/backend/reference/depthwise-tile.js';
import { hasExactSmallSums, isHalfWay, smallestExponent } from '../../lib/backend/reference/rounding.js';
import { runTile } from '../../lib/backend/reference/tile.js';
import { fmaf } from '../../lib/numerics/fmaf.js';

/** A small generator of its own, so that the data do not change with the library's. */
function generator(seed: number) {
  let state = seed;
  return (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
}

/** Kinds of data, from those that never meet a half way point to those that always do. */
const kinds: Record<string, (random: () => number) => number> = {
  'full mantissas': (random) => random() * 2 - 1,
  'eight bits': (random) => Math.floor(random() * 256) / 256,
  'twelve bits of either sign': (random) => Math.floor(random() * 8192 - 4096) / 4096,
  'thirteen bits at many scales': (random) =>
    (Math.floor(random() * 8192) - 4096) * 2 ** Math.floor(random() * 40 - 20),
  'with zeros': (random) => (random() < 0.5 ? 0 : random() - 0.5),
  'near the smallest normal product': (random) => (random() - 0.5) * 2 ** -61,
  'subnormal products': (random) => (random() - 0.5) * 2 ** -68,
  'subnormal factors': (random) => (random() - 0.5) * (random() < 0.5 ? 2 ** -130 : 1),
  'near overflow': (random) => (random() - 0.5) * 2 ** 64,
};

const floats = (length: number, make: () => number): Float32Array =>
  Float32Array.from({ length }, () => Math.fround(make()));

describe.each(Object.entries(kinds))('on %s', (_, make) => {
  it.each([
    [1, 1],
    [1, 37],
    [9, 16],
    [5, 3],
  ])('a tile of %i taps and %i channels is a chain of fmaf', (taps, depth) => {
    const random = generator(taps * 100 + depth);
    for (let round = 0; round < 20; round++) {
      const x = floats(taps * 4 * depth, () => make(random));
      const weights = floats(taps * depth * 2, () => make(random));
      const offsets = Int32Array.from({ length: 4 * taps }, (_value, i) => i * depth);
      const wanted = new Float64Array(8);
      for (let k = 0; k < taps * depth; k++)
        for (let i = 0; i < 8; i++) {
          const value = x[(4 * Math.floor(k / depth) + (i >> 1)) * depth + (k % depth)];
          wanted[i] = fmaf(value, weights[2 * k + (i & 1)], wanted[i]);
        }
      const state = new Float64Array(8);
      const quick = hasExactSmallSums(smallestExponent(x), smallestExponent(weights));
      runTile(x, offsets, 0, weights, 0, taps, depth, state, quick);
      expect([...state]).toEqual([...wanted]);
      state.fill(0);
      runTile(x, offsets, 0, weights, 0, taps, depth, state, false);
      expect([...state]).toEqual([...wanted]);
    }
  });

  it('a depthwise tile is a chain of fmaf', () => {
    const random = generator(7);
    const taps = 25;
    for (let round = 0; round < 40; round++) {
      const x = floats(taps * 4 * 2, () => make(random));
      const weights = floats(taps * 2, () => make(random));
      const offsets = Int32Array.from({ length: 4 * taps }, (_value, i) => 2 * i);
      const wanted = new Float64Array(8);
      for (let t = 0; t < taps; t++)
        for (let i = 0; i < 8; i++)
          wanted[i] = fmaf(x[2 * (4 * t + (i >> 1)) + (i & 1)], weights[2 * t + (i & 1)], wanted[i]);
      for (const exponent of [smallestExponent(weights), 0]) {
        const sums = new Float64Array(8);
        const filter = { weights, exponents: Uint8Array.of(exponent) };
        runDepthwiseTile(x, smallestExponent(x), offsets, filter, taps, 2, 0, 1, sums);
        expect([...sums]).toEqual([...wanted]);
      }
    }
  });
});

// Three steps: up to an odd float c, then a product that lies a hair below half a place of c, so that rounding twice goes up
// where rounding once stays, then back to zero. `scale` is the place of c's last bit.
const trap = (scale: number): [x: number, weight: number][] => [
  [scale * (2 ** 23 + 1), 1],
  [2 ** -12 * (1 + 2 ** -23), scale * 2 ** 11 * (1 - 2 ** -23)],
  [-scale * (2 ** 23 + 1), 1],
];
const subnormalTrap: [x: number, weight: number][] = [
  [2 ** -149 * 1025, 1],
  [2 ** -75 * (1 + 2 ** -23), 2 ** -75 * (1 - 2 ** -23)],
  [-(2 ** -149) * 1025, 1],
];

describe.each([
  ['half way points', [...trap(2 ** -23), ...trap(2 ** -10), ...trap(2 ** -40)], true],
  ['half way points among subnormal floats', [...subnormalTrap, ...subnormalTrap], false],
] as const)('on traps at %s', (_, traps, quickly) => {
  const chain = (until: number): number =>
    traps.slice(0, until).reduce((sum, [x, weight]) => fmaf(x, weight, sum), 0);

  it('rounding twice is wrong', () => {
    const wrong = traps.filter(([x, weight], k) => {
      const before = chain(k);
      return Math.fround(x * weight + before) !== fmaf(x, weight, before);
    });
    expect(wrong.length).toBe(traps.length / 3);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])(
    'both tiles round once in lane %i, whichever step is the last',
    (lane) => {
      for (let taps = 1; taps <= traps.length; taps++) {
        // The lane's own position and channel see the traps, the others ones and zeros.
        const x = Float32Array.from({ length: 8 * taps }, (_value, i) =>
          (i >> 1) % 4 === lane >> 1 ? traps[i >> 3][0] : 1,
        );
        const weights = Float32Array.from({ length: 2 * taps }, (_value, i) =>
          i % 2 === lane % 2 ? traps[i >> 1][1] : 0,
        );
        const quick = hasExactSmallSums(smallestExponent(x), smallestExponent(weights));
        expect(quick).toBe(quickly || taps === 1);
        const offsets = Int32Array.from({ length: 4 * taps }, (_value, i) => 2 * i);
        const dense = new Float64Array(8);
        runTile(x, offsets, 0, weights, 0, taps, 1, dense, quick);
        const depthwise = new Float64Array(8);
        const filter = { weights, exponents: Uint8Array.of(smallestExponent(weights)) };
        runDepthwiseTile(x, smallestExponent(x), offsets, filter, taps, 2, 0, 1, depthwise);
        expect([dense[lane], depthwise[lane]]).toEqual([chain(taps), chain(taps)]);
      }
    },
  );
});

describe('the smallest exponent', () => {
  it('is that of the smallest magnitude but zero, and 1 for subnormal numbers', () => {
    expect(smallestExponent(Float32Array.of(3, -0.5, 0, -0, 8))).toBe(126);
    expect(smallestExponent(Float32Array.of(1, -(2 ** -149)))).toBe(1);
    expect(smallestExponent(Float32Array.of(2 ** -126))).toBe(1);
    expect(smallestExponent(Float32Array.of(2 ** -125))).toBe(2);
    expect(smallestExponent(Float32Array.of(0, -0))).toBe(255);
    expect(smallestExponent(new Float32Array(0))).toBe(255);
    expect(smallestExponent(Float32Array.of(Number.POSITIVE_INFINITY, Number.NaN))).toBe(255);
  });

  it('looks at its range only', () => {
    expect(smallestExponent(Float32Array.of(0.25, 2, 4, 0.5), 1, 3)).toBe(128);
  });

  it('lets products down to 2^-178 be summed quickly, and none below', () => {
    // The last places of 2^-66 and 2^-66 are 2^-89 each.
    expect(hasExactSmallSums(127 - 66, 127 - 66)).toBe(true);
    expect(hasExactSmallSums(127 - 66, 127 - 67)).toBe(false);
  });
});

it('sees half way points among normal floats', () => {
  expect(isHalfWay(1 + 2 ** -24)).toBe(true);
  expect(isHalfWay(-(1 + 2 ** -23 + 2 ** -24))).toBe(true);
  expect(isHalfWay(1 + 2 ** -24 + 2 ** -52)).toBe(false);
  expect(isHalfWay(1 + 2 ** -25)).toBe(false);
  expect(isHalfWay(0)).toBe(false);
});
