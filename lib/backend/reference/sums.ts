// Reference sums over positions, which have one shape wherever they occur: the chunks of rule 4.
import { show, wrongType } from '../../errors.js';
import { checkApart, checkCount, checkFloats, lengthOf } from './checks.js';
import type { Work } from './jobs.js';

/** A sum takes this many positions as one chain; the sums of the chunks are added in order. */
export const CHUNK = 256;

/** Channels of one unit: a cache line. */
const UNIT = 16;

/** The sum of x[at], x[at + step], ... : `count` elements. */
function sumOf(x: Float32Array, at: number, step: number, count: number): number {
  let total = 0;
  for (let first = 0; first < count; first += CHUNK) {
    const end = Math.min(first + CHUNK, count);
    let sum = 0;
    for (let k = first; k < end; k++) sum = Math.fround(sum + x[at + k * step]);
    total = Math.fround(total + sum);
  }
  return total;
}

export function sumWork(
  x: Float32Array,
  y: Float32Array,
  outer: number,
  count: number,
  inner: number,
  divisor: number,
): Work {
  const operation = 'sum';
  checkCount(operation, 'outer', outer, 0);
  checkCount(operation, 'count', count, 0);
  checkCount(operation, 'inner', inner, 0);
  if (typeof divisor !== 'number')
    throw wrongType(operation, `divisor must be a number, got ${show(divisor)}`);
  checkFloats(operation, 'x', x, outer * count * inner);
  checkFloats(operation, 'y', y, outer * inner);
  checkApart(operation, y, [x], 'none');
  const by = Math.fround(divisor);
  return {
    units: y.length,
    run(begin, end) {
      for (let i = begin; i < end; i++) {
        const column = i % inner;
        const from = ((i - column) / inner) * count * inner + column;
        y[i] = sumOf(x, from, inner, count) / by;
      }
    },
  };
}

export function sumPositionsWork(x: Float32Array, y: Float32Array, positions: number): Work {
  const operation = 'sumPositions';
  checkCount(operation, 'positions', positions, 0);
  const channels = lengthOf(operation, 'y', y);
  checkFloats(operation, 'x', x, positions * channels);
  checkApart(operation, y, [x], 'none');
  return {
    units: Math.ceil(channels / UNIT),
    run(begin, end) {
      const last = Math.min(end * UNIT, channels);
      for (let channel = begin * UNIT; channel < last; channel++) {
        y[channel] = sumOf(x, channel, channels, positions);
      }
    },
  };
}
