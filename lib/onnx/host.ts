// Numbers beside the tensors: shapes, indices and constants, computed on while a model is loaded or its shapes are worked
// out. They are small; whoever makes some says how many may be made in all.

import { elementCount, MAX_DIMENSIONS, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import type { HostType } from './data-types.js';
import type { Fail } from './wire.js';

/** Row-major numbers: float32 ones, whole ones as far as float64 has them, or 0 and 1. */
export class Host {
  constructor(
    readonly type: HostType,
    readonly shape: readonly number[],
    readonly values: Float32Array | Float64Array,
  ) {}
}

/** How many shapes may make of nothing. */
export const SHAPE_NUMBERS = 1 << 20;

/** Whole numbers along one dimension. */
export const list = (values: readonly number[]): Host =>
  new Host('int', [values.length], Float64Array.from(values));

const tensors = new WeakMap<Host, Tensor>();

/** The tensor of these numbers, always the same one. */
export function tensorOf(host: Host): Tensor {
  const known = tensors.get(host);
  if (known !== undefined) return known;
  const data = host.values instanceof Float32Array ? host.values : Float32Array.from(host.values);
  const made = wrap(data, ROW_MAJOR, Object.freeze([...host.shape]));
  tensors.set(host, made);
  return made;
}

/** How many numbers may still be made. */
export class HostMemory {
  constructor(private left: number) {}

  make(type: HostType, shape: readonly number[], fail: Fail): Host {
    const count = elementCount(shape);
    if (shape.length > MAX_DIMENSIONS) fail(`makes constants of ${shape.length} dimensions`);
    if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0) || !(count <= this.left)) {
      fail(`makes constants of shape ${showShape(shape.slice(0, 8))}, more than shapes and weights need`);
    }
    this.left -= count;
    return new Host(type, shape, type === 'float' ? new Float32Array(count) : new Float64Array(count));
  }
}

/** Elements from one to the next along each dimension of a row-major shape. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** For each element of `shape` in order, the place it comes from under these strides. */
export function forEachPlace(
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  visit: (place: number, index: number) => void,
): void {
  const count = elementCount(shape);
  const at = new Array<number>(shape.length).fill(0);
  let place = offset;
  for (let index = 0; index < count; index++) {
    visit(place, index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis];
      if (++at[axis] < shape[axis]) break;
      place -= strides[axis] * shape[axis];
      at[axis] = 0;
    }
  }
}
