// Nested arrays to row-major numbers and back.

import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { allocate, MAX_DIMENSIONS } from './shape.js';

type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** A number, or arrays of them to any depth. */
export type Nested = number | readonly Nested[] | NumberArray;

type Level = ArrayLike<unknown>;

const isLevel = (value: unknown): value is Level =>
  Array.isArray(value) ||
  (ArrayBuffer.isView(value) &&
    !(value instanceof DataView) &&
    !(value instanceof BigInt64Array) &&
    !(value instanceof BigUint64Array));

/** Row-major numbers and the shape of what they were nested in, as the first element of each level tells it. */
export function unnest(nested: unknown, operation: string): { data: Float32Array; shape: number[] } {
  const shape: number[] = [];
  let level: unknown = nested;
  while (isLevel(level)) {
    if (shape.push(level.length) > MAX_DIMENSIONS) {
      throw wrongValue(operation, `arrays are nested more than ${MAX_DIMENSIONS} deep`);
    }
    level = level[0];
  }
  const data = allocate(shape, operation);
  let next = 0;
  const fill = (value: unknown, dimension: number): void => {
    if (dimension === shape.length) {
      if (typeof value === 'number') {
        data[next++] = value;
        return;
      }
      if (isLevel(value)) {
        throw wrongShape(operation, `expected a number at depth ${dimension}, but got an array`);
      }
      throw wrongType(operation, `elements must be numbers, not ${show(value)}`);
    }
    if (!isLevel(value)) {
      const wrong = typeof value === 'number' ? wrongShape : wrongType;
      throw wrong(operation, `expected an array at dim ${dimension} (got ${show(value)})`);
    }
    if (value.length !== shape[dimension]) {
      throw wrongShape(
        operation,
        `expected sequence of length ${shape[dimension]} at dim ${dimension} (got ${value.length})`,
      );
    }
    for (let i = 0; i < value.length; i++) fill(value[i], dimension + 1);
  };
  fill(nested, 0);
  return { data, shape };
}

/** The reverse: nested plain arrays of row-major numbers; the number itself where there is no dimension. */
export function nest(data: Float32Array, shape: readonly number[]): Nested {
  let next = 0;
  const build = (dimension: number): Nested => {
    if (dimension === shape.length) return data[next++];
    const level: Nested[] = [];
    for (let i = 0; i < shape[dimension]; i++) level.push(build(dimension + 1));
    return level;
  };
  return build(0);
}
