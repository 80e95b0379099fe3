// Background work of the reference shares the event loop with everything else, however many jobs there are.
import { expect, it } from 'vitest';
import { runInBackground } from '../../lib/backend/reference/jobs.js';

/** A unit of work takes so long, in milliseconds. */
const UNIT = 3;

function spin(): void {
  const end = performance.now() + UNIT;
  while (performance.now() < end);
}

it('forty jobs hold the event loop no longer at a time than one', async () => {
  const turns = [0];
  let watching = true;
  const watch = () => {
    turns.push(0);
    if (watching) setImmediate(watch);
  };
  setImmediate(watch);
  const order: number[] = [];
  const jobs = Array.from({ length: 40 }, (_, i) => {
    const run = () => {
      turns[turns.length - 1]++;
      spin();
    };
    const job = runInBackground({ units: 4, run });
    job.finished.then(() => order.push(i));
    return job;
  });
  expect(Math.max(...turns)).toBe(0);
  const ends = await Promise.all(jobs.map((job) => job.finished));
  watching = false;

  expect(new Set(ends)).toEqual(new Set(['done']));
  expect(order).toEqual(jobs.map((_, i) => i));
  // A slice of 8 ms, and at most one unit past its end
  expect(Math.max(...turns)).toBeLessThanOrEqual(4);
  expect(turns.reduce((sum, units) => sum + units)).toBe(160);
});

it('a job that is cancelled or fails stops, and the next one runs', async () => {
  let runs = 0;
  const run = () => {
    runs++;
    spin();
  };
  const dropped = runInBackground({ units: 100, run });
  const failing = runInBackground({
    units: 2,
    run: () => {
      throw new RangeError('on purpose');
    },
  });
  const last = runInBackground({ units: 2, run });
  dropped.cancel();
  expect(await dropped.finished).toBe('cancelled');
  await expect(failing.finished).rejects.toThrow('on purpose');
  expect(await last.finished).toBe('done');
  expect(runs).toBe(2);
});
