// Work in small units, so that one and the same code runs in the foreground at once and in the background in slices.
import type { Job } from '../../../binding.js';

/** An operation cut into independent units of well under a millisecond; together they write the whole output. */
export interface Work {
  readonly units: number;
  run(begin: number, end: number): void;
}

/** How long a background job keeps the event loop before others get their turn, in milliseconds. */
const SLICE = 8;

/** Runs `work` in slices between which the event loop turns. The first slice starts after the caller has returned. */
export function runInBackground(work: Work): Job {
  let cancelled = false;
  const finished = new Promise<'done' | 'cancelled'>((resolve, reject) => {
    let unit = 0;
    const slice = () => {
      if (cancelled) return resolve('cancelled');
      try {
        const deadline = performance.now() + SLICE;
        while (unit < work.units && performance.now() < deadline) work.run(unit, ++unit);
      } catch (error) {
        return reject(error);
      }
      if (unit === work.units) resolve('done');
      else setImmediate(slice);
    };
    setImmediate(slice);
  });
  return {
    finished,
    cancel() {
      cancelled = true;
    },
  };
}
