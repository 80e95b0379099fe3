// Outputs of a network that is being recorded: arrays of the right lengths that all lie in the same memory, since nobody
// looks into them. Memory for each would be hundreds of megabytes for a batch, and the garbage collector would run for it.

import { uninitialised } from '../backend/memory.js';
import { Block } from './graph.js';

/** Memory that steps write. */
export interface Made {
  readonly block: Block;
  /** What steps have written of it, in order. */
  readonly written: [begin: number, end: number][];
  /** Where its elements are; null where it has none. */
  readonly buffer: ArrayBufferLike | null;
}

/** Where an array's elements lie in such memory. */
export interface Place {
  readonly made: Made;
  readonly begin: number;
}

/** Arrays without memory of their own: which is which only the object tells, not its buffer and offset. */
export class Nowhere {
  readonly #places = new Map<Float32Array, Place>();
  #shared = new Float32Array(0);
  readonly #buffers = new Set<ArrayBufferLike>();

  take(length: number): Float32Array {
    const made: Made = { block: new Block(length, 'made'), written: [], buffer: null };
    return this.#placed(length, { made, begin: 0 });
  }

  /** Elements of an array that lies here; undefined for others. */
  part(data: Float32Array, begin: number, end: number): Float32Array | undefined {
    const whole = this.placeOf(data);
    return whole && this.#placed(end - begin, { made: whole.made, begin: whole.begin + begin });
  }

  placeOf(data: Float32Array): Place | undefined {
    const place = this.#places.get(data);
    if (place === undefined && this.#buffers.has(data.buffer))
      throw new Error('a view of an output that is not there: part() makes them');
    return place;
  }

  #placed(length: number, place: Place): Float32Array {
    // Longer than any array in it, so that none of them looks like the owner of its buffer
    if (this.#shared.length <= length) {
      this.#shared = uninitialised(Math.max(length + 1, 2 * this.#shared.length));
      this.#buffers.add(this.#shared.buffer);
    }
    const data = this.#shared.subarray(0, length);
    this.#places.set(data, place);
    return data;
  }
}
