// The bytes of NumPy's .npy format: headers written, headers read strictly, dtypes named.
// Knows nothing of files or tensors. The format: numpy/lib/format.py, versions 1.0 to 3.0.

import { show } from '../errors.js';
import { bytesOf, type ElementType } from './elements.js';

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
/** The bytes that settle how long the header is: magic, version, and the longer of the two length fields. */
export const npyPreambleBytes = 12;
/** NumPy refuses longer headers too: what it writes itself is about a hundred bytes. */
const longestHeader = 10_000;

/** Throws a sentence about the file being read. */
export type Fail = (law: string, cure?: string) => never;

export interface NpyHeader {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

/**
 * A version 1.0 header for little-endian float32 in C order, padded so that the data start on a multiple of 64
 * bytes. `rows` may be patched later: any two headers of one width and up to 2^53 rows have the same length.
 */
export function encodeNpyHeader(shape: readonly number[]): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${sizes}), }`;
  const room = shape.length === 0 ? 0 : 16 - String(shape[0]).length;
  const total = Math.ceil((10 + text.length + room + 1) / 64) * 64;
  const bytes = new Uint8Array(total).fill(0x20);
  bytes.set(magic);
  bytes.set([1, 0, (total - 10) & 255, (total - 10) >> 8], 6);
  bytes.set(new TextEncoder().encode(text), 10);
  bytes[total - 1] = 0x0a;
  return bytes;
}

/** Where the header text starts and ends. @throws unless the preamble is NumPy's. */
export function npyHeaderSpan(preamble: Uint8Array, fail: Fail): { start: number; end: number } {
  if (preamble.length < 10 || magic.some((byte, i) => preamble[i] !== byte)) {
    fail('is not a .npy file: it does not start with \\x93NUMPY');
  }
  const version = preamble[6];
  if (version < 1 || version > 3) fail(`has .npy version ${version}, known are 1 to 3`);
  if (version > 1 && preamble.length < 12) fail('ends inside its header');
  const view = new DataView(preamble.buffer, preamble.byteOffset, preamble.length);
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > longestHeader) fail(`claims a header of ${length} bytes, the limit is ${longestHeader}`);
  return { start, end: start + length };
}

/** Reads the header's Python literal: exactly the keys descr, fortran_order and shape, in any order. */
export function parseNpyHeader(text: string, fail: Fail): NpyHeader {
  const body = /^\s*\{(.*?),?\s*\}\s*$/s.exec(text)?.[1];
  if (body === undefined) fail(`has a header that is no dictionary: ${show(text.slice(0, 80))}`);
  const entry =
    /\s*(?:'(\w+)'|"(\w+)")\s*:\s*(?:'([^'\\]*)'|"([^"\\]*)"|(True|False)|\(([\d\s,L]*)\))\s*(?:,|$)/sy;
  const found = new Map<string, string>();
  while (entry.lastIndex < body!.length) {
    const match = entry.exec(body!);
    if (match === null) return fail(`has a header this reader does not take: ${show(text.slice(0, 120))}`);
    const key = match[1] ?? match[2];
    const kind = match[5] !== undefined ? 'flag' : match[6] !== undefined ? 'tuple' : 'text';
    if ({ descr: 'text', fortran_order: 'flag', shape: 'tuple' }[key] !== kind || found.has(key)) {
      fail(`has an unexpected header entry ${show(match[0].trim())}`);
    }
    found.set(key, match[3] ?? match[4] ?? match[5] ?? match[6]);
  }
  if (found.size !== 3) fail('lacks one of descr, fortran_order and shape in its header');
  const sizes = found.get('shape')!.trim();
  const parts = sizes === '' ? [] : sizes.replace(/,\s*$/, '').split(',');
  const shape = parts.map((part) => (/^\s*\d+L?\s*$/.test(part) ? Number.parseInt(part, 10) : Number.NaN));
  if (shape.some((size) => !Number.isSafeInteger(size)) || (shape.length === 1 && !sizes.includes(','))) {
    fail(`has the shape (${sizes})`);
  }
  return { descr: found.get('descr')!, fortranOrder: found.get('fortran_order') === 'True', shape };
}

const types: Readonly<Record<string, ElementType>> = {
  b1: 'bool',
  u1: 'uint8',
  i1: 'int8',
  u2: 'uint16',
  i2: 'int16',
  u4: 'uint32',
  i4: 'int32',
  u8: 'uint64',
  i8: 'int64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
};

/** How elements of a dtype lie in the file. @throws for one that cannot become float32. */
export function npyElement(descr: string, fail: Fail): { type: ElementType; little: boolean } {
  const match = /^([<>|])([a-z]\d)$/.exec(descr);
  const type = match !== null && Object.hasOwn(types, match[2]) ? types[match[2]] : undefined;
  if (match === null || type === undefined || (match[1] === '|') !== (bytesOf(type) === 1)) {
    return fail(
      `holds dtype '${descr}', readable are bool, integers, float16, float32 and float64`,
      "convert it in NumPy with array.astype('float32')",
    );
  }
  return { type, little: match[1] !== '>' };
}

/** Reorders column-major (Fortran) elements into row-major ones. */
export function fromFortranOrder(columns: Float32Array, shape: readonly number[]): Float32Array {
  const rows = new Float32Array(columns.length);
  const index = shape.map(() => 0);
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, size) => product * size, 1));
  let from = 0;
  for (let to = 0; to < rows.length; to++) {
    rows[to] = columns[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return rows;
}
