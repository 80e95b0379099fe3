// The pause between turns of the benchmark.

import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attendance, rest } from '../../bench/rest.js';

/** Its worker counts for as long as it is told, after its main thread has answered. */
const PROGRAM = `
const { Worker, isMainThread, parentPort } = require('node:worker_threads');
if (isMainThread) {
  const worker = new Worker(__filename);
  worker.once('online', () => process.send('ready'));
  process.on('message', (milliseconds) => worker.postMessage(milliseconds));
  worker.on('message', (message) => process.send(message));
  process.on('disconnect', () => process.exit());
} else {
  parentPort.on('message', (milliseconds) => {
    parentPort.postMessage('spinning');
    const end = Date.now() + milliseconds;
    while (Date.now() < end);
  });
}`;

let folder: string;
let child: ChildProcess;
const said = (): Promise<unknown> => new Promise((resolve) => child.once('message', resolve));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'convkit-rest-'));
  const program = join(folder, 'spins.cjs');
  writeFileSync(program, PROGRAM);
  child = fork(program, { execArgv: [] });
  expect(await said()).toBe('ready');
});

afterAll(() => {
  child.disconnect();
  rmSync(folder, { recursive: true });
});

test.skipIf(process.platform !== 'linux')(
  'a turn waits for the threads of the other contenders',
  async () => {
    await rest([child]);
    const spinning = said();
    child.send(300);
    expect(await spinning).toBe('spinning');
    expect(await rest([child])).toBeGreaterThan(200);
    expect(await rest([child])).toBeLessThan(100);
  },
);

test('a process that has not begun, or has ended, is not waited for', async () => {
  expect(await rest([{ pid: undefined }, { pid: 2 ** 30 }])).toBeLessThan(
    process.platform === 'linux' ? 50 : 300,
  );
});

test('a turn waits for the slowest processor, and takes what is left of it in the end for all there is', async () => {
  const measure = (rates: [number, number][]): { calls: number; attended: () => Promise<void> } => {
    const state = { calls: 0, attended: () => wait('avx2') };
    const wait = attendance(async () => rates[Math.min(state.calls++, rates.length - 1)]);
    return state;
  };
  const back = measure([
    [10, 10],
    [10, 4],
    [9, 5],
    [9, 9],
    [9, 9],
  ]);
  await back.attended();
  expect(back.calls).toBe(1);
  await back.attended();
  expect(back.calls).toBe(4);

  const gone = measure([
    [10, 10],
    [10, 5],
  ]);
  await gone.attended();
  await gone.attended();
  expect(gone.calls).toBeGreaterThan(4);
  const before = gone.calls;
  await gone.attended();
  expect(gone.calls).toBe(before + 1);
});
