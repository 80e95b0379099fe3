// The pause before a turn. Workers of a peer's pool spin for a while after their work, onnxruntime's for 25 to 45 ms:
// whoever comes next would share a processor with them, and may take twice as long.

import { readdirSync, readFileSync } from 'node:fs';

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

const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
