// The pause before a turn. Workers of a peer's pool spin for a while after their work, onnxruntime's for 25 to 45 ms:
// whoever comes next would share a processor with them, and may take twice as long. So would whoever has its turn
// while the host of a virtual machine gives a processor to others.

import { readdirSync, readFileSync } from 'node:fs';
import type { Isa } from '../binding.js';

/** What is asked for work and may not rest yet. */
export interface Process {
  /** undefined before it has begun. */
  readonly pid?: number | undefined;
}

const PAUSE_MILLISECONDS = 2;
/** Where a thread's state cannot be read: longer than workers are known to spin. */
const LONG_PAUSE_MILLISECONDS = 100;
/** What runs for longer is no worker that spins. */
const MOST_MILLISECONDS = 1000;

/** Resolves when every thread of these processes sleeps; gives the milliseconds it took. */
export async function rest(processes: readonly Process[]): Promise<number> {
  const begin = performance.now();
  const pause = process.platform === 'linux' ? PAUSE_MILLISECONDS : LONG_PAUSE_MILLISECONDS;
  do await sleep(pause);
  while (processes.some(isRunning) && performance.now() - begin < MOST_MILLISECONDS);
  return performance.now() - begin;
}

/** Whether a thread of the process runs or waits for a processor; false where the system does not tell. */
function isRunning({ pid }: Process): boolean {
  const threads = `/proc/${pid}/task`;
  try {
    return readdirSync(threads).some((thread) => {
      const line = readFileSync(`${threads}/${thread}/stat`, 'latin1');
      return line[line.lastIndexOf(')') + 2] === 'R'; // the name before it may hold anything
    });
  } catch {
    return false; // a thread that has just ended, or no such folder
  }
}

/** Measures the rate of each processor, all of them at once. */
export type Measure = (isa: Isa) => Promise<readonly number[]>;

const ENOUGH = 0.85;
const TRIES = 8;
const AGAIN_MILLISECONDS = 30;

/**
 * A function that resolves when the slowest processor gives most of the best that it gave before. Where none of some tries
 * does, their best is the new measure: clocks drift.
 */
export function attendance(measure: Measure): (isa: Isa) => Promise<void> {
  let best = 0;
  return async (isa) => {
    let seen = 0;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      if (attempt > 0) await sleep(AGAIN_MILLISECONDS);
      const rate = Math.min(...(await measure(isa)));
      seen = Math.max(seen, rate);
      best = Math.max(best, rate);
      if (rate >= ENOUGH * best) return;
    }
    best = seen;
  };
}

const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
