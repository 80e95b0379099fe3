// Reference sums over positions, which have one shape wherever they occur: the chunks of rule 4.
import { checkApart, checkCount, checkFloats, lengthOf } from './checks.js';
import type { Work } from './jobs.js';

/** A sum takes this many positions as one chain; the sums of the chunks are added in order. */
export const CHUNK = 256;

/** Channels of one unit: a cache line. */
const UNIT = 16;

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
        let total = 0;
        for (let first = 0; first < positions; first += CHUNK) {
          const end = Math.min(first + CHUNK, positions);
          let sum = 0;
          for (let p = first; p < end; p++) sum = Math.fround(sum + x[p * channels + channel]);
          total = Math.fround(total + sum);
        }
        y[channel] = total;
      }
    },
  };
}
