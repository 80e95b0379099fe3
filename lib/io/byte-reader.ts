// Bytes that come one after another, of a whole file, a part of it, or an archive's entry, and the numbers in them.

import { allocateOutput, elementCount } from '../tensor/shape.js';
import { asTheyAre, bytesOf, decode, type ElementType, NotFloat32 } from './elements.js';

export interface ByteReader {
  /** How many bytes are still to come; known to be there, or claimed by an archive within what it may claim. */
  readonly remaining: number;
  /** Fills `bytes` with the next ones. Nobody else may reach their memory meanwhile. */
  fill(bytes: Uint8Array): Promise<void>;
  /** @throws RangeError naming the operation and the source. */
  fail(law: string, cure?: string): never;
}

/** Bytes read at given places; an `InputFile` is one. */
export interface Source {
  /** In bytes. */
  readonly size: number;
  read(position: number, length: number): Promise<Uint8Array>;
  readInto(bytes: Uint8Array, position: number): Promise<void>;
  /** @throws RangeError naming the operation and the source. */
  fail(law: string, cure?: string): never;
}

/** The bytes [begin, end) of a source. */
export class Part implements ByteReader {
  constructor(
    private readonly source: Source,
    private position: number,
    private readonly end: number,
  ) {}

  get remaining(): number {
    return this.end - this.position;
  }

  async fill(bytes: Uint8Array): Promise<void> {
    await this.source.readInto(bytes, this.position);
    this.position += bytes.length;
  }

  fail(law: string, cure?: string): never {
    return this.source.fail(law, cure);
  }
}

export async function take(reader: ByteReader, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await reader.fill(bytes);
  return bytes;
}

const CHUNK_BYTES = 1 << 22; // divisible by every element's size

export interface ElementsPlan {
  readonly type: ElementType;
  readonly little: boolean;
  readonly shape: readonly number[];
  /** What the elements are called in sentences, e.g. `"conv.weight"`. */
  readonly name: string;
}

/** Reads the elements of a shape as float32: straight into the result where the file has them so, else in chunks. */
export async function readElements(
  reader: ByteReader,
  { type, little, shape, name }: ElementsPlan,
  operation: string,
): Promise<Float32Array> {
  const count = elementCount(shape);
  const size = bytesOf(type);
  if (!(count * size <= reader.remaining)) {
    reader.fail(`ends inside ${name}, which needs ${count * size} bytes`, 'the file is truncated');
  }
  const values = allocateOutput(shape, operation);
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (asTheyAre(type, little)) {
    await reader.fill(bytes);
    return values;
  }
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, count * size));
  for (let done = 0; done < count; ) {
    const elements = Math.min(chunk.length / size, count - done);
    const part = chunk.subarray(0, elements * size);
    await reader.fill(part);
    try {
      decode(type, part, values.subarray(done, done + elements), little);
    } catch (error) {
      if (!(error instanceof NotFloat32)) throw error;
      reader.fail(`holds in ${name} ${error.message}`, 'store float32, or smaller numbers');
    }
    done += elements;
  }
  return values;
}
