import { describe, expect, it } from 'vitest';
import { cos64, exp64, log64, sin64, wholePower } from '../../lib/numerics/double.js';
import { philox } from '../../lib/numerics/philox.js';

/** Numbers in [0, 1) that are the same in every run. */
function* fractions(count: number): Generator<number> {
  const block = new Uint32Array(4);
  for (let i = 0; i < count; i++) {
    block.set([i, 0, 0, 0]);
    philox(block, [64, 0], block);
    yield (block[0] + block[1] / 2 ** 32) / 2 ** 32;
  }
}

function ulp(y: number): number {
  const magnitude = Math.abs(y);
  if (magnitude < 2 ** -1022) return 2 ** -1074;
  const exponent = Math.floor(Math.log2(magnitude));
  const binade = 2 ** exponent <= magnitude ? exponent : exponent - 1;
  return 2 ** (binade - 52);
}

/** The largest difference in ulp; Math.* itself may be one off, so 2 shows an error of one of ours at most. */
function worst(
  ours: (x: number) => number,
  theirs: (x: number) => number,
  at: (u: number) => number,
): number {
  let most = 0;
  for (const u of fractions(50_000)) {
    const expected = theirs(at(u));
    most = Math.max(most, Math.abs(ours(at(u)) - expected) / ulp(expected));
  }
  return most;
}

describe('float64 functions lie within 2 ulp of the platform', () => {
  it.each([
    ['exp64', exp64, Math.exp, (u: number) => (u - 0.5) * 1400],
    ['exp64 near 0', exp64, Math.exp, (u: number) => u - 0.5],
    ['exp64, subnormal results', exp64, Math.exp, (u: number) => -708 - 37 * u],
    ['log64', log64, Math.log, (u: number) => 2 ** ((u - 0.5) * 2040)],
    ['log64 near 1', log64, Math.log, (u: number) => 0.5 + u],
    ['log64 of subnormals', log64, Math.log, (u: number) => u * 2 ** -1030],
    ['sin64', sin64, Math.sin, (u: number) => (u - 0.5) * 2e6],
    ['sin64 near 0', sin64, Math.sin, (u: number) => (u - 0.5) * 8],
    ['cos64', cos64, Math.cos, (u: number) => (u - 0.5) * 2e6],
    ['cos64 near 0', cos64, Math.cos, (u: number) => (u - 0.5) * 8],
    ['sin64 near multiples of pi', sin64, Math.sin, (u: number) => Math.round((u - 0.5) * 6e5) * Math.PI],
    [
      'cos64 near odd multiples of pi/2',
      cos64,
      Math.cos,
      (u: number) => (Math.round(u * 3e5) + 0.5) * Math.PI,
    ],
  ])('%s', (_, ours, theirs, at) => {
    expect(worst(ours, theirs, at)).toBeLessThanOrEqual(2);
  });
});

describe('float64 functions at the edges', () => {
  it('exp64 overflows and underflows where e^x does', () => {
    expect([exp64(0), exp64(-0), exp64(Infinity), exp64(-Infinity), exp64(NaN)]).toEqual([
      1,
      1,
      Infinity,
      0,
      NaN,
    ]);
    expect([exp64(709.7827128933841), exp64(-746)]).toEqual([Infinity, 0]);
    expect(exp64(709.782712893383)).toBeGreaterThan(1.797e308);
    expect(exp64(-745.13)).toBe(2 ** -1074);
  });

  it('log64 is exact at one, and says what has no logarithm', () => {
    expect([log64(1), log64(0), log64(-0), log64(-1), log64(Infinity), log64(NaN)]).toEqual([
      0,
      -Infinity,
      -Infinity,
      NaN,
      Infinity,
      NaN,
    ]);
  });

  it('sin64 and cos64 refuse angles they cannot reduce', () => {
    for (const x of [NaN, Infinity, -Infinity, 1.1e6]) {
      expect(() => sin64(x)).toThrow(RangeError);
      expect(() => cos64(x)).toThrow(RangeError);
    }
    expect([sin64(0), cos64(0)]).toEqual([0, 1]);
    expect(Object.is(sin64(-0), -0)).toBe(true);
  });

  it('wholePower multiplies as often as it says', () => {
    expect([wholePower(0.5, 0), wholePower(0.5, 1), wholePower(-3, 5), wholePower(0, 3)]).toEqual([
      1, 0.5, -243, 0,
    ]);
    let product = 1;
    for (let n = 0; n < 200; n++, product *= 0.93) {
      expect(Math.abs(wholePower(0.93, n) / product - 1)).toBeLessThan(n * 2 ** -52 + 2 ** -53);
    }
  });
});
