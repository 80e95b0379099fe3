// What writers of tensors by name share: names and values checked, elements copied out a piece at a time, and a watch on
// tensors that change while a file is being written.

import { endianness } from 'node:os';
import { show, wrongType, wrongValue } from '../errors.js';
import { logicalArray, storageOf, Tensor } from '../tensor/tensor.js';
import { quoted, wellFormed } from './json-reader.js';

export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
  /** As float32. */
  readonly bytes: number;
  /** @throws RangeError where the elements may have changed since the tensor was looked at first. */
  checkUnchanged(): void;
}

const utf8 = new TextEncoder();

/** Names in the order of their UTF-8 bytes. */
export const byBytes = (a: string, b: string): number => Buffer.compare(utf8.encode(a), utf8.encode(b));

/** The tensors of an object by name, in the order of their names' bytes. */
export function checkedTensors(tensors: unknown, operation: string): NamedTensor[] {
  if (
    typeof tensors !== 'object' ||
    tensors === null ||
    Array.isArray(tensors) ||
    tensors instanceof Tensor
  ) {
    throw wrongType(operation, `expected an object of Tensors by name, not ${show(tensors)}`);
  }
  const named = Object.entries(tensors).map(([name, tensor]: [string, unknown]): NamedTensor => {
    if (!(tensor instanceof Tensor)) {
      throw wrongType(operation, `${quoted(name)} must be a Tensor, not ${show(tensor)}`);
    }
    checkText(name, 'a name', operation);
    const storage = storageOf(tensor);
    const { version } = storage;
    return {
      name,
      tensor,
      bytes: storage.length * 4,
      checkUnchanged() {
        if (storage.version === version) return;
        const law = `${quoted(name)} may have changed while the file was written`;
        throw wrongValue(operation, law, `await ${operation} before training goes on`);
      },
    };
  });
  return named.sort((a, b) => byBytes(a.name, b.name));
}

/** @throws RangeError for text that UTF-8 cannot spell. */
export function checkText(text: string, what: string, operation: string): void {
  if (!wellFormed(text)) throw wrongValue(operation, `${what} is no Unicode text: ${show(text)}`);
}

const CHUNK = 1 << 20; // floats

/**
 * Gives the elements to `write` as little-endian bytes, a piece after another. Each is a copy: a user may transfer or free
 * the tensor's own memory while another thread writes.
 */
export async function writeFloats(
  tensor: Tensor,
  name: string,
  operation: string,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const values = logicalArray(tensor, operation);
  const { length } = values;
  const chunk = new Float32Array(Math.min(CHUNK, length));
  for (let done = 0; done < length; done += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, length - done));
    if (values.length !== length) {
      throw wrongType(operation, `the buffer of ${name} was detached while the file was written`);
    }
    part.set(values.subarray(done, done + part.length));
    const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    await write(endianness() === 'LE' ? bytes : bytes.swap32());
  }
}
