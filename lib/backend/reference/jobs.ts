// Work in small units, so that one and the same code runs in the foreground at once and in the background in slices.
import type { Job } from '../../../binding.js';

/** An operation cut into independent units of well under a millisecond; together they write the whole output. */
export interface Work {
  readonly units: number;
  run(begin: number, end: number): void;
}

/** Several pieces of work as one, each after the one before. */
export function consecutive(parts: readonly Work[]): Work {
  return {
    units: parts.reduce((units, part) => units + part.units, 0),
    run(begin, end) {
      let first = 0;
      for (const part of parts) {
        const from = Math.max(begin - first, 0);
        const to = Math.min(end - first, part.units);
        if (from < to) part.run(from, to);
        first += part.units;
      }
    },
  };
}

/** How long background work keeps the event loop before others get their turn, in milliseconds. */
const SLICE = 8;

interface Running {
  /** Works until the deadline; true once it has settled. */
  advance(deadline: number): boolean;
}

/** In the order they were submitted. They share one slice a turn: each with its own, forty held the loop for 0.4 s. */
const queue: Running[] = [];

function turn(): void {
  const deadline = performance.now() + SLICE;
  while (queue.length > 0 && queue[0].advance(deadline)) queue.shift();
  if (queue.length > 0) setImmediate(turn);
}

/** Runs `work` in slices between which the event loop turns. The first slice starts after the caller has returned. */
export function runInBackground(work: Work): Job {
  let cancelled = false;
  const finished = new Promise<'done' | 'cancelled'>((resolve, reject) => {
    let unit = 0;
    const advance = (deadline: number): boolean => {
      try {
        while (!cancelled && unit < work.units && performance.now() < deadline) work.run(unit, ++unit);
      } catch (error) {
        reject(error);
        return true;
      }
      if (cancelled) resolve('cancelled');
      else if (unit === work.units) resolve('done');
      else return false;
      return true;
    };
    if (queue.push({ advance }) === 1) setImmediate(turn);
  });
  return {
    finished,
    cancel() {
      cancelled = true;
    },
  };
}
