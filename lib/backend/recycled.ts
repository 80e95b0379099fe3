// Memory of gradients that nobody can reach any more, kept for the next gradient of the same length. The garbage
// collector would come too late: a backward pass makes and drops a gradient for every operation, and fresh memory costs
// a page fault (about 1.3 us) for every 4 KB.

import { uninitialised } from './memory.js';

/** Shorter arrays are left to the garbage collector: they cost no page faults. */
const SHORTEST = 1024;
/** Beyond this many bytes the lengths that were used least recently are dropped. */
const MOST_BYTES = 2 ** 29;

const fillWithNaN = process.env.CONVKIT_FILL_NAN === '1';

/** By length; the length that was used last comes last. */
const kept = new Map<number, Float32Array<ArrayBuffer>[]>();
let bytes = 0;

/** Float32 memory of `length` elements, contents undefined; like `uninitialised`, from kept memory where there is any. */
export function takeRecycled(length: number): Float32Array<ArrayBuffer> {
  const array = length < SHORTEST ? undefined : kept.get(length)?.pop();
  if (array === undefined) return uninitialised(length);
  bytes -= array.byteLength;
  return array;
}

/** Keeps memory for the next {@link takeRecycled}. Whoever gives it may not read or write it any more, nor may any other. */
export function recycle(array: Float32Array): void {
  if (array.length < SHORTEST || !ownsPlainBuffer(array)) return;
  if (fillWithNaN) array.fill(Number.NaN); // so that a forbidden read shows
  const same = kept.get(array.length) ?? [];
  same.push(array);
  kept.delete(array.length);
  kept.set(array.length, same);
  bytes += array.byteLength;
  for (const [length, arrays] of kept) {
    if (bytes <= MOST_BYTES) break;
    bytes -= length * 4 * arrays.length;
    kept.delete(length);
  }
}

const ownsPlainBuffer = (array: Float32Array): array is Float32Array<ArrayBuffer> =>
  array.buffer instanceof ArrayBuffer && array.byteLength === array.buffer.byteLength;

/** Bytes that are kept at present. */
export const recycledBytes = (): number => bytes;

/** Leaves all kept memory to the garbage collector. */
export function dropRecycled(): void {
  kept.clear();
  bytes = 0;
}
