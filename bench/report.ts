// Turns timings into the tables people read: times, shares of what the hardware allows, ratios to the baseline,
// and which targets are met or missed.

import type { Isa } from '../binding.js';
import { BASELINE, SIDE_BY_SIDE } from './contenders/index.js';
import { readTargets, type Target } from './layer-files.js';
import type { MatchResult, Timing } from './match.js';
import type { Results, RunResult } from './results.js';
import { geometricMean } from './statistics.js';
import {
  algorithmOf,
  attainable,
  type Group,
  groupedBy,
  groupOf,
  mainIsa,
  millisecondsOf,
  networkMilliseconds,
  rateOf,
  roofOf,
  speedup,
  threadsText,
  timingOf,
} from './summary.js';
import { asMarkdown, type Table } from './table.js';
import { trainingTables } from './training/report.js';

/** By class. */
export type Targets = ReadonlyMap<string, Target>;

/** Dense layers above this many operations are held against the roofline. */
const ROOFLINE_FLOPS = 0.1e9;
const ROOFLINE_SHARE = 0.85;
const THREADS_SHARE = 0.95;
const LIKE_SHARE = 0.95;
const PLAIN_RATIO = 0.5;
const TFJS_RATIO = 2;
/** Points that a class's share of the AVX2 peak may be below its share of the best set's. */
const ISA_POINTS = 0.1;

/** Where, with what and how results were measured, as Markdown. */
function heading({ environment: where, command, options, runs }: Results): string {
  const versions = runs.flatMap(({ matches }) =>
    matches.flatMap(({ timings }) =>
      timings
        .filter(({ contender, version }) => !/^convkit|:/.test(contender) && version !== '')
        .map(({ contender, version }) => `${contender} ${version}`),
    ),
  );
  return [
    `# Benchmark of ${where.date.slice(0, 10)}`,
    '',
    `${where.processor}, ${where.cores} cores, ${where.memoryGiB} GiB; ${where.system}; Node ${where.node}; compiler ${where.compiler};`,
    `commit ${where.commit}${where.modified ? ' (with local changes)' : ''}; peers: ${[...new Set(versions)].join(', ') || 'none'}.`,
    `Command: \`${command}\`. ${options.rounds} rounds of ${options.milliseconds} ms; priority ${where.priority}, load before the run ${where.load.toFixed(1)}.`,
    '',
  ].join('\n');
}

/** All tables of a results file, as Markdown. */
export const asMarkdownPage = (results: Results): string =>
  `${heading(results)}\n${tablesOf(results).map(asMarkdown).join('\n')}`;

/** All tables of a results file. */
export function tablesOf({ runs, options }: Results): Table[] {
  if (options.training) return runs.flatMap(trainingTables);
  const targets = readTargets(options.layers);
  return runs.flatMap((run) => tables(run, targets));
}

/** The tables of one run. */
function tables(run: RunResult, targets: Targets): Table[] {
  const isa = mainIsa(run);
  if (isa === null) return [everyone(run), javascript(run)].filter(hasRows);
  return [
    layers(run, isa),
    classes(run, isa, targets),
    networks(run, isa),
    instructionSets(run, isa),
    goals(run, isa),
    javascript(run),
    everyone(run),
  ].filter(hasRows);
}

const hasRows = ({ rows }: Table): boolean => rows.length > 0;

