// Turns timings into the tables people read: times, shares of what the hardware allows, ratios to the baseline,
// and which targets are met or missed.

import type { Isa } from '../binding.js';
import { BASELINE } from './contenders/index.js';
import type { Target } from './layer.js';
import type { MatchResult, Timing } from './match.js';
import { geometricMean } from './statistics.js';
import type { Table } from './table.js';

/** What one run produced for one number of threads. */
export interface RunResult {
  readonly threads: number;
  /** Read bandwidth of all threads together, bytes/s: the larger of two measurements, before and after. */
  readonly bandwidth: number;
  readonly matches: readonly MatchResult[];
}

export interface Goals {
  /** By class. */
  readonly classes: ReadonlyMap<string, Target>;
}

/** Dense layers above this many operations are held against the roofline. */
const ROOFLINE_FLOPS = 0.1e9;
const ROOFLINE_SHARE = 0.8;
const THREADS_SHARE = 0.9;
const LIKE_SHARE = 0.95;
const PLAIN_SHARE = 0.4;
const TFJS_SHARE = 1;

const timingOf = (match: MatchResult, contender: string): Timing | undefined =>
  match.timings.find((timing) => timing.contender === contender);

/** The first contender's time divided by the second's: how many times faster the second is; NaN without both. */
export function speedup(match: MatchResult, slower: string, faster: string): number {
  return (timingOf(match, slower)?.median ?? Number.NaN) / (timingOf(match, faster)?.median ?? Number.NaN);
}

/** min(FMA peak, intensity x bandwidth) in FLOP/s; NaN where the peak was not measured. */
export function attainable(match: MatchResult, isa: Isa, bandwidth: number): number {
  return Math.min(match.peaks[isa] ?? Number.NaN, (match.flops / match.bytes) * bandwidth);
}

/** The tables of one run; `isa` is the instruction set that targets are set for. */
export function tables(run: RunResult, isa: Isa | null, goals: Goals): Table[] {
  if (isa === null) return [everyone(run)];
  return [layers(run, isa), everyone(run), classes(run, isa, goals), goalsTable(run, isa)].filter(
    ({ rows }) => rows.length > 0,
  );
}

function layers(run: RunResult, isa: Isa): Table {
  const ours = `convkit:${isa}`;
  const played = run.matches.filter((match) => timingOf(match, ours) !== undefined);
  return {
    title: `convkit ${isa}, ${threadsOf(run)}: each layer beside onnxruntime and the roofline`,
    head: [
      'layer',
      'GFLOP',
      'onnxrt ms',
      '±',
      'convkit ms',
      '±',
      'x',
      'x kept',
      'NCHW ms',
      'x',
      'GF/s',
      'attainable',
      'share',
    ],
    rows: played.map((match) => {
      const rate = match.flops / (timingOf(match, ours)?.median ?? Number.NaN) / 1e6;
      const limit = attainable(match, isa, run.bandwidth) / 1e9;
      return [
        match.layer,
        (match.flops / 1e9).toFixed(3),
        ...withSpread(timingOf(match, BASELINE)),
        ...withSpread(timingOf(match, ours)),
        ratio(speedup(match, BASELINE, ours)),
        ratio(speedup(match, `${BASELINE}:kept`, ours)),
        milliseconds(timingOf(match, `${ours}:nchw`)),
        ratio(speedup(match, BASELINE, `${ours}:nchw`)),
        number(rate, 1),
        number(limit, 1),
        percent(rate / limit),
      ];
    }),
    notes: [
      `x: onnxruntime's median time divided by convkit's, above 1 is faster; ±: half the distance between quartiles`,
      'x kept: the same with an onnxruntime whose process keeps freed memory, as convkit makes its process do',
      `attainable: min(FMA peak, intensity x bandwidth), GF/s; bandwidth ${(run.bandwidth / 1e9).toFixed(1)} GB/s; the peak is measured between each layer's rounds`,
      ...run.matches.flatMap(({ layer, wrong }) => wrong.map((reason) => `WRONG ${layer}: ${reason}`)),
    ],
  };
}

function everyone(run: RunResult): Table {
  const names = [...new Set(run.matches.flatMap(({ timings }) => timings.map(({ contender }) => contender)))];
  return {
    title: `Every contender, ${threadsOf(run)}: milliseconds (GF/s)`,
    head: ['layer', ...names],
    rows: run.matches.map((match) => [
      match.layer,
      ...names.map((name) => {
        const timing = timingOf(match, name);
        return timing === undefined
          ? '-'
          : `${milliseconds(timing)} (${number(match.flops / timing.median / 1e6, 1)})`;
      }),
    ]),
    notes: [],
  };
}

