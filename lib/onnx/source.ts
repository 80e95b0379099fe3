// Where a model's bytes come from, a file or memory, and the fields of messages too large to be read whole.

import { wrongValue } from '../errors.js';
import type { Source } from '../io/byte-reader.js';
import { DAMAGED, type Fail, type Field, fieldKey, VARINT_BYTES, varint } from './wire.js';

/** A model that lies in memory. */
export class InputBytes implements Source {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly operation: string,
  ) {}

  get size(): number {
    return this.bytes.length;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    return this.bytes.slice(position, position + length);
  }

  async readInto(bytes: Uint8Array, position: number): Promise<void> {
    bytes.set(this.bytes.subarray(position, position + bytes.length));
  }

  fail(law: string, cure?: string): never {
    throw wrongValue(this.operation, `the model ${law}`, cure);
  }
}

const AHEAD = 1 << 15;

/** A source of which small parts are taken from the bytes that were last read: nodes lie one after the other. */
export class ReadAhead implements Source {
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;

  constructor(private readonly source: Source) {}

  get size(): number {
    return this.source.size;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    if (length > AHEAD / 2) return this.source.read(position, length);
    const at = position - this.#start;
    if (at >= 0 && at + length <= this.#bytes.length) return this.#bytes.slice(at, at + length);
    const bytes = await this.source.read(position, Math.min(AHEAD, this.size - position));
    this.#bytes = bytes;
    this.#start = position;
    return bytes.slice(0, length);
  }

  readInto(bytes: Uint8Array, position: number): Promise<void> {
    return this.source.readInto(bytes, position);
  }

  fail(law: string, cure?: string): never {
    return this.source.fail(law, cure);
  }
}

const WINDOW = 1 << 14;

/** A place in a source, and the bytes after it. */
export class Cursor {
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;
  readonly #fail: Fail;

  constructor(
    private readonly source: Source,
    public position: number,
    readonly end: number,
  ) {
    this.#fail = (law, cure) => source.fail(law, cure);
  }

  /** Whether the next `length` bytes, or all that are left, are in memory. */
  has(length: number): boolean {
    const wanted = Math.min(length, this.end - this.position);
    return this.position >= this.#start && this.position + wanted <= this.#start + this.#window.length;
  }

  /** Sees to that. */
  async ensure(length: number): Promise<void> {
    if (this.has(length)) return;
    this.#window = await this.source.read(this.position, Math.min(WINDOW, this.end - this.position));
    this.#start = this.position;
  }

  /** The varint here, whose bytes are in memory; it is stepped over. */
  varint(): number {
    const at = this.position - this.#start;
    const { value, next } = varint(
      this.#window,
      at,
      Math.min(this.#window.length, this.end - this.#start),
      this.#fail,
    );
    this.position = this.#start + next;
    return value;
  }
}

/** The fields of the message [begin, end), whose bytes stay where they are. */
export async function* fieldsIn(source: Source, begin: number, end: number): AsyncGenerator<Field> {
  const cursor = new Cursor(source, begin, end);
  const fail: Fail = (law, cure) => source.fail(law, cure);
  while (cursor.position < end) {
    await cursor.ensure(2 * VARINT_BYTES);
    const { number, wire } = fieldKey(cursor.varint(), fail);
    if (wire === 0) {
      const at = cursor.position;
      yield { number, wire, value: cursor.varint(), begin: at, end: cursor.position };
      continue;
    }
    const length = wire === 2 ? cursor.varint() : wire === 1 ? 8 : 4;
    const from = cursor.position;
    if (!(length >= 0 && length <= end - from)) {
      fail(`holds a field ${number} that reaches past its message`, DAMAGED);
    }
    cursor.position = from + length;
    yield { number, wire, value: 0, begin: from, end: from + length };
  }
}
