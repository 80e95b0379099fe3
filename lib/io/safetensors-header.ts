// The header of a .safetensors file: a length as 64 bits, then JSON that says of each tensor its dtype, shape and place.
// Read as strictly as the reference implementation does (https://github.com/huggingface/safetensors), and beyond it
// where the format's text asks for more: names are unique, and the first byte is '{'.

import { isUtf8 } from 'node:buffer';
import { wrongValue } from '../errors.js';
import { MAX_DIMENSIONS, showShape } from '../tensor/shape.js';
import type { ElementType } from './elements.js';
import { JsonReader, quoted } from './json-reader.js';
import { type HeaderEntry, plainHeader } from './plain-header.js';
import { byBytes } from './save-tensors.js';

/** The reference's limit, in bytes. */
export const LONGEST_HEADER = 100_000_000;
export const LENGTH_BYTES = 8;
const METADATA = '__metadata__';

/** Bits of an element, and what it is read as; null where no float32 tensor can hold it. */
const dtypes: Readonly<Record<string, readonly [bits: number, type: ElementType | null]>> = {
  BOOL: [8, 'bool'],
  U8: [8, 'uint8'],
  I8: [8, 'int8'],
  U16: [16, 'uint16'],
  I16: [16, 'int16'],
  U32: [32, 'uint32'],
  I32: [32, 'int32'],
  U64: [64, 'uint64'],
  I64: [64, 'int64'],
  F16: [16, 'float16'],
  BF16: [16, 'bfloat16'],
  F32: [32, 'float32'],
  F64: [64, 'float64'],
  F4: [4, null],
  F6_E2M3: [6, null],
  F6_E3M2: [6, null],
  F8_E4M3: [8, null],
  F8_E5M2: [8, null],
  F8_E8M0: [8, null],
  F8_E4M3FNUZ: [8, null],
  F8_E5M2FNUZ: [8, null],
  C64: [64, null],
};

export interface StoredTensor {
  readonly name: string;
  /** As the file spells it: 'F32', 'BF16', ... */
  readonly dtype: string;
  /** How its elements become float32, or null where they cannot. */
  readonly type: ElementType | null;
  readonly shape: readonly number[];
  /** Bytes from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their places. */
  readonly tensors: readonly StoredTensor[];
}

/** Says what a file is that no reader of .safetensors can read, where its first bytes tell. */
function checkKind(first: Uint8Array, fail: (law: string, cure?: string) => never): void {
  const starts = (...bytes: number[]): boolean => bytes.every((byte, i) => first[i] === byte);
  if (first[LENGTH_BYTES] === 0x7b && first[LENGTH_BYTES - 1] === 0) return; // a length, and then '{'
  if (starts(0x50, 0x4b, 0x03, 0x04))
    fail(
      'is no safetensors file but a zip archive, as torch.save and numpy.savez write',
      'use io.loadPth or io.loadNpz',
    );
  if (starts(0x80, 0x02, 0x8a, 0x0a))
    fail(
      'is no safetensors file but has the format of PyTorch before 1.6',
      'write a .safetensors file in PyTorch',
    );
  if (starts(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59))
    fail('is no safetensors file but a .npy file', 'use io.loadNpy');
  if (starts(0x89, 0x48, 0x44, 0x46))
    fail('is no safetensors file but an HDF5 file', 'write its weights as a .safetensors file');
}

/** How long the header is. @throws through `fail` where that cannot be. */
export function headerLength(
  first: Uint8Array,
  size: number,
  fail: (law: string, cure?: string) => never,
): number {
  if (first.length < LENGTH_BYTES) return fail(`is no safetensors file: it has ${size} bytes`);
  checkKind(first, fail);
  const length = new DataView(first.buffer, first.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > LONGEST_HEADER) {
    return fail(
      `is no safetensors file: it claims a header of ${length} bytes, the limit is ${LONGEST_HEADER}`,
    );
  }
  if (Number(length) > size - LENGTH_BYTES) {
    return fail(
      `claims a header of ${length} bytes, but only ${size - LENGTH_BYTES} follow`,
      'the file is truncated',
    );
  }
  if (length < 2n) return fail(`claims a header of ${length} bytes`);
  return Number(length);
}

/** Reads the header's bytes and holds them to the number of bytes that follow. */
export function parseHeader(
  bytes: Uint8Array,
  dataBytes: number,
  fail: (law: string, cure?: string) => never,
): SafetensorsHeader {
  if (bytes[0] !== 0x7b) fail("is no safetensors file: its header does not begin with '{'");
  if (!isUtf8(bytes)) fail('has a header that is not UTF-8');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  const { metadata, tensors } = plainly(text) ?? strictly(text, fail);
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of tensors) {
    if (begin !== covered) {
      const fault = begin > covered ? 'leaves a hole before it' : 'overlaps another tensor';
      fail(`places ${quoted(name)} at [${begin}, ${end}), which ${fault}: ${covered} bytes are taken`);
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    const cure = covered > dataBytes ? 'the file is truncated' : 'the file is damaged';
    fail(`places its tensors in ${covered} bytes, but ${dataBytes} follow its header`, cure);
  }
  return { metadata: Object.fromEntries(metadata), tensors };
}