function layers(run: RunResult, isa: Isa): Table {
  const ours = `convkit:${isa}`;
  const played = run.matches.filter((match) => timingOf(match, ours) !== undefined);
  return {
    title: `convkit ${isa}, ${threadsText(run.threads)}: each layer beside onnxruntime and the roofline`,
    head: [
      'layer',
      'GFLOP',
      'by',
      'onnxrt ms',
      '±',
      'convkit ms',
      '±',
      'x',
      'x kept',
      'direct x',
      'NCHW ms',
      'x',
      'GF/s',
      'attainable',
      'share',
    ],
    rows: played.map((match) => {
      const rate = rateOf(match, ours) / 1e9;
      const limit = attainable(match, ours, isa, run.bandwidth) / 1e9;
      return [
        match.layer,
        (match.flops / 1e9).toFixed(3),
        algorithmOf(match, ours),
        ...withSpread(timingOf(match, BASELINE)),
        ...withSpread(timingOf(match, ours)),
        ratio(speedup(match, BASELINE, ours)),
        ratio(speedup(match, `${BASELINE}:kept`, ours)),
        ratio(speedup(match, BASELINE, `${ours}:direct`)),
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
      'direct x: with algorithm "direct", where the layer could be computed by Winograd',
      `attainable: min(FMA peak, intensity x bandwidth), GF/s; bandwidth ${(run.bandwidth / 1e9).toFixed(1)} GB/s; the peak is measured between each layer's rounds, and counts 2.25 or 4 times where winograd2 or winograd4 saves as many multiplications`,
      ...run.matches.flatMap(({ layer, wrong }) => wrong.map((reason) => `WRONG ${layer}: ${reason}`)),
    ],
  };
}

function everyone(run: RunResult): Table {
  const names = [...new Set(run.matches.flatMap(({ timings }) => timings.map(({ contender }) => contender)))];
  return {
    title: `Every contender, ${threadsText(run.threads)}: milliseconds (GF/s)`,
    head: ['layer', ...names],
    rows: run.matches.map((match) => [
      match.layer,
      ...names.map((name) => {
        const timing = timingOf(match, name);
        return timing === undefined
          ? '-'
          : `${milliseconds(timing)} (${number(rateOf(match, name) / 1e9, 1)})`;
      }),
    ]),
    notes: [],
  };
}

function classes(run: RunResult, isa: Isa, targets: Targets): Table {
  const ours = `convkit:${isa}`;
  const row = (name: string, matches: readonly MatchResult[], target: Target | undefined): string[] => {
    const group = groupOf(name, matches, ours);
    const nchw = groupOf(name, matches, `${ours}:nchw`);
    const judged = target?.layout === 'nchw' ? nchw.mean : group.mean;
    const goal =
      target === undefined ? '-' : `${target.ratio.toFixed(2)}${target.layout === 'nchw' ? ' NCHW' : ''}`;
    const met = target === undefined || Number.isNaN(judged) ? '-' : verdict(judged >= target.ratio);
    return [...groupCells(group), ratio(nchw.mean), goal, met];
  };
  const played = run.matches.filter((match) => !Number.isNaN(speedup(match, BASELINE, ours)));
  return {
    title: `Times onnxruntime, ${threadsText(run.threads)}: geometric mean of each class`,
    head: ['class', 'layers', 'mean', 'least', 'below 1', 'NCHW mean', 'target', 'verdict'],
    rows:
      played.length === 0
        ? []
        : [
            ...[...groupedBy(played, 'class')].map(([name, matches]) =>
              row(name, matches, targets.get(name)),
            ),
            row('all layers', played, undefined),
          ],
    notes: losses(played, ours),
  };
}

function networks(run: RunResult, isa: Isa): Table {
  const ours = `convkit:${isa}`;
  const sets = [...groupedBy(run.matches, 'set')];
  return {
    title: `Times onnxruntime, ${threadsText(run.threads)}: every distinct convolution of each network`,
    head: ['network', 'layers', 'mean', 'least', 'below 1', 'NCHW mean', 'onnxrt ms', 'convkit ms', 'x'],
    rows:
      sets.length < 2
        ? []
        : sets.map(([name, matches]) => {
            const theirs = networkMilliseconds(matches, BASELINE);
            const own = networkMilliseconds(matches, ours);
            return [
              ...groupCells(groupOf(name, matches, ours)),
              ratio(groupOf(name, matches, `${ours}:nchw`).mean),
              number(theirs, 2),
              number(own, 2),
              ratio(theirs / own),
            ];
          }),
    notes: ['ms: all convolutions of one image, each as often as the network runs it'],
  };
}

const groupCells = ({ name, count, mean, least, lost }: Group): string[] => [
  name,
  `${count}`,
  ratio(mean),
  ratio(least),
  `${lost}`,
];

function losses(matches: readonly MatchResult[], ours: string): string[] {
  const lost = matches.filter((match) => speedup(match, BASELINE, ours) < 1);
  if (lost.length === 0) return ['no layer is slower than onnxruntime'];
  return [
    `SLOWER than onnxruntime: ${lost.map((match) => `${match.layer} (${ratio(speedup(match, BASELINE, ours))})`).join(', ')}`,
  ];
}

/** Whether AVX2 gets as near to its own peak as the best set to its. */
function instructionSets(run: RunResult, isa: Isa): Table {
  const share = (matches: readonly MatchResult[], set: Isa): number =>
    geometricMean(
      matches
        .map((match) => {
          const name = `convkit:${set}`;
          return rateOf(match, name) / (match.peaks[set] ?? Number.NaN) / roofOf(algorithmOf(match, name));
        })
        .filter((value) => !Number.isNaN(value)),
    );
  const rows = [...groupedBy(run.matches, 'class')].map(([name, matches]) => {
    const [own, avx2] = [share(matches, isa), share(matches, 'avx2')];
    return [name, percent(own), percent(avx2), verdict(avx2 >= own - ISA_POINTS)];
  });
  return {
    title: `AVX2 beside ${isa}, ${threadsText(run.threads)}: share of the peak of its own instruction set`,
    head: ['class', isa, 'avx2', `within ${ISA_POINTS * 100} points`],
    rows: isa === 'avx512' ? rows.filter(([, , avx2]) => avx2 !== '-') : [],
    notes: ["Winograd's share is of 2.25 or 4 times the peak"],
  };
}

function goals(run: RunResult, isa: Isa): Table {
  const ours = `convkit:${isa}`;
  const rows: string[][] = [];
  const judge = (claim: string, match: MatchResult, value: number, target: number): void => {
    if (!Number.isNaN(value))
      rows.push([`${claim}: ${match.layer}`, percent(value), percent(target), verdict(value >= target)]);
  };
  for (const match of run.matches) {
    const dense = match.class !== 'depthwise' && match.class !== 'grouped';
    const direct = algorithmOf(match, ours) === 'direct' ? ours : `${ours}:direct`;
    if (dense && match.flops > ROOFLINE_FLOPS) {
      const share = rateOf(match, direct) / attainable(match, direct, isa, run.bandwidth);
      judge('share of attainable, direct', match, share, ROOFLINE_SHARE);
    }
    if (match.flops > ROOFLINE_FLOPS) {
      const sideBySide = speedup(match, `${ours}${SIDE_BY_SIDE}`, ours);
      judge('threads against processes side by side', match, sideBySide, THREADS_SHARE);
    }
    const like = run.matches.find(({ layer }) => layer === match.like);
    if (like !== undefined)
      judge(`rate against ${like.layer}`, match, rateOf(match, ours) / rateOf(like, ours), LIKE_SHARE);
  }
  return {
    title: `Other targets, ${threadsText(run.threads)}`,
    head: ['claim', 'measured', 'target', 'verdict'],
    rows,
    notes: [],
  };
}

/** The TypeScript backend beside its loops with plain fround and beside tfjs. */
function javascript(run: RunResult): Table {
  const ours = 'convkit:reference';
  const played = run.matches.filter((match) => timingOf(match, ours) !== undefined);
  const cells = (name: string, group: readonly MatchResult[]): string[] => [
    name,
    ratio(groupOf('', group, ours, 'plain').mean),
    ratio(groupOf('', group, ours, 'tfjs').mean),
    ratio(groupOf('', group, ours, 'tfjs:wasm').mean),
  ];
  const all = [groupOf('', played, ours, 'plain').mean, groupOf('', played, ours, 'tfjs').mean];
  const compared = all.some((mean) => !Number.isNaN(mean));
  const judged = (mean: number, target: number): string =>
    Number.isNaN(mean) ? '-' : `${target} ${verdict(mean >= target)}`;
  return {
    title: `The TypeScript backend, ${threadsText(run.threads)}: times its own loops with plain fround, times tfjs`,
    head: ['layer', 'plain', 'tfjs', 'tfjs:wasm', 'ms', 'GF/s', 'by'],
    rows: !compared
      ? []
      : [
          ...played.map((match) => [
            ...cells(match.layer, [match]),
            number(millisecondsOf(match, ours), 2),
            number(rateOf(match, ours) / 1e9, 1),
            algorithmOf(match, ours),
          ]),
          [...cells('all layers', played), '', '', ''],
          ['target', judged(all[0], PLAIN_RATIO), judged(all[1], TFJS_RATIO), '-', '', '', ''],
        ],
    notes: [],
  };
}

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
