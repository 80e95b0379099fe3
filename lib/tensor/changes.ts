// Whether a tensor's elements are still what they were. A write through `.data` cannot be seen, and reading the property
// counts as one; but a backward pass must tell a loss that was printed from a weight that was overwritten. So elements
// that a graph relies on are hashed before they are handed out, and compared when the graph comes back to them.

import { ownArray } from '../backend/memory.js';
import type { Storage } from './storage.js';

/** How many rounds of reading and computing anew are told apart. */
const PRINTS_KEPT = 8;

/** Calls may ask later whether the elements are still those of this moment. */
export function watchChanges(storage: Storage): () => boolean {
  const { version } = storage;
  storage.watched = version;
  return () => storage.version === version || isStill(storage, version);
}

/** The elements for whoever may write to them, and may transfer their memory. */
export function handedOut(storage: Storage): Float32Array {
  if (storage.watched === storage.version) {
    storage.prints ??= new Map();
    storage.prints.set(storage.version, fingerprint(storage.data));
    const [oldest] = storage.prints.keys();
    if (storage.prints.size > PRINTS_KEPT) storage.prints.delete(oldest);
  }
  storage.version++;
  const { data } = storage;
  const own = ownArray(data);
  if (own !== data) storage.data = own;
  return own;
}

function isStill(storage: Storage, version: number): boolean {
  const print = storage.prints?.get(version);
  return print !== undefined && storage.data.length === storage.length && print === fingerprint(storage.data);
}

/** 53 bits of the elements' bits in their order, by two multiplicative hashes. */
function fingerprint(data: Float32Array): number {
  const words = new Int32Array(data.buffer, data.byteOffset, data.length);
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (let i = 0; i < words.length; i++) {
    a = Math.imul(a ^ words[i], 0x01000193);
    b = Math.imul(b ^ words[i], 0x85ebca6b);
    b ^= b >>> 13;
  }
  a ^= a >>> 15;
  return (a >>> 0) * 2 ** 21 + (b >>> 11);
}
