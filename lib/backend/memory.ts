// Output memory. A fresh Float32Array is zeroed page by page, which for a large output takes longer than many a
// convolution; every operation of the contract writes all of its output, so outputs skip that.

import { constants } from 'node:buffer';
import { totalmem } from 'node:os';
import { MessageChannel, type MessagePort } from 'node:worker_threads';

/** A port whose other end is closed: what is sent through it is dropped, and its memory freed. */
let drain: MessagePort | null = null;

/** To be awaited once before {@link discardMemory}: without it, memory is left to the garbage collector. */
export async function openDrain(): Promise<void> {
  if (drain !== null) return;
  const { port1, port2 } = new MessageChannel();
  const closed = new Promise((resolve) => port1.once('close', resolve));
  port1.ref();
  port2.close();
  await closed;
  drain = port1;
}

/** Frees an array's memory at once, where the garbage collector might wait; the array is empty from then on. */
export function discardMemory(data: Float32Array): void {
  const { buffer } = data;
  if (!(buffer instanceof ArrayBuffer) || data.byteLength !== buffer.byteLength) return;
  try {
    drain?.postMessage(null, [buffer]);
  } catch {
    // Memory of someone who does not part with it: the collector's
  }
}

let memoryOfMachine = 0;

/** Bytes that this process may fill, of the machine's or of its container's. More is often granted, and ends it when written. */
export function machineMemory(): number {
  if (memoryOfMachine === 0)
    memoryOfMachine = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return memoryOfMachine;
}

/** Test mode: fills new outputs with NaN, so that an element which a kernel forgot to write shows. */
const fillWithNaN = process.env.CONVKIT_FILL_NAN === '1';

/** Arrays up to so many elements are zeroed faster than Node finds memory that it need not zero. */
const SMALL = 256;

/**
 * Float32 memory of `length` elements, at offset 0 of an ArrayBuffer of its own, contents undefined.
 *
 * With CONVKIT_FILL_NAN=1 in the environment the contents are NaN.
 */
export function uninitialised(length: number): Float32Array<ArrayBuffer> {
  const bytes = length * 4;
  const memory =
    length <= SMALL || bytes > constants.MAX_LENGTH
      ? new Float32Array(length)
      : new Float32Array(Buffer.allocUnsafeSlow(bytes).buffer);
  return fillWithNaN ? memory.fill(Number.NaN) : memory;
}

/** Shorter arrays lie inside the garbage collector's own memory; longer ones are worth an ArrayBuffer each. */
const [SHORTEST, LONGEST] = [17, 1024];
/** How many results lie side by side, and in how many bytes at most. */
const [SIDE_BY_SIDE, TOGETHER] = [16, 2 ** 15];

/** Memory of several results, which no user may reach: to transfer it would take away all of them. */
class SharedMemory extends ArrayBuffer {}

/**
 * Memory for small results of one length, one after another. An ArrayBuffer of its own takes longer to make and to free than
 * many such a result to compute: 192 elements 380 ns, side by side 110. None is ever used twice, so a result that is kept
 * keeps the memory of its neighbours: no more than 16 times its own, nor than 32 KB.
 */
export class SmallOutputs {
  readonly #bytes: number;
  #memory = new SharedMemory(0);
  #used = 0;

  constructor(readonly length: number) {
    this.#bytes = length * 4;
  }

  /** Whether arrays of such a length gain by it. */
  static serve(length: number): boolean {
    return length >= SHORTEST && length <= LONGEST;
  }

  /** Float32 memory, contents undefined. */
  take(): Float32Array<ArrayBuffer> {
    if (this.#used === this.#memory.byteLength) {
      this.#memory = new SharedMemory(
        this.#bytes * Math.min(SIDE_BY_SIDE, Math.floor(TOGETHER / this.#bytes)),
      );
      this.#used = 0;
    }
    const taken = new Float32Array(this.#memory, this.#used, this.length);
    this.#used += this.#bytes;
    return fillWithNaN ? taken.fill(Number.NaN) : taken;
  }
}

/** The array, or a copy where it shares its buffer with others of the library's: what may be handed to a user. */
export const ownArray = (data: Float32Array): Float32Array =>
  data.buffer instanceof SharedMemory ? data.slice() : data;
