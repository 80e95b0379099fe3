import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fmaf, settleTie, TIE_SPLITTER } from '../../lib/numerics/fmaf.js';
import { philox } from '../../lib/numerics/philox.js';
import { buildProgram, type NativeProgram } from '../support/native-program.js';

const BATCH = 1 << 20;
const words = new Uint32Array(3 * BATCH);
const triples = new Float32Array(words.buffer);

/** Fills `words` with random bits that depend on the batch's number alone. */
function fillRandom(batch: number): void {
  const block = new Uint32Array(4);
  for (let i = 0; i < words.length; i += 4) {
    block.set([i, batch, 0, 0]);
    philox(block, [20, 26], block);
    words.set(block, i);
  }
}

/** Any bit patterns: every exponent, subnormals, infinities, NaN. */
function anyBits(batch: number): void {
  fillRandom(batch);
}

/** Products and addends of like size, so that their low bits meet: exponents within 8 of one another. */
function likeSizes(batch: number): void {
  fillRandom(batch);
  for (let i = 0; i < words.length; i++) {
    const exponent = 123 + ((words[i] >>> 23) & 7);
    words[i] = (words[i] & 0x807fffff) | (exponent << 23);
  }
}

/**
 * Sums half way between two floats, or the least bit beside it: c has a long gap below its last bit, and a * b is
 * half of that last bit plus or minus something tiny, in every binade down to the subnormals and up to overflow.
 */
function nearTies(batch: number): void {
  fillRandom(batch);
  for (let i = 0; i < words.length; i += 3) {
    const r = words[i];
    const exponent = 1 + (words[i + 1] % 254);
    words[i + 2] = (words[i + 2] & 0x807fffff) | (exponent << 23);
    const lastBit = 2 ** (exponent - 127 - 23);
    // (1 + d)(1 - d) = 1 - d^2 and (1 + d)^2 = 1 + 2d + d^2, with d a power of two down to one ulp
    const d = 2 ** -(1 + ((r >>> 4) % 23));
    const sign = r & 1 ? 1 : -1;
    const split = 2 ** (((r >>> 10) % 60) - 30);
    triples[i] = sign * (1 + d) * split;
    triples[i + 1] = (((r & 6) === 0 ? 1 + d : (r & 6) === 2 ? 1 - d : 1) * lastBit) / 2 / split;
  }
}

let program: NativeProgram;
beforeAll(() => {
  program = buildProgram('test/native/fmaf.cpp');
}, 60_000);
afterAll(() => program?.remove());

/** The bits, with every NaN alike: their payloads are nobody's promise. */
function sameFloat(a: number, b: number): boolean {
  return Object.is(a, b);
}

function floats(bytes: Buffer): Float32Array {
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

function mismatch(input: Float32Array, hardware: Float32Array): string | null {
  for (let i = 0; i < hardware.length; i++) {
    const [a, b, c] = [input[3 * i], input[3 * i + 1], input[3 * i + 2]];
    const got = fmaf(a, b, c);
    if (!sameFloat(got, hardware[i])) return `fmaf(${a}, ${b}, ${c}) gave ${got}, hardware ${hardware[i]}`;
  }
  return null;
}

describe('fmaf', () => {
  it.each([
    ['any bits', anyBits, 4],
    ['like sizes', likeSizes, 4],
    ['near ties', nearTies, 4],
  ] as const)(
    'equals the hardware on %s, 4 million triples, as does the C++ twin',
    (_, fill, batches) => {
      for (let batch = 0; batch < batches; batch++) {
        fill(batch);
        const hardware = program.run(['hardware'], triples);
        expect(mismatch(triples, floats(hardware))).toBeNull();
        const twin = floats(program.run(['exact'], triples));
        const expected = floats(hardware);
        let wrong = 0;
        for (let i = 0; i < twin.length; i++) if (!sameFloat(twin[i], expected[i])) wrong++;
        expect(wrong).toBe(0);
      }
    },
    60_000,
  );

  it('equals the hardware on every triple of special values', () => {
    const magnitudes = [
      0,
      2 ** -149,
      2 ** -148,
      2 ** -127,
      2 ** -126,
      2 ** -126 - 2 ** -149,
      2 ** -75,
      2 ** -74,
      2 ** -24,
      2 ** -12,
      1 - 2 ** -24,
      1,
      1 + 2 ** -23,
      1 + 2 ** -12,
      1.5,
      2,
      3,
      2 ** 24,
      2 ** 24 - 1,
      2 ** 63,
      2 ** 64,
      2 ** 102,
      2 ** 103,
      2 ** 104,
      2 ** 127,
      2 ** 128 - 2 ** 104,
      2 ** 128 - 2 ** 105,
      Infinity,
      NaN,
    ];
    const specials = magnitudes.flatMap((x) => [x, -x]);
    const input = new Float32Array(3 * specials.length ** 3);
    let i = 0;
    for (const a of specials)
      for (const b of specials)
        for (const c of specials) {
          input.set([a, b, c], i);
          i += 3;
        }
    const hardware = floats(program.run(['hardware'], input));
    expect(mismatch(input, hardware)).toBeNull();
    const twin = floats(program.run(['exact'], input));
    expect(twin.findIndex((y, k) => !sameFloat(y, hardware[k]))).toBe(-1);
  });

  it('is tested on ties that rounding twice gets wrong', () => {
    nearTies(0);
    let wrong = 0;
    for (let i = 0; i < triples.length; i += 3) {
      const [a, b, c] = triples.subarray(i, i + 3);
      if (!sameFloat(Math.fround(a * b + c), fmaf(a, b, c))) wrong++;
    }
    expect(wrong).toBeGreaterThan(BATCH / 50);
  });

  it('agrees with the idiom its file describes for loops that write it out', () => {
    nearTies(1);
    for (let i = 0; i < 300_000; i += 3) {
      const [a, b, c] = triples.subarray(i, i + 3);
      const s = a * b + c;
      const g = s * TIE_SPLITTER;
      let r = Math.fround(s);
      if (g - (g - s) === s && s !== r) r = settleTie(a, b, c);
      if (!sameFloat(r, fmaf(a, b, c))) expect.fail(`the idiom differs on ${a}, ${b}, ${c}`);
    }
  });
});
