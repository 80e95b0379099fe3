// Protocol buffers' wire format, of messages that lie in memory: a field's number and where its bytes are, each length
// checked against what is there. It knows no message by name, and never goes into one by itself.

/** Where something is wrong with the bytes. */
export type Fail = (law: string, cure?: string) => never;

/** A field of a message. Its bytes are [begin, end) of the array or file it was found in; a varint's value stands beside. */
export interface Field {
  readonly number: number;
  /** 0: varint, 1: 8 bytes, 2: so many bytes, 5: 4 bytes. */
  readonly wire: number;
  readonly value: number;
  readonly begin: number;
  readonly end: number;
}

/** The longest varint. */
export const VARINT_BYTES = 10;
const LARGEST_FIELD = 2 ** 29 - 1;

/** A signed 64-bit number, rounded to float64 beyond 2^53, and where the next byte is. */
export interface Varint {
  readonly value: number;
  readonly next: number;
}

/** The varint at `at`, which ends before `end`. */
export function varint(bytes: Uint8Array, at: number, end: number, fail: Fail): Varint {
  let low = 0;
  let high = 0;
  for (let i = 0; i < VARINT_BYTES; i++) {
    if (at + i >= end) fail('ends inside a number', 'the file is truncated');
    const byte = bytes[at + i];
    const bits = byte & 127;
    if (i < 4) low |= bits << (7 * i);
    else if (i === 4) {
      low |= (bits & 15) << 28;
      high |= bits >> 4;
    } else if (i < 9) high |= bits << (7 * i - 32);
    else high |= (bits & 1) << 31;
    if (byte < 128) return { value: high * 2 ** 32 + (low >>> 0), next: at + i + 1 };
  }
  return fail('holds a number of more than 10 bytes', 'the file is damaged');
}

/** What a key says: the number of its field and how it is written. */
export function fieldKey(key: number, fail: Fail): { readonly number: number; readonly wire: number } {
  const number = Math.floor(key / 8);
  const wire = key - 8 * number;
  if (number < 1 || number > LARGEST_FIELD) fail(`holds a field with the number ${number}`, DAMAGED);
  if (wire !== 0 && wire !== 1 && wire !== 2 && wire !== 5) {
    fail(`holds a field of wire type ${wire}`, DAMAGED);
  }
  return { number, wire };
}

export const DAMAGED = 'it is no ONNX file, or a damaged one';

/** The fields of a message in memory, unknown ones too. */
export function* fieldsOf(bytes: Uint8Array, fail: Fail): Generator<Field> {
  const size = bytes.length;
  for (let at = 0; at < size; ) {
    const key = varint(bytes, at, size, fail);
    const { number, wire } = fieldKey(key.value, fail);
    if (wire === 0) {
      const { value, next } = varint(bytes, key.next, size, fail);
      yield { number, wire, value, begin: key.next, end: next };
      at = next;
      continue;
    }
    const length =
      wire === 2 ? varint(bytes, key.next, size, fail) : { value: wire === 1 ? 8 : 4, next: key.next };
    if (!(length.value >= 0 && length.value <= size - length.next)) {
      fail(`holds a field ${number} that reaches past its message`, DAMAGED);
    }
    const end = length.next + length.value;
    yield { number, wire, value: 0, begin: length.next, end };
    at = end;
  }
}

/** The bytes of a field that has to be a message, a string or packed numbers. */
export function bytesIn(bytes: Uint8Array, field: Field, fail: Fail): Uint8Array {
  if (field.wire !== 2) fail(`holds field ${field.number} as wire type ${field.wire}`, DAMAGED);
  return bytes.subarray(field.begin, field.end);
}

/** A field that has to be a whole number. */
export function numberIn(field: Field, fail: Fail): number {
  if (field.wire !== 0) fail(`holds field ${field.number} as wire type ${field.wire}`, DAMAGED);
  return field.value;
}

const decoder = new TextDecoder();

export const textIn = (bytes: Uint8Array, field: Field, fail: Fail): string =>
  decoder.decode(bytesIn(bytes, field, fail));

/** More than any attribute has: a byte in the file is eight in memory. */
const LONGEST_LIST = 1 << 16;

/** Adds a field of repeated whole numbers to `list`: one, or some packed. */
export function addNumbers(list: number[], bytes: Uint8Array, field: Field, fail: Fail): void {
  if (field.wire === 0) {
    list.push(field.value);
    return;
  }
  bytesIn(bytes, field, fail);
  for (let at = field.begin; at < field.end; ) {
    if (list.length === LONGEST_LIST)
      fail(`holds a list of more than ${LONGEST_LIST} numbers in field ${field.number}`);
    const { value, next } = varint(bytes, at, field.end, fail);
    list.push(value);
    at = next;
  }
}

/** Adds a field of repeated float32 numbers to `list`: one, or some packed. */
export function addFloats(list: number[], bytes: Uint8Array, field: Field, fail: Fail): void {
  const whole = field.wire === 5 || (field.wire === 2 && (field.end - field.begin) % 4 === 0);
  if (!whole) fail(`holds field ${field.number} as ${field.end - field.begin} bytes of floats`, DAMAGED);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = field.begin; at < field.end; at += 4) list.push(view.getFloat32(at, true));
}
