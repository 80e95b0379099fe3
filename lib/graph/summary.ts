// What a session does, step by step, as data and as a table.

import { describeStep, type StepDescription } from './describe-step.js';
import type { Executable } from './executable.js';
import { type Column, printTable } from './table.js';

export interface SessionSummary {
  /** In the order in which they run. */
  readonly steps: readonly StepDescription[];
  /** Bytes of the one block of memory that all steps work in. */
  readonly arenaBytes: number;
  /** Bytes of all steps' outputs, had each memory of its own. */
  readonly unplannedBytes: number;
  /** Multiply-accumulates of the whole batch, biases not counted. */
  readonly macs: number;
  toString(): string;
}

const count = (value: number): string =>
  value === 0 ? '--' : String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

export const STEP_COLUMNS: readonly Column<StepDescription>[] = [
  { title: 'Module', right: false, cell: ({ path }) => path || '(network)' },
  { title: 'Step', right: false, cell: ({ operation }) => operation },
  { title: 'Algorithm', right: false, cell: ({ algorithm }) => algorithm || '--' },
];

export function summarised(executable: Executable): SessionSummary {
  const steps = executable.steps.map(describeStep);
  const summary = {
    steps,
    arenaBytes: executable.plan.length * 4,
    unplannedBytes: executable.made * 4,
    macs: steps.reduce((sum, { macs }) => sum + macs, 0),
  };
  const columns: readonly Column<StepDescription>[] = [
    ...STEP_COLUMNS,
    { title: 'Elements', right: true, cell: ({ elements }) => count(elements) },
    { title: 'MACs', right: true, cell: ({ macs }) => count(macs) },
  ];
  return Object.freeze({
    ...summary,
    toString: () =>
      [
        printTable(steps, columns),
        `${steps.length} steps, ${count(summary.macs)} MACs; arena ${megabytes(summary.arenaBytes)} ` +
          `for ${megabytes(summary.unplannedBytes)} of results`,
      ].join('\n'),
  });
}
