// What the contract promises about its arguments, checked again where they arrive.
import type { Triple } from '../../../binding.js';
import { show, wrongType, wrongValue } from '../../errors.js';

/** Indices into one image are int32 in the engine's tables. */
const MAX_ELEMENTS = 2 ** 31 - 1;

export function checkFloats(operation: string, name: string, value: unknown, length: number): void {
  if (!(value instanceof Float32Array))
    throw wrongType(operation, `${name} must be a Float32Array, got ${show(value)}`);
  if (value.buffer instanceof SharedArrayBuffer)
    throw wrongType(operation, `${name} must not lie in a SharedArrayBuffer`, 'copy it first');
  if (value.length === length) return;
  if (value.length === 0 && isDetached(value.buffer))
    throw wrongType(operation, `${name} lies in a detached ArrayBuffer`);
  throw wrongValue(operation, `${name} must have ${length} elements, got ${value.length}`);
}

/** The length of an array whose length says how long others have to be. */
export function lengthOf(operation: string, name: string, value: unknown): number {
  if (!(value instanceof Float32Array)) throw wrongType(operation, `${name} must be a Float32Array`);
  return value.length;
}

/** Elements from the first to the last of positions that lie a stride apart. */
export const spanOf = (positions: number, stride: number, channels: number): number =>
  positions === 0 ? 0 : (positions - 1) * stride + channels;

export function isDetached(buffer: ArrayBuffer): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/** Outputs are written while inputs are read: an operation whose y may be an input allows the very same memory. */
export function checkApart(
  operation: string,
  y: Float32Array,
  inputs: readonly Float32Array[],
  allowed: 'same memory' | 'none',
): void {
  for (const x of inputs) {
    if (x.buffer !== y.buffer || x.length === 0 || y.length === 0) continue;
    if (allowed === 'same memory' && x.byteOffset === y.byteOffset) continue;
    if (x.byteOffset < y.byteOffset + y.byteLength && y.byteOffset < x.byteOffset + x.byteLength)
      throw wrongValue(operation, 'y must not share memory with an input', 'give it memory of its own');
  }
}

export function checkCount(
  operation: string,
  name: string,
  value: unknown,
  least: number,
  most = MAX_ELEMENTS,
): asserts value is number {
  if (typeof value !== 'number') throw wrongType(operation, `${name} must be a number, got ${show(value)}`);
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw wrongValue(operation, `${name} must be an integer from ${least} to ${most}, got ${show(value)}`);
}

export function checkTriple(
  operation: string,
  name: string,
  value: unknown,
  least: number,
): asserts value is Triple {
  if (!Array.isArray(value) || value.length !== 3)
    throw wrongType(operation, `${name} must be three numbers, got ${show(value)}`);
  for (const item of value) checkCount(operation, name, item, least);
}

export function oneOf<T extends string>(
  operation: string,
  name: string,
  value: unknown,
  known: readonly T[],
): T {
  const found = known.find((item) => item === value);
  if (found === undefined)
    throw wrongValue(operation, `${name} must be one of ${known.join(', ')}, got ${show(value)}`);
  return found;
}

/** The product of sizes, as the number of elements it stands for. */
export function countElements(operation: string, name: string, sizes: readonly number[]): number {
  const count = sizes.reduce((product, size) => product * size, 1);
  if (count > MAX_ELEMENTS)
    throw wrongValue(operation, `${name} has ${count} elements, more than ${MAX_ELEMENTS}`);
  return count;
}
