// Whole networks as tables: times, ratios to the baseline and to what the machine allows, memory, first results.

import { BASELINE } from '../contenders/index.js';
import { geometricMean } from '../statistics.js';
import type { Table } from '../table.js';
import type { NetworkResult, NetworkTiming } from './match.js';
import { MEAN_TARGET } from './networks.js';

/** A network that reaches this share of what is attainable has met its target. */
const ATTAINED = 0.8;
const MEMORY_SHARE = 0.8;

const of = ({ timings }: NetworkResult, name: string): NetworkTiming | undefined =>
  timings.find(({ contender }) => contender === name);

const milliseconds = (value: number): string => value.toPrecision(4);
const percent = (value: number): string => `${(100 * value).toFixed(0)} %`;
const megabytes = (value: number): string => `${(value / 1e6).toFixed(0)} MB`;

/** A table for each contender, number of threads and batch. */
export function networkTables(results: readonly NetworkResult[]): Table[] {
  const contenders = [
    ...new Set(results.flatMap(({ timings }) => timings.map(({ contender }) => contender))),
  ].filter((name) => name !== BASELINE);
  const groups = new Map<string, NetworkResult[]>();
  for (const result of results) {
    const group = `${result.threads} thread(s), batch ${result.batch}`;
    groups.set(group, [...(groups.get(group) ?? []), result]);
  }
  return contenders.flatMap((name) => [...groups].map(([group, own]) => table(name, group, own)));
}

function table(name: string, group: string, results: readonly NetworkResult[]): Table {
  const ratios: number[] = [];
  const notes: string[] = [];
  const rows = results.map((result) => {
    const own = of(result, name);
    const baseline = of(result, BASELINE);
    if (own === undefined || baseline === undefined) {
      const reasons = [...result.wrong, ...Object.values(result.absent)];
      notes.push(`${result.network}: ${reasons.join('; ')}`);
      return [result.network, ...Array.from({ length: 8 }, () => '--')];
    }
    const ratio = baseline.median / own.median;
    const attained = result.attainable / own.median;
    ratios.push(ratio);
    const met = ratio >= result.target ? 'met' : attained >= ATTAINED ? 'met by roofline' : 'missed';
    return [
      result.network,
      `${milliseconds(own.median)} ±${percent(own.spread)}`,
      `${milliseconds(baseline.median)} ±${percent(baseline.spread)}`,
      ratio.toFixed(2),
      `${result.target.toFixed(2)} ${met}`,
      percent(attained),
      `${milliseconds(own.first)} / ${milliseconds(baseline.first)}`,
      (own.first / baseline.first).toFixed(2),
      `${megabytes(own.peak)} / ${megabytes(baseline.peak)}`,
      (own.peak / baseline.peak).toFixed(2),
    ];
  });
  const mean = geometricMean(ratios);
  notes.unshift(
    `geometric mean of ${ratios.length} networks: ${mean.toFixed(2)}, aimed at ${MEAN_TARGET}`,
    `attainable: each step's arithmetic at the peak or its bytes at the bandwidth, whichever takes longer; ${percent(ATTAINED)} of it counts as met`,
    `first: from the first import to the first output; peak: of the whole process, to be at most ${MEMORY_SHARE} of ${BASELINE}'s`,
  );
  const head = ['network', `${name} ms`, `${BASELINE} ms`, 'ratio', 'target', 'of attainable'];
  return {
    title: `Whole networks: ${name} beside ${BASELINE}, ${group}`,
    head: [...head, 'first ms', 'ratio', 'peak memory', 'ratio'],
    rows: rows.map((row) => [...row, ...Array.from({ length: 10 - row.length }, () => '--')]),
    notes,
  };
}