function classes(run: RunResult, isa: Isa, { classes: targets }: Goals): Table {
  const ours = `convkit:${isa}`;
  const groups = [...new Set(run.matches.map((match) => match.class))];
  const judged = run.matches.filter((match) => match.class !== 'typescript');
  const row = (title: string, matches: readonly MatchResult[], target: Target | undefined): string[] => {
    const ratios = matches
      .map((match) => speedup(match, BASELINE, ours))
      .filter((value) => !Number.isNaN(value));
    const nchw = matches
      .map((match) => speedup(match, BASELINE, `${ours}:nchw`))
      .filter((value) => !Number.isNaN(value));
    const mean = geometricMean(ratios);
    const judgedMean = target?.layout === 'nchw' ? geometricMean(nchw) : mean;
    return [
      title,
      `${ratios.length}`,
      ratio(mean),
      ratio(Math.min(...ratios)),
      ratio(geometricMean(nchw)),
      target === undefined ? '-' : `${target.ratio.toFixed(2)}${target.layout === 'nchw' ? ' NCHW' : ''}`,
      target === undefined || Number.isNaN(judgedMean) ? '-' : verdict(judgedMean >= target.ratio),
    ];
  };
  const played = judged.some((match) => !Number.isNaN(speedup(match, BASELINE, ours)));
  return {
    title: `Times onnxruntime, ${threadsOf(run)}: geometric mean of each class`,
    head: ['class', 'layers', 'mean', 'least', 'NCHW mean', 'target', 'verdict'],
    rows: !played
      ? []
      : [
          ...groups
            .filter((name) => name !== 'typescript')
            .map((name) =>
              row(
                name,
                judged.filter((match) => match.class === name),
                targets.get(name),
              ),
            ),
          row('all layers', judged, undefined),
        ],
    notes: losses(judged, ours),
  };
}

function losses(matches: readonly MatchResult[], ours: string): string[] {
  const lost = matches.filter((match) => speedup(match, BASELINE, ours) < 1);
  if (lost.length === 0) return ['no layer is slower than onnxruntime'];
  return [
    `SLOWER than onnxruntime: ${lost.map((match) => `${match.layer} (${ratio(speedup(match, BASELINE, ours))})`).join(', ')}`,
  ];
}

function goalsTable(run: RunResult, isa: Isa): Table {
  const ours = `convkit:${isa}`;
  const rows: string[][] = [];
  const judge = (claim: string, match: MatchResult, value: number, target: number): void => {
    if (!Number.isNaN(value))
      rows.push([`${claim}: ${match.layer}`, percent(value), percent(target), verdict(value >= target)]);
  };
  for (const match of run.matches) {
    const dense = match.class !== 'depthwise' && match.class !== 'grouped' && match.class !== 'typescript';
    if (dense && match.flops > ROOFLINE_FLOPS) {
      const rate = (match.flops / (timingOf(match, ours)?.median ?? Number.NaN)) * 1e3;
      judge('share of attainable', match, rate / attainable(match, isa, run.bandwidth), ROOFLINE_SHARE);
      judge(
        'threads against processes side by side',
        match,
        speedup(match, `${ours}:side-by-side`, ours),
        THREADS_SHARE,
      );
    }
    const like = run.matches.find(({ layer }) => layer === match.like);
    if (like !== undefined)
      judge(
        `rate against ${like.layer}`,
        match,
        match.flops /
          like.flops /
          ((timingOf(match, ours)?.median ?? Number.NaN) / (timingOf(like, ours)?.median ?? Number.NaN)),
        LIKE_SHARE,
      );
    judge(
      'TypeScript against plain fround',
      match,
      speedup(match, 'plain', 'convkit:reference'),
      PLAIN_SHARE,
    );
    judge('TypeScript against tfjs', match, speedup(match, 'tfjs', 'convkit:reference'), TFJS_SHARE);
  }
  return {
    title: `Other targets, ${threadsOf(run)}`,
    head: ['claim', 'measured', 'target', 'verdict'],
    rows,
    notes: [],
  };
}

const threadsOf = ({ threads }: RunResult): string => (threads === 1 ? 'one thread' : `${threads} threads`);
const verdict = (met: boolean): string => (met ? 'met' : 'MISSED');
const number = (value: number, digits: number): string =>
  Number.isFinite(value) ? value.toFixed(digits) : '-';
const ratio = (value: number): string => number(value, 2);
const percent = (value: number): string => (Number.isFinite(value) ? `${(value * 100).toFixed(0)} %` : '-');
const milliseconds = (timing: Timing | undefined): string =>
  timing === undefined ? '-' : timing.median.toFixed(timing.median < 0.1 ? 4 : 3);
const withSpread = (timing: Timing | undefined): [string, string] => [
  milliseconds(timing),
  timing === undefined ? '-' : percent(timing.spread),
];
