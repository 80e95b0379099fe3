// Background jobs of the native engine while everything around them changes.
import { availableParallelism } from 'node:os';
import { expect, it } from 'vitest';
import { reference } from '../../lib/backend/reference/index.js';
import { callOf, difference, solve } from '../support/conformance.js';
import { force, requireNative } from '../support/native.js';
import { problemOf } from '../support/problems.js';

const problems = Array.from({ length: 160 }, (_, i) => problemOf(800_000 + i));
const answers = problems.map((problem) => solve(reference, problem));
const turn = () => new Promise((resolve) => setImmediate(resolve));

it('jobs keep their bits while threads and instruction sets change under them', async () => {
  const native = requireNative();
  const before = native.threads();
  const { supported } = native.cpu();
  const running: Promise<void>[] = [];
  for (const [i, problem] of problems.entries()) {
    force(native, supported[i % supported.length]);
    native.setThreads(1 + (i % 4));
    const call = callOf(native, problem);
    const job = call.submit();
    running.push(
      job.finished.then((end) => {
        expect(end).toBe('done');
        expect(difference(call.output, answers[i]), `seed ${problem.seed}`).toBeNull();
      }),
    );
    // Foreground work of another instruction set in between
    force(native, supported[(i + 1) % supported.length]);
    expect(difference(solve(native, problem), answers[i]), `seed ${problem.seed}`).toBeNull();
    if (i % 16 === 0) {
      native.releaseScratch();
      await turn();
    }
  }
  await Promise.all(running);
  native.setThreads(before);
});

it('cancelled jobs neither stop nor spoil the others', async () => {
  const native = requireNative();
  const calls = problems.map((problem) => ({
    call: callOf(native, problem),
    dropped: callOf(native, problem),
  }));
  const jobs = calls.map(({ call, dropped }) => {
    const job = call.submit();
    dropped.submit().cancel();
    return job;
  });
  for (const [i, job] of jobs.entries()) {
    expect(await job.finished).toBe('done');
    expect(difference(calls[i].call.output, answers[i]), `seed ${problems[i].seed}`).toBeNull();
  }
});

it('more threads than processors give the same bits', () => {
  const native = requireNative();
  const before = native.threads();
  native.setThreads(availableParallelism() * 4 + 3);
  for (const [i, problem] of problems.entries())
    expect(difference(solve(native, problem), answers[i]), `seed ${problem.seed}`).toBeNull();
  native.setThreads(before);
});

it('threads outside 1 to 1024 are refused, and change nothing', () => {
  const native = requireNative();
  const before = native.threads();
  for (const count of [0, -1, 1.5, Number.NaN, 1025])
    expect(() => native.setThreads(count)).toThrow(RangeError);
  expect(native.threads()).toBe(before);
});
