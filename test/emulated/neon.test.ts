// The addon on arm64, emulated, against the reference here: a slice of the conformance sweep and the self-test.
// `npm run test:neon` cross-compiles everything and then runs this.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { reference } from '../../lib/backend/reference/index.js';
import { PINNED } from '../../lib/cli/self-test.js';
import { describeProblem, solve } from '../support/conformance.js';
import { problemOf } from '../support/problems.js';

/** A command line that runs the compiled neon-slice.js on arm64, as a JSON array. */
const command = process.env.CONVKIT_ARM64_SLICE;
const first = 1;
const count = 300;

interface Report {
  readonly arch: string;
  readonly answers: Record<string, string[]>;
  readonly selfTest: string;
}

const why = command === undefined ? ' (skipped: it needs what npm run test:neon cross-compiles)' : '';

describe.skipIf(command === undefined)(`on emulated arm64${why}`, () => {
  it(`gives the reference's bits on ${count} problems of the sweep, and the pinned self-test`, {
    timeout: 400_000,
  }, () => {
    const [program, ...args] = JSON.parse(command ?? '[]') as string[];
    const { CONVKIT_BACKEND: _, CONVKIT_ISA: __, ...env } = process.env;
    const result = spawnSync(program, [...args, String(first), String(count)], { encoding: 'utf8', env });
    expect(result.status, result.stderr).toBe(0);
    const report = JSON.parse(result.stdout) as Report;
    expect(report.arch).toBe('arm64');
    expect(Object.keys(report.answers)).toEqual(['scalar', 'neon']);
    for (let i = 0; i < count; i++) {
      const problem = problemOf(first + i);
      const y = solve(reference, problem);
      const wanted = createHash('sha256')
        .update(new Uint8Array(y.buffer, y.byteOffset, y.byteLength))
        .digest('hex');
      for (const [isa, hashes] of Object.entries(report.answers)) {
        expect(hashes[i], `seed ${problem.seed} on ${isa}: ${describeProblem(problem)}`).toBe(wanted);
      }
    }
    expect(report.selfTest).toBe(PINNED);
  });
});
