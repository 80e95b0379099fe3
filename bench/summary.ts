// What the numbers of a run say: ratios, their means by class and by network, and shares of what the hardware allows.
// Tables, the report and the README's block all ask here.

import type { Isa } from '../binding.js';
import type { Algorithm } from './contenders/contender.js';
import { BASELINE } from './contenders/index.js';
import type { MatchResult, Timing } from './match.js';
import type { RunResult } from './results.js';
import { geometricMean } from './statistics.js';

/** Multiplications of a direct sum for each one of Winograd's tiles: (m * 3)^2 / (m + 2)^2. */
const SAVED: Readonly<Record<Algorithm, number>> = { direct: 1, winograd2: 2.25, winograd4: 4 };

export const timingOf = (match: MatchResult, contender: string): Timing | undefined =>
  match.timings.find((timing) => timing.contender === contender);

export const millisecondsOf = (match: MatchResult, contender: string): number =>
  timingOf(match, contender)?.median ?? Number.NaN;

/** The first contender's time divided by the second's: how many times faster the second is; NaN without both. */
export const speedup = (match: MatchResult, slower: string, faster: string): number =>
  millisecondsOf(match, slower) / millisecondsOf(match, faster);

/** How uncertain a ratio of two contenders is: their spreads together, as a share of it. */
export function ratioSpread(match: MatchResult, a: string, b: string): number {
  return Math.hypot(timingOf(match, a)?.spread ?? Number.NaN, timingOf(match, b)?.spread ?? Number.NaN);
}

/** Direct operations in a second, FLOP/s; Winograd's count as the direct ones that they stand for. */
export const rateOf = (match: MatchResult, contender: string): number =>
  (match.flops / millisecondsOf(match, contender)) * 1e3;

/** What a contender of convkit computes the layer by. */
export const algorithmOf = (match: MatchResult, contender: string): Algorithm =>
  timingOf(match, contender)?.algorithm ?? 'direct';

/** How many times the FMA peak an algorithm may reach, counted in direct operations. */
export const roofOf = (algorithm: Algorithm): number => SAVED[algorithm];

/** min(FMA peak * what the algorithm saves, intensity * bandwidth) in FLOP/s; NaN where the peak was not measured. */
export function attainable(match: MatchResult, contender: string, isa: Isa, bandwidth: number): number {
  const peak = match.peaks[isa] ?? Number.NaN;
  return Math.min(peak * roofOf(algorithmOf(match, contender)), (match.flops / match.bytes) * bandwidth);
}

/** The instruction set that a run is about: that of its fastest convkit contender. */
export function mainIsa({ matches }: RunResult): Isa | null {
  const order: readonly Isa[] = ['avx512', 'neon', 'avx2', 'scalar'];
  const names = new Set(matches.flatMap(({ timings }) => timings.map(({ contender }) => contender)));
  return order.find((isa) => names.has(`convkit:${isa}`)) ?? null;
}

/** Ratios of a group of layers. */
export interface Group {
  readonly name: string;
  readonly count: number;
  readonly mean: number;
  readonly least: number;
  readonly most: number;
  /** How many are below 1. */
  readonly lost: number;
}

export function groupOf(
  name: string,
  matches: readonly MatchResult[],
  ours: string,
  theirs = BASELINE,
): Group {
  const ratios = matches.map((match) => speedup(match, theirs, ours)).filter((ratio) => !Number.isNaN(ratio));
  return {
    name,
    count: ratios.length,
    mean: geometricMean(ratios),
    least: ratios.length === 0 ? Number.NaN : Math.min(...ratios),
    most: ratios.length === 0 ? Number.NaN : Math.max(...ratios),
    lost: ratios.filter((ratio) => ratio < 1).length,
  };
}

/** Matches by class or by set, in the order of their first appearance. */
export function groupedBy(matches: readonly MatchResult[], key: 'class' | 'set'): Map<string, MatchResult[]> {
  const groups = new Map<string, MatchResult[]>();
  for (const match of matches) groups.set(match[key], [...(groups.get(match[key]) ?? []), match]);
  return groups;
}

/** Milliseconds of all convolutions of a network, each as often as it runs; NaN where one was not timed. */
export const networkMilliseconds = (matches: readonly MatchResult[], contender: string): number =>
  matches.reduce((sum, match) => sum + match.times * millisecondsOf(match, contender), 0);

export const threadsText = (threads: number): string => (threads === 1 ? 'one thread' : `${threads} threads`);