interface Members {
  readonly metadata: readonly (readonly [string, string])[];
  readonly tensors: StoredTensor[];
}

/** The members of a header in which nothing is wrong or unusual; null for another. */
function plainly(text: string): Members | null {
  const header = plainHeader(text, METADATA);
  if (header === null) return null;
  const tensors: StoredTensor[] = [];
  for (const entry of header.entries) {
    if (entry.shape.length > MAX_DIMENSIONS || faultOf(entry) !== null) return null;
    tensors.push(stored(entry));
  }
  return { metadata: header.metadata, tensors };
}

function strictly(text: string, fail: (law: string) => never): Members {
  const reader = new JsonReader(text, (law) => fail(`has a broken header: ${law}`));
  const tensors: StoredTensor[] = [];
  const metadata: [string, string][] = [];
  reader.object('the header', (name) => {
    if (name !== METADATA) tensors.push(tensorEntry(reader, name));
    else if (!reader.word('null')) {
      reader.object(METADATA, (key) => metadata.push([key, reader.string(`${METADATA} ${quoted(key)}`)]));
    }
  });
  reader.end();
  return { metadata, tensors };
}

function tensorEntry(reader: JsonReader, name: string): StoredTensor {
  const what = `tensor ${quoted(name)}`;
  let dtype: string | null = null;
  let shape: number[] | null = null;
  let place: number[] | null = null;
  reader.object(what, (field) => {
    if (field === 'dtype') dtype = reader.string(`the dtype of ${what}`);
    else if (field === 'shape') shape = naturals(reader, `the shape of ${what}`, MAX_DIMENSIONS);
    else if (field === 'data_offsets') place = naturals(reader, `data_offsets of ${what}`, 2);
    else reader.skip(what);
  });
  if (dtype === null || shape === null || place === null) {
    return reader.wrong(`${what} lacks one of dtype, shape and data_offsets`);
  }
  const entry = { name, dtype, shape, place };
  const fault = faultOf(entry);
  return fault === null ? stored(entry) : reader.wrong(fault);
}

function stored({ name, dtype, shape, place: [begin, end] }: HeaderEntry): StoredTensor {
  return { name, dtype, type: dtypes[dtype][1], shape, begin, end };
}

/** What is wrong with an entry by itself. */
function faultOf({ name, dtype, shape, place }: HeaderEntry): string | null {
  const what = (): string => `tensor ${quoted(name)}`;
  if (!Object.hasOwn(dtypes, dtype)) return `${what()} has the unknown dtype ${quoted(dtype)}`;
  const [bits] = dtypes[dtype];
  if (place.length !== 2) return `data_offsets of ${what()} must be two numbers`;
  const [begin, end] = place;
  if (begin > end) return `data_offsets of ${what()} end before they begin`;
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count * bits))
      return `${what()} has more elements than can be counted: ${showShape(shape)}`;
  }
  if (count * bits === (end - begin) * 8) return null;
  return `${what()} needs ${(count * bits) / 8} bytes (${dtype} ${showShape(shape)}), but its data_offsets span ${end - begin}`;
}

function naturals(reader: JsonReader, what: string, most: number): number[] {
  const values: number[] = [];
  reader.array(what, (index) => {
    if (index === most) reader.wrong(`${what} has more than ${most} numbers`);
    values.push(reader.natural(what));
  });
  return values;
}

const utf8 = new TextEncoder();

/** The bytes before the data: float32 tensors in the order given, padded with spaces to a multiple of 8. */
export function encodeHeader(
  tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly bytes: number }[],
  metadata: Readonly<Record<string, string>> | null,
  operation: string,
): Uint8Array {
  const members: string[] = [];
  if (metadata !== null) {
    const keys = Object.keys(metadata).sort(byBytes);
    const pairs = keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`);
    members.push(`"${METADATA}":{${pairs.join(',')}}`);
  }
  let begin = 0;
  for (const { name, shape, bytes } of tensors) {
    const end = begin + bytes;
    members.push(
      `${JSON.stringify(name)}:{"dtype":"F32","shape":[${shape.join(',')}],"data_offsets":[${begin},${end}]}`,
    );
    begin = end;
  }
  const json = utf8.encode(`{${members.join(',')}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > LONGEST_HEADER) {
    throw wrongValue(operation, `the header would have ${length} bytes, the limit is ${LONGEST_HEADER}`);
  }
  const header = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, LENGTH_BYTES);
  return header;
}
