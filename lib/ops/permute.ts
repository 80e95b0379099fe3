// Dimensions in another order, by transposing what lies behind one after the other: for work that no layout serves.

import { active } from '../backend/index.js';
import { outputMemory } from '../backend/substitute.js';

/** The elements of a row-major array with its dimensions in the order `order`. */
export function permuted(
  data: Float32Array,
  shape: readonly number[],
  order: readonly number[],
): Float32Array {
  const extent = (axes: readonly number[]) => axes.reduce((product, axis) => product * shape[axis], 1);
  let current = shape.map((_, axis) => axis);
  let from = data;
  order.forEach((axis, place) => {
    const at = current.indexOf(axis);
    if (at === place) return;
    // [before, a, b] -> [before, b, a], where b begins with the dimension that is wanted next
    const before = current.slice(0, place);
    const [a, b] = [current.slice(place, at), current.slice(at)];
    current = [...before, ...b, ...a];
    const [batch, rows, columns] = [extent(before), extent(a), extent(b)];
    if (rows === 1 || columns === 1 || from.length === 0) return;
    const to = outputMemory(from.length);
    active().toChannelsLast(from, to, batch, rows, columns);
    from = to;
  });
  return from;
}
