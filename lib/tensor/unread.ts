// Elements that still lie in a file. Whoever needs them has them read; a session that packs them into another form reads
// them into memory of its own, and they are never here.

import { uninitialised } from '../backend/memory.js';

export class Unread {
  /** Stands for the elements where a network is traced: an array without any. */
  readonly name = new Float32Array(0);
  #data: Float32Array | null = null;

  constructor(
    readonly length: number,
    /** Fills an array of that length. */
    readonly readInto: (data: Float32Array) => void,
  ) {}

  /** Whether someone has had them read, and holds them. */
  get isRead(): boolean {
    return this.#data !== null;
  }

  /** The elements, read once for all who share them. */
  get data(): Float32Array {
    if (this.#data === null) {
      const data = uninitialised(this.length);
      this.readInto(data);
      this.#data = data;
    }
    return this.#data;
  }
}
