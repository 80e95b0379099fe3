// Where a session's time goes: each step timed by itself.

import { wrongValue } from '../errors.js';
import { describeStep, type StepDescription } from './describe-step.js';
import type { Arena, Executable } from './executable.js';
import { STEP_COLUMNS } from './summary.js';
import { type Column, printTable } from './table.js';

export interface ProfiledStep extends StepDescription {
  /** The median over the rounds. */
  readonly milliseconds: number;
  /** 2 * macs / time, in 10^9 a second; of Winograd's too, by the direct sums it saves. 0 where it multiplies nothing. */
  readonly gflops: number;
}

export interface Profile {
  readonly steps: readonly ProfiledStep[];
  /** The sum over the steps. */
  readonly milliseconds: number;
  readonly rounds: number;
  toString(): string;
}

const BAR = 24;

/** Runs the graph step by step on what is in the arena's input. */
export function profiled(executable: Executable, arena: Arena, rounds: number): Profile {
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw wrongValue('session.profile', `rounds must be a whole number from 1 up, got ${rounds}`);
  }
  const { program, input } = executable.bind(arena);
  const images = input.slice();
  const times = executable.steps.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    input.set(images);
    times.forEach((own, step) => {
      const begin = performance.now();
      executable.binding.program(program, step, step + 1);
      // The first round fetches what the others find
      if (round > 0) own.push(performance.now() - begin);
    });
  }
  const steps = executable.steps.map((step, i): ProfiledStep => {
    const described = describeStep(step);
    const milliseconds = times[i].toSorted((a, b) => a - b)[rounds >> 1];
    return { ...described, milliseconds, gflops: (2 * described.macs) / milliseconds / 1e6 };
  });
  const total = steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return Object.freeze({
    steps,
    milliseconds: total,
    rounds,
    toString: () => draw(steps, total, rounds),
  });
}

function draw(steps: readonly ProfiledStep[], total: number, rounds: number): string {
  const longest = Math.max(...steps.map(({ milliseconds }) => milliseconds));
  const columns: readonly Column<ProfiledStep>[] = [
    ...STEP_COLUMNS,
    { title: 'ms', right: true, cell: ({ milliseconds }) => milliseconds.toFixed(3) },
    { title: '%', right: true, cell: ({ milliseconds }) => ((100 * milliseconds) / total).toFixed(1) },
    { title: 'GFLOP/s', right: true, cell: ({ gflops }) => (gflops === 0 ? '--' : gflops.toFixed(0)) },
    {
      title: '',
      right: false,
      cell: ({ milliseconds }) => '█'.repeat(Math.round((BAR * milliseconds) / longest)),
    },
  ];
  return `${printTable(steps, columns)}\n${total.toFixed(3)} ms in all, medians of ${rounds} rounds`;
}
