// Dimensions as models name them, negative ones from the end.

import { wrongShape, wrongValue } from '../errors.js';

/** A dimension as an index. */
export function axisIn(axis: number, rank: number, operation: string): number {
  if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw wrongValue(operation, `axis ${axis} is none of ${rank} dimensions`);
}

/** Several, each once. */
export function axesIn(axes: readonly number[], rank: number, operation: string): number[] {
  const found = axes.map((axis) => axisIn(axis, rank, operation));
  if (new Set(found).size !== found.length)
    throw wrongValue(operation, `axes [${axes.join(', ')}] name one twice`);
  return found;
}

/** Dimensions in a new order: each once. */
export function orderOf(perm: readonly number[] | undefined, rank: number, operation: string): number[] {
  if (perm === undefined) return Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const order = axesIn(perm, rank, operation);
  if (order.length !== rank)
    throw wrongValue(operation, `perm [${perm.join(', ')}] is no order of ${rank} dimensions`);
  return order;
}

/** A shape without those of size 1 among `axes`, or without all of size 1. */
export function squeezed(
  shape: readonly number[],
  axes: readonly number[] | undefined,
  operation: string,
): number[] {
  if (axes === undefined) return shape.filter((size) => size !== 1);
  const dropped = axesIn(axes, shape.length, operation);
  for (const axis of dropped) {
    if (shape[axis] !== 1)
      throw wrongValue(operation, `axis ${axis} of [${shape.join(', ')}] is not of size 1`);
  }
  return shape.filter((_, axis) => !dropped.includes(axis));
}

/** A shape with dimensions of size 1 at `axes` of the result. */
export function unsqueezed(shape: readonly number[], axes: readonly number[], operation: string): number[] {
  const rank = shape.length + axes.length;
  const added = axesIn(axes, rank, operation);
  const rest = [...shape];
  return Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : (rest.shift() ?? 1)));
}

/** The shape that Reshape makes: 0 keeps a size (unless `zeros` are meant), -1 is what is left over. */
export function reshaped(
  shape: readonly number[],
  wanted: readonly number[],
  zeros: boolean,
  operation: string,
): number[] {
  return wanted.map((size, axis) => {
    if (size !== 0 || zeros) return size;
    if (axis < shape.length) return shape[axis];
    throw wrongValue(
      operation,
      `shape [${wanted.join(', ')}] keeps dimension ${axis}, which [${shape.join(', ')}] has not`,
    );
  });
}

/** Positions that a slice takes along a dimension: so many, from the first on. */
export interface Taken {
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

/** What `start`, `end` and `step` take of `size` positions: those beyond either end are left out. */
export function taken(start: number, end: number, step: number, size: number, operation: string): Taken {
  if (!Number.isInteger(step) || step === 0) throw wrongValue(operation, `a slice cannot have step ${step}`);
  const clamp = (at: number, low: number, high: number) =>
    Math.min(Math.max(at < 0 ? at + size : at, low), high);
  const [first, last] =
    step > 0
      ? [clamp(start, 0, size), clamp(end, 0, size)]
      : [clamp(start, 0, size - 1), clamp(end, -1, size - 1)];
  return { first, step, count: Math.max(0, Math.ceil((last - first) / step)) };
}

/** Those positions in a list. */
export const positions = ({ first, step, count }: Taken): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => first + i * step);

/** What two shapes give together: lined up at their last dimensions, where size 1 repeats. */
export function broadcastShape(a: readonly number[], b: readonly number[], operation: string): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [p, q] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (p === q || q === 1) return p;
    if (p === 1) return q;
    throw wrongShape(operation, `shapes [${a.join(', ')}] and [${b.join(', ')}] do not fit together`);
  });
}
