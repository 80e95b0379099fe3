// Two results side by side: what a change made faster or slower, layer by layer, and what is noise. The machine's own drift
// between the two runs is told from the peers, whose code did not change.

import { BASELINE } from './contenders/index.js';
import type { MatchResult, Timing } from './match.js';
import type { Results } from './results.js';
import { geometricMean } from './statistics.js';
import { threadsText } from './summary.js';
import type { Table } from './table.js';

/** Changes smaller than this are not worth a word. */
const LEAST_CHANGE = 0.02;
/** How many spreads a change must exceed: the spread is about 0.7 standard deviations of a round, a median is known better. */
const SPREADS = 2;

export interface Change {
  readonly layer: string;
  readonly contender: string;
  readonly threads: number;
  readonly before: Timing;
  readonly after: Timing;
  /** New speed over old, the machine's drift taken out: above 1 is faster. */
  readonly factor: number;
  /** What a factor may differ from 1 by without meaning anything. */
  readonly noise: number;
  readonly verdict: 'faster' | 'slower' | 'noise';
}

interface Pair {
  readonly threads: number;
  readonly before: MatchResult;
  readonly after: MatchResult;
}

/** Layers that both have, on the same number of threads. */
function pairs(before: Results, after: Results): Pair[] {
  return after.runs.flatMap(({ threads, matches }) => {
    const old = before.runs.filter((run) => run.threads === threads).flatMap((run) => run.matches);
    return matches.flatMap((match) => {
      const same = old.find(({ layer, line }) => layer === match.layer && line === match.line);
      return same === undefined ? [] : [{ threads, before: same, after: match }];
    });
  });
}

/** How much faster the machine itself was the second time: onnxruntime's geometric mean, or 1 where it did not run. */
export function drift(before: Results, after: Results, threads: number): number {
  const factors = pairs(before, after)
    .filter((pair) => pair.threads === threads)
    .flatMap((pair) => {
      const of = ({ timings }: MatchResult) =>
        timings.find(({ contender }) => contender === BASELINE)?.median;
      const [old, now] = [of(pair.before), of(pair.after)];
      return old === undefined || now === undefined ? [] : [old / now];
    });
  return factors.length === 0 ? 1 : geometricMean(factors);
}

/** Every contender of convkit on every layer that both results have. */
export function changes(before: Results, after: Results): Change[] {
  return pairs(before, after).flatMap((pair) => {
    const machine = drift(before, after, pair.threads);
    return pair.after.timings.flatMap((now) => {
      const old = pair.before.timings.find(({ contender }) => contender === now.contender);
      if (old === undefined || !now.contender.startsWith('convkit')) return [];
      const factor = old.median / now.median / machine;
      const noise = Math.max(LEAST_CHANGE, SPREADS * Math.hypot(old.spread, now.spread));
      const verdict = Math.abs(Math.log(factor)) <= noise ? 'noise' : factor > 1 ? 'faster' : 'slower';
      const { layer, threads } = pair.after;
      return [{ layer, contender: now.contender, threads, before: old, after: now, factor, noise, verdict }];
    });
  });
}

/** The changes as tables: one for each number of threads. */
export function comparison(before: Results, after: Results): Table[] {
  const all = changes(before, after);
  return [...new Set(all.map(({ threads }) => threads))].map((threads) => {
    const here = all.filter((change) => change.threads === threads);
    const count = (verdict: Change['verdict']): number =>
      here.filter((change) => change.verdict === verdict).length;
    return {
      title: `From ${before.environment.commit} to ${after.environment.commit}, ${threadsText(threads)}`,
      head: ['layer', 'contender', 'before ms', '±', 'after ms', '±', 'times as fast', 'noise', 'verdict'],
      rows: [...here]
        .sort((a, b) => a.factor - b.factor)
        .map(({ layer, contender, before: old, after: now, factor, noise, verdict }) => [
          layer,
          contender,
          old.median.toPrecision(4),
          percent(old.spread),
          now.median.toPrecision(4),
          percent(now.spread),
          factor.toFixed(3),
          `±${percent(noise)}`,
          verdict,
        ]),
      notes: [
        `${count('faster')} faster, ${count('slower')} slower, ${count('noise')} within noise; all together ${signed(geometricMean(here.map(({ factor }) => factor)) - 1)}`,
        `the machine itself: ${signed(drift(before, after, threads) - 1)} by onnxruntime's times, taken out above`,
        `noise: ${SPREADS} times both spreads together, ${percent(LEAST_CHANGE)} at least`,
      ],
    };
  });
}

const percent = (value: number): string => `${(value * 100).toFixed(0)} %`;
const signed = (value: number): string => `${value < 0 ? '' : '+'}${(value * 100).toFixed(1)} %`;
