// The conformance sweep: random problems, on every instruction set of the native engine, with one to four threads
// and with the batch cut, must give the bits of the reference; a convolution that Winograd's tiles serve by each of the
// algorithms. CONVKIT_SWEEP says how many problems, CONVKIT_SEED where to start.
import { beforeAll, describe, expect, it } from 'vitest';
import type { Binding, Isa } from '../../binding.js';
import { reference } from '../../lib/backend/reference/index.js';
import { describeProblem, difference, solve, splitBatch } from '../support/conformance.js';
import { force, requireNative } from '../support/native.js';
import { byEveryAlgorithm, type Problem, problemOf } from '../support/problems.js';

const count = Number(process.env.CONVKIT_SWEEP ?? 2400);
const start = Number(process.env.CONVKIT_SEED ?? 1);
const PER_TEST = 200;
const THREADS = [1, 2, 3, 4];

let native: Binding;
beforeAll(() => {
  native = requireNative();
});

function fail(problem: Problem, how: string, fault: string): never {
  throw new Error(
    `seed ${problem.seed}, ${how}: ${fault}\n${describeProblem(problem)}\n` +
      `repeat with: CONVKIT_SEED=${problem.seed} CONVKIT_SWEEP=1 npx vitest run test/backend/sweep.test.ts`,
  );
}

function check(problem: Problem, wanted: Float32Array, isa: Isa, threads: number): void {
  const how = `${isa} with ${threads} threads`;
  const whole = difference(solve(native, problem), wanted);
  if (whole !== null) fail(problem, how, whole);
  const parts = splitBatch(problem);
  if (parts === null) return;
  const joined = new Float32Array(wanted.length);
  let at = 0;
  for (const part of parts) {
    const y = solve(native, part);
    joined.set(y, at);
    at += y.length;
  }
  const fault = difference(joined, wanted);
  if (fault !== null) fail(problem, `${how}, batch cut in two`, fault);
}

describe('the native engine gives the bits of the reference', () => {
  const blocks = Array.from({ length: Math.ceil(count / PER_TEST) }, (_, i) => start + i * PER_TEST);
  it.each(blocks)('from seed %i on', (first) => {
    const last = Math.min(first + PER_TEST, start + count);
    const drawn = Array.from({ length: last - first }, (_, i) => problemOf(first + i));
    const problems = drawn.flatMap(byEveryAlgorithm);
    const answers = problems.map((problem) => solve(reference, problem));
    const before = native.threads();
    const { supported } = native.cpu();
    expect(supported).toContain('scalar');
    for (const isa of supported) {
      force(native, isa);
      for (const threads of THREADS) {
        native.setThreads(threads);
        problems.forEach((problem, i) => {
          check(problem, answers[i], isa, threads);
        });
      }
    }
    native.setThreads(before);
  });
});
