// Shapes: what counts as one, how many elements it has, and how sentences quote it.

import { machineMemory } from '../backend/memory.js';
import { takeRecycled } from '../backend/recycled.js';
import { outputMemory } from '../backend/substitute.js';
import { show, wrongShape, wrongType, wrongValue } from '../errors.js';

/** More dimensions than anyone needs; it keeps nested printing and parsing from exhausting the stack. */
export const MAX_DIMENSIONS = 64;

/** [2, 3] as text, whole: shapes are short. */
export const showShape = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a === b) return true; // as a layer's results have one: comparing frozen arrays takes 25 ns
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

/** A frozen copy of a shape given by a user. */
export function checkedShape(value: unknown, operation: string): readonly number[] {
  if (!Array.isArray(value)) {
    throw wrongType(operation, `shape must be an array of sizes, not ${show(value)}`);
  }
  if (value.length > MAX_DIMENSIONS) {
    throw wrongValue(operation, `a shape has at most ${MAX_DIMENSIONS} dimensions, not ${value.length}`);
  }
  const shape = Array.from(value, (size: unknown) => {
    if (typeof size !== 'number') {
      throw wrongType(operation, `the sizes of a shape must be numbers, not ${show(value)}`);
    }
    if (!Number.isInteger(size) || size < 0) {
      throw wrongValue(operation, `the sizes of a shape must be whole numbers from 0 up, not ${show(value)}`);
    }
    return size + 0;
  });
  if (!Number.isSafeInteger(elementCount(shape))) {
    throw wrongValue(operation, `shape ${showShape(shape)} has more elements than can be counted`);
  }
  return Object.freeze(shape);
}

/** The shape of `count` elements in which one size may be -1: what is left over. */
export function inferredShape(value: unknown, count: number, operation: string): readonly number[] {
  if (!Array.isArray(value)) return checkedShape(value, operation);
  const hole = value.indexOf(-1);
  if (hole !== value.lastIndexOf(-1)) {
    throw wrongValue(operation, `only one dimension can be inferred, but got ${show(value)}`);
  }
  const shape = checkedShape(hole < 0 ? value : value.with(hole, 1), operation);
  const known = elementCount(shape);
  if (hole < 0 ? known !== count : known === 0 || count % known !== 0) {
    throw wrongShape(operation, `shape '[${value.join(', ')}]' is invalid for input of size ${count}`);
  }
  return hole < 0 ? shape : Object.freeze(shape.with(hole, count / known));
}

/** A zeroed array for a result, or a sentence where memory does not reach. */
export function allocate(shape: readonly number[], operation: string): Float32Array {
  return sized(shape, operation, (count) => new Float32Array(count));
}

/** Memory for an output that the engine writes from end to end: its contents are undefined before. */
export function allocateOutput(
  shape: readonly number[],
  operation: string,
  count = elementCount(shape),
): Float32Array {
  return sized(shape, operation, (length) => outputMemory(length, takeRecycled), count);
}

/** Elements; no machine has less memory than so many take. */
const LARGE = 2 ** 24;

function sized(
  shape: readonly number[],
  operation: string,
  make: (count: number) => Float32Array,
  count = elementCount(shape),
): Float32Array {
  try {
    if (count <= LARGE || count * 4 <= machineMemory()) return make(count);
  } catch {
    // Refused by the system
  }
  throw wrongValue(
    operation,
    `a result of shape ${showShape(shape)} (${showGigabytes(count)}) cannot be allocated`,
    'use a smaller batch or smaller sizes',
  );
}

/** The memory of so many elements, as text. */
export const showGigabytes = (elements: number): string => `${((elements * 4) / 1e9).toPrecision(3)} GB`;
