// Elements of number files as float32: which types can become float32, and how. Smaller floats are widened exactly,
// float64 is rounded to nearest, whole numbers have to be float32 numbers. Knows nothing of files or formats.

import { endianness } from 'node:os';

export type ElementType =
  | 'bool'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'uint32'
  | 'int32'
  | 'uint64'
  | 'int64'
  | 'float16'
  | 'bfloat16'
  | 'float32'
  | 'float64';

/** A whole number of a file that no float32 equals. */
export class NotFloat32 extends Error {}

type Read = (view: DataView, offset: number, little: boolean) => number;

const whole = (value: number | bigint): number => {
  const narrow = Math.fround(Number(value));
  if (typeof value === 'bigint' ? BigInt(narrow) !== value : narrow !== value) {
    throw new NotFloat32(`the whole number ${value} is no float32`);
  }
  return narrow;
};

const readers: Readonly<Record<ElementType, readonly [bytes: number, read: Read | 'bits']>> = {
  bool: [1, (view, at) => (view.getUint8(at) === 0 ? 0 : 1)],
  uint8: [1, (view, at) => view.getUint8(at)],
  int8: [1, (view, at) => view.getInt8(at)],
  uint16: [2, (view, at, little) => view.getUint16(at, little)],
  int16: [2, (view, at, little) => view.getInt16(at, little)],
  uint32: [4, (view, at, little) => whole(view.getUint32(at, little))],
  int32: [4, (view, at, little) => whole(view.getInt32(at, little))],
  uint64: [8, (view, at, little) => whole(view.getBigUint64(at, little))],
  int64: [8, (view, at, little) => whole(view.getBigInt64(at, little))],
  float16: [2, 'bits'],
  bfloat16: [2, 'bits'],
  float32: [4, 'bits'],
  float64: [8, (view, at, little) => view.getFloat64(at, little)],
};

/** The size of an element in the file. */
export const bytesOf = (type: ElementType): number => readers[type][0];

/** Whether a file's elements are the bytes of a Float32Array, so that they can be read into its memory. */
export const asTheyAre = (type: ElementType, little: boolean): boolean =>
  type === 'float32' && little === (endianness() === 'LE');

/**
 * Fills `target` from `bytes`, element by element; NaNs keep their payload.
 *
 * @throws NotFloat32 at the first whole number that no float32 equals.
 */
export function decode(type: ElementType, bytes: Uint8Array, target: Float32Array, little: boolean): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [size, read] = readers[type];
  if (read === 'bits') {
    const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
    for (let i = 0; i < bits.length; i++) {
      if (type === 'float32') bits[i] = view.getUint32(i * 4, little);
      else if (type === 'bfloat16') bits[i] = view.getUint16(i * 2, little) << 16;
      else bits[i] = halfBits(view.getUint16(i * 2, little));
    }
    return;
  }
  for (let i = 0; i < target.length; i++) target[i] = read(view, i * size, little);
}

/** The float32 pattern of a float16 pattern: 5 bits of exponent become 8, 10 bits of fraction 23. */
function halfBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A subnormal: its leading one becomes the hidden one.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 1023) << 13);
}
