// Random numbers that depend on a seed, a stream and an element's index alone: the counter-based generator
// Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). It fills arrays in
// logical element order and knows nothing of tensors, layouts or threads.
//
// key = the seed's 64 bits; counter = [block, block's upper half, stream, stream's upper half];
// element i takes word i mod 4 of block floor(i / 4).

import { show, wrongType, wrongValue } from '../errors.js';
import { cos64, log64, sin64 } from './double.js';

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** The upper 32 bits of a * b, for a, b below 2^32: every partial result stays below 2^53. */
function highProduct(a: number, b: number): number {
  const low = (a & 0xffff) * b;
  const high = (a >>> 16) * b;
  return Math.floor((high + Math.floor(low / 65536)) / 65536);
}

/**
 * One block of Philox 4x32-10: the four words `counter` enciphered under the two words `key`, written to
 * `block`, which may be `counter`.
 */
export function philox(counter: Uint32Array, key: readonly [number, number], block: Uint32Array): void {
  let [w0, w1, w2, w3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = highProduct(MULTIPLIER_0, w0);
    const low0 = Math.imul(MULTIPLIER_0, w0) >>> 0;
    const high1 = highProduct(MULTIPLIER_1, w2);
    const low1 = Math.imul(MULTIPLIER_1, w2) >>> 0;
    w0 = (high1 ^ w1 ^ k0) >>> 0;
    w1 = low1;
    w2 = (high0 ^ w3 ^ k1) >>> 0;
    w3 = low0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  block[0] = w0;
  block[1] = w1;
  block[2] = w2;
  block[3] = w3;
}

/** Where a draw takes its numbers: the same pair always gives the same ones. */
export interface RandomStream {
  /** A whole number, negative ones included. */
  readonly seed: number;
  /** A whole number from 0; draws of one seed with different streams are independent. */
  readonly stream: number;
}

/** A whole number as the two words that keys and counters take. */
export function streamWords(value: number): [low: number, high: number] {
  return [value >>> 0, Math.floor(value / 4294967296) >>> 0];
}

/** Calls visit(i, block) for every block of four elements that begins at i. */
function forEachBlock(
  count: number,
  source: RandomStream,
  visit: (first: number, block: Uint32Array) => void,
): void {
  const key = streamWords(source.seed);
  const [streamLow, streamHigh] = streamWords(source.stream);
  const words = new Uint32Array(4);
  for (let first = 0; first < count; first += 4) {
    const index = first / 4;
    words[0] = index;
    words[1] = index / 4294967296;
    words[2] = streamLow;
    words[3] = streamHigh;
    philox(words, key, words);
    visit(first, words);
  }
}

/**
 * Fills `out` with numbers spread evenly over [low, high): low + (high - low) * u in float64, rounded once to
 * float32, where u has 24 bits.
 */
export function uniformInto(out: Float32Array, source: RandomStream, low = 0, high = 1): void {
  const width = high - low;
  const limit = Math.fround(high);
  forEachBlock(out.length, source, (first, block) => {
    const count = Math.min(4, out.length - first);
    for (let k = 0; k < count; k++) {
      const value = Math.fround(low + width * ((block[k] >>> 8) / 16777216));
      // The rounding may reach the open end.
      out[first + k] = value < limit ? value : low;
    }
  });
}

/**
 * Fills `out` with normal numbers of the given mean and standard deviation, by Box and Muller's transform in
 * float64, rounded once to float32. Elements 2j and 2j + 1 are the cosine and the sine of one pair of words.
 */
export function normalInto(out: Float32Array, source: RandomStream, mean = 0, deviation = 1): void {
  forEachBlock(out.length, source, (first, block) => {
    for (let k = 0; k < 4 && first + k < out.length; k += 2) {
      const radius = deviation * Math.sqrt(-2 * log64((block[k] + 1) / 4294967296));
      const angle = block[k + 1] * (Math.PI / 2147483648);
      out[first + k] = mean + radius * cos64(angle);
      // One past the end of a typed array is no element: the write is dropped.
      out[first + k + 1] = mean + radius * sin64(angle);
    }
  });
}

/** The seed of a process that never called `manualSeed`. */
export const DEFAULT_SEED = 0;

let defaultSeed = DEFAULT_SEED;
let drawn = 0;

/** Checks that a seed is a whole number between -(2^53 - 1) and 2^53 - 1, and gives it back. */
export function checkedSeed(operation: string, seed: unknown): number {
  if (typeof seed !== 'number') throw wrongType(operation, `a seed is a whole number, got ${show(seed)}`);
  if (!Number.isSafeInteger(seed)) {
    throw wrongValue(operation, `a seed is a whole number below 2^53, got ${show(seed)}`);
  }
  return seed;
}

/**
 * Begins the sequence of unseeded draws of this isolate anew: after `manualSeed(7)` the first draw equals one
 * with `{ seed: 7 }`, and the later ones follow in a fixed order.
 *
 * @throws TypeError | RangeError where the seed is not a whole number below 2^53.
 */
export function manualSeed(seed: number): void {
  defaultSeed = checkedSeed('manualSeed', seed);
  drawn = 0;
}

/** Where this isolate's sequence of unseeded draws stands. */
export interface RngState {
  /** What `manualSeed` was given last. */
  readonly seed: number;
  /** How many draws were made since. */
  readonly drawn: number;
}

/** The state that `setRngState` goes on from: plain numbers, to be kept with a checkpoint. */
export const getRngState = (): RngState => ({ seed: defaultSeed, drawn });

/**
 * Goes on with the unseeded draws where `getRngState` was called: the next draw is the one that came next then.
 *
 * @throws TypeError | RangeError where it is no such state.
 */
export function setRngState(state: RngState): void {
  if (typeof state !== 'object' || state === null) {
    throw wrongType('setRngState', `expected what getRngState() gave, not ${show(state)}`);
  }
  const seed = checkedSeed('setRngState', state.seed);
  if (!Number.isSafeInteger(state.drawn) || state.drawn < 0) {
    throw wrongValue('setRngState', `drawn must be a whole number from 0 up, got ${show(state.drawn)}`);
  }
  defaultSeed = seed;
  drawn = state.drawn;
}

/** The numbers of the next draw: stream 0 of an explicit seed, else the next stream of the default one. */
export function nextStream(seed?: number): RandomStream {
  if (seed !== undefined) return { seed, stream: 0 };
  return { seed: defaultSeed, stream: drawn++ };
}
