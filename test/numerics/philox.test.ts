import { afterEach, describe, expect, it } from 'vitest';
import {
  DEFAULT_SEED,
  getRngState,
  manualSeed,
  nextStream,
  normalInto,
  philox,
  setRngState,
  uniformInto,
} from '../../lib/numerics/philox.js';

const source = { seed: 7, stream: 0 };

function moments(values: Float32Array): { mean: number; variance: number; kurtosis: number } {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const power = (n: number): number => values.reduce((sum, x) => sum + (x - mean) ** n, 0) / values.length;
  return { mean, variance: power(2), kurtosis: power(4) / power(2) ** 2 };
}

describe('philox', () => {
  // The vectors that Random123 publishes for philox4x32 with 10 rounds (its file kat_vectors).
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('gives the published answer for counter %j', (counter, [k0, k1], answer) => {
    const block = new Uint32Array(4);
    philox(Uint32Array.from(counter), [k0, k1], block);
    expect([...block]).toEqual(answer);
  });
});

describe('uniformInto', () => {
  it('gives the same element for an index, however long the array', () => {
    const long = new Float32Array(103);
    uniformInto(long, source);
    for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 102]) {
      const short = new Float32Array(length);
      uniformInto(short, source);
      expect(short).toEqual(long.subarray(0, length));
    }
  });

  it('stays in [low, high) and spreads evenly', () => {
    const values = new Float32Array(200_000);
    uniformInto(values, source, -0.5, 0.25);
    expect(values.every((x) => x >= -0.5 && x < 0.25)).toBe(true);
    const { mean, variance } = moments(values);
    expect(Math.abs(mean + 0.125)).toBeLessThan(0.002);
    expect(variance).toBeCloseTo(0.75 ** 2 / 12, 3);
  });

  it('stays below the open end where rounding to float32 would reach it', () => {
    const values = new Float32Array(100_000);
    uniformInto(values, source, 1, 1 + 2 ** -22);
    expect(values.every((x) => x >= 1 && x < 1 + 2 ** -22)).toBe(true);
  });

  it('differs between seeds, negative and large ones too, and between streams', () => {
    const first = new Set<number>();
    for (const seed of [0, 1, -1, 2 ** 32, 2 ** 40, -(2 ** 40), Number.MAX_SAFE_INTEGER]) {
      for (const stream of [0, 1, 2 ** 32]) {
        const values = new Float32Array(1);
        uniformInto(values, { seed, stream });
        first.add(values[0]);
      }
    }
    expect(first.size).toBe(21);
  });
});

describe('normalInto', () => {
  it('gives the same element for an index, however long the array', () => {
    const long = new Float32Array(103);
    normalInto(long, source);
    for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 102]) {
      const short = new Float32Array(length);
      normalInto(short, source);
      expect(short).toEqual(long.subarray(0, length));
    }
  });

  it('has the moments of a normal distribution', () => {
    const values = new Float32Array(400_000);
    normalInto(values, source, 3, 2);
    const { mean, variance, kurtosis } = moments(values);
    expect(Math.abs(mean - 3)).toBeLessThan(0.01);
    expect(Math.abs(variance - 4)).toBeLessThan(0.03);
    expect(Math.abs(kurtosis - 3)).toBeLessThan(0.03);
  });

  it('keeps its bits from version to version', () => {
    const values = new Float32Array(5);
    normalInto(values, source);
    expect([...new Uint32Array(values.buffer)].map((bits) => bits.toString(16))).toEqual([
      '3998dd84',
      'be9c14e7',
      '3fe4f600',
      '3f88b00c',
      '3ec0b7f6',
    ]);
  });
});

describe('manualSeed', () => {
  afterEach(() => manualSeed(DEFAULT_SEED));

  it('begins the sequence of draws anew', () => {
    manualSeed(7);
    expect([nextStream(), nextStream(), nextStream(9), nextStream()]).toEqual([
      { seed: 7, stream: 0 },
      { seed: 7, stream: 1 },
      { seed: 9, stream: 0 },
      { seed: 7, stream: 2 },
    ]);
    manualSeed(7);
    expect(nextStream()).toEqual({ seed: 7, stream: 0 });
  });

  it.each([1.5, Number.NaN, Infinity, 2 ** 53])('refuses %s', (seed) => {
    expect(() => manualSeed(seed)).toThrow(RangeError);
  });

  it('refuses what is no number', () => {
    expect(() => Reflect.apply(manualSeed, undefined, ['7'])).toThrow(TypeError);
  });

  it('goes on from a state that was kept, in another order of seeds too', () => {
    manualSeed(7);
    nextStream();
    const state = JSON.parse(JSON.stringify(getRngState()));
    const wanted = [nextStream(), nextStream()];
    manualSeed(8);
    setRngState(state);
    expect([nextStream(), nextStream()]).toEqual(wanted);
  });

  it.each([null, 7, {}, { seed: 7 }, { seed: 7, drawn: -1 }, { seed: 0.5, drawn: 0 }])(
    'refuses the state %j',
    (state) => {
      const before = getRngState();
      expect(() => Reflect.apply(setRngState, undefined, [state])).toThrow(/^setRngState: /);
      expect(getRngState()).toEqual(before);
    },
  );
});
