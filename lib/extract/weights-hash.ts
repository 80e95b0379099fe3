// The hash of a network's weights, made while the network computes: with 100 MB of them it takes 0.1 s, which nothing has to
// wait for but the manifest.

import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { littleEndianBytes } from '../io/npy-rows.js';
import type { Module } from '../nn/module.js';
import { elementCount } from '../tensor/shape.js';
import { storageOf, type Tensor } from '../tensor/tensor.js';

/** Elements of weights that are copied to be hashed later; others are hashed at once, unless they lie in a file. */
const MOST_COPIED = 1 << 14;

/** SHA-256 over every weight's name, shape and little-endian float32 values, in the order of their names. */
export function weightsSha256(model: Module): string {
  const hash = createHash('sha256');
  for (const [name, tensor] of sorted(model)) {
    hash.update(heading(name, tensor));
    hash.update(littleEndianBytes(tensor.data));
  }
  return hash.digest('hex');
}

/**
 * {@link weightsSha256} of the weights as they are now, whatever becomes of them: those that lie in a file are read from there
 * once more. It is made when it is first asked for, in pieces between which the event loop goes on.
 */
export function hashedLater(model: Module): () => Promise<string> {
  const weights = sorted(model);
  const large = weights.some(
    ([, tensor]) => storageOf(tensor).unread === null && elementCount(tensor.shape) > MOST_COPIED,
  );
  if (large) {
    const hash = weightsSha256(model);
    return () => Promise.resolve(hash);
  }
  const parts = weights.map(([name, tensor]) => ({ heading: heading(name, tensor), ...elementsOf(tensor) }));
  let made: Promise<string> | null = null;
  return () => {
    made ??= inPieces(parts);
    return made;
  };
}

interface Part {
  readonly heading: string;
  readonly length: number;
  readInto(data: Float32Array): void;
}

async function inPieces(parts: readonly Part[]): Promise<string> {
  const hash = createHash('sha256');
  const memory = new Float32Array(Math.max(0, ...parts.map(({ length }) => length)));
  let sinceTurn = 0;
  for (const { heading, length, readInto } of parts) {
    if (sinceTurn + length > PIECE && sinceTurn > 0) {
      await setImmediate();
      sinceTurn = 0;
    }
    const data = memory.subarray(0, length);
    readInto(data);
    hash.update(heading);
    hash.update(littleEndianBytes(data));
    sinceTurn += length;
  }
  return hash.digest('hex');
}

/**
 * Elements that are hashed in one turn of the event loop, about 4 ms: each turn opens the weights' file once more, and with a
 * quarter of this those of ResNet-50 took 30 ms for that.
 */
const PIECE = 1 << 20;

function elementsOf(tensor: Tensor): Pick<Part, 'length' | 'readInto'> {
  const { unread } = storageOf(tensor);
  if (unread !== null) return { length: unread.length, readInto: unread.readInto };
  const copy = tensor.data.slice();
  return { length: copy.length, readInto: (data) => data.set(copy) };
}

const sorted = (model: Module): [string, Tensor][] =>
  Object.entries(model.stateDict()).sort(([a], [b]) => (a < b ? -1 : 1));

const heading = (name: string, { shape }: Tensor): string => `${name} [${shape.join(', ')}]\n`;
