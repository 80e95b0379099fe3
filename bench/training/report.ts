// What a run of training says: each step and layer beside PyTorch in the faster of its two memory formats, and the peak memory
// of both.

import { isPython } from '../contenders/index.js';
import type { MatchResult, Timing } from '../match.js';
import type { RunResult } from '../results.js';
import { geometricMean } from '../statistics.js';
import { mainIsa, ratioSpread, speedup, threadsText, timingOf } from '../summary.js';
import type { Table } from '../table.js';
import { STEP_CLASS, TARGETS } from './subjects.js';

/** PyTorch in whichever memory format is faster for a step or layer, among the contenders. */
export const PYTORCH = 'PyTorch';

/** The same run with that contender in every match. */
export const withFaster = (run: RunResult): RunResult => ({ ...run, matches: run.matches.map(faster) });

function faster(match: MatchResult): MatchResult {
  const found = match.timings.filter(({ contender }) => isPython(contender));
  if (found.length === 0) return match;
  const best = found.reduce((a, b) => (b.median < a.median ? b : a));
  return { ...match, timings: [{ ...best, contender: PYTORCH }, ...match.timings] };
}

export const isStep = (match: MatchResult): boolean => match.class === STEP_CLASS;

/** The ratio that layers are judged by. */
export const layersMean = ({ matches }: RunResult, ours: string): number =>
  geometricMean(
    matches
      .filter((match) => !isStep(match))
      .map((match) => speedup(match, PYTORCH, ours))
      .filter((ratio) => !Number.isNaN(ratio)),
  );

/** Peak memory as a share of that of PyTorch's leaner format; NaN where it was not measured. */
export function memoryShare({ timings }: MatchResult, ours: string): number {
  const theirs = timings.filter(({ contender }) => isPython(contender)).flatMap(peakOf);
  const own = timings.filter(({ contender }) => contender === ours).flatMap(peakOf);
  return theirs.length === 0 || own.length === 0 ? Number.NaN : own[0] / Math.min(...theirs);
}

const peakOf = ({ peakBytes }: Timing): number[] => (peakBytes === undefined ? [] : [peakBytes]);

/** The tables of one run. */
export function trainingTables(measured: RunResult): Table[] {
  const run = withFaster(measured);
  const isa = mainIsa(run);
  const ours = isa === null ? 'convkit:reference' : `convkit:${isa}`;
  return [times(run, ours), memory(run, ours)].filter(({ rows }) => rows.length > 0);
}

function times(run: RunResult, ours: string): Table {
  const steps = run.matches.filter(isStep);
  const layers = run.matches.filter((match) => !isStep(match));
  const mean = layersMean(run, ours);
  const row = (match: MatchResult, target: number | null): string[] => {
    const ratio = speedup(match, PYTORCH, ours);
    return [
      match.layer,
      ...cells(timingOf(match, 'torch')),
      ...cells(timingOf(match, 'torch:channelsLast')),
      ...cells(timingOf(match, ours)),
      number(ratio),
      percent(ratioSpread(match, PYTORCH, ours)),
      ...judged(ratio, target),
    ];
  };
  return {
    title: `Training on ${ours.slice(8)}, ${threadsText(run.threads)}: beside PyTorch ${versions(run).join(', ') || '(absent)'}`,
    head: ['step or layer', 'torch ms', '±', 'channels-last', '±', 'convkit ms', '±', 'x', '±', 'target', ''],
    rows: [
      ...steps.map((match) => row(match, TARGETS.step)),
      ...layers.map((match) => row(match, null)),
      ...(layers.length === 0
        ? []
        : [
            [
              `geometric mean of ${layers.length} layers`,
              ...new Array<string>(6).fill(''),
              number(mean),
              '',
              ...judged(mean, TARGETS.layers),
            ],
          ]),
    ],
    notes: [
      'x: the time of PyTorch in the faster of its two memory formats divided by convkit’s; ±: half the distance between quartiles',
      'a step: gradients cleared, forward, cross-entropy, backward, update; a layer: forward, and the gradients of weight, bias and input (of up to 3 channels: of weight and bias)',
      ...losses(run, ours),
      ...run.matches.flatMap(({ layer, wrong }) => wrong.map((reason) => `WRONG ${layer}: ${reason}`)),
      ...new Set(run.matches.flatMap(({ absent }) => Object.values(absent))),
    ],
  };
}

function losses({ matches }: RunResult, ours: string): string[] {
  const lost = matches.filter((match) => speedup(match, PYTORCH, ours) < 1);
  if (lost.length === 0) return [];
  return [
    `SLOWER than PyTorch: ${lost.map((match) => `${match.layer} (${number(speedup(match, PYTORCH, ours))})`).join(', ')}`,
  ];
}

function memory(run: RunResult, ours: string): Table {
  const cell = (match: MatchResult, contender: string): string => {
    const peak = timingOf(match, contender)?.peakBytes;
    return peak === undefined ? '-' : (peak / 2 ** 20).toFixed(0);
  };
  return {
    title: `Peak memory of a process that trains, MiB, ${threadsText(run.threads)}`,
    head: ['step', 'torch', 'channels-last', 'convkit', 'share', 'target', ''],
    rows: run.matches
      .filter((match) => !Number.isNaN(memoryShare(match, ours)))
      .map((match) => {
        const share = memoryShare(match, ours);
        return [
          match.layer,
          cell(match, 'torch'),
          cell(match, 'torch:channelsLast'),
          cell(match, ours),
          number(share),
          '1.00',
          share <= 1 ? 'met' : 'MISSED',
        ];
      }),
    notes: ['share: of the leaner of PyTorch’s two; a fresh process each, program and libraries included'],
  };
}

/** PyTorch's, as it says them. */
export const versions = ({ matches }: RunResult): string[] => [
  ...new Set(
    matches
      .flatMap(({ timings }) => timings)
      .filter(({ contender }) => isPython(contender))
      .map(({ version }) => version),
  ),
];

const judged = (value: number, target: number | null): string[] => {
  if (target === null || Number.isNaN(value)) return ['', ''];
  return [target.toFixed(2), value >= target ? 'met' : 'MISSED'];
};

const cells = (timing: Timing | undefined): string[] =>
  timing === undefined
    ? ['-', '-']
    : [timing.median.toFixed(timing.median < 10 ? 3 : 1), percent(timing.spread)];

const number = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : '-');
const percent = (value: number): string => (Number.isFinite(value) ? `${(value * 100).toFixed(0)} %` : '-');
