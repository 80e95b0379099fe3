// One run: layers from files, contenders by name, a match for each layer and number of threads, in a journal that lets a
// run which was cut off go on.

import type { Isa } from '../binding.js';
import { BASELINE, isSlow, SIDE_BY_SIDE } from './contenders/index.js';
import { askOnce, askSideBySide } from './entrants.js';
import { readLayers } from './layer-files.js';
import { type Environment, environment } from './machine.js';
import { hire, type MatchResult, play, type Staff } from './match.js';
import type { RunOptions } from './options.js';
import { Journal, type Results, type RunResult, writeResults } from './results.js';
import { playTraining } from './training/match.js';
import { subjects } from './training/subjects.js';

/** Far more than any cache holds. */
const BANDWIDTH_BYTES = 2 ** 28;
const BANDWIDTH_SECONDS = 0.4;

/** Measures what the options say into a results file; what its journal holds is not measured again. */
export async function measure(
  options: RunOptions,
  { command, json, quick, python }: { command: string; json: string; quick: boolean; python: string },
): Promise<Results> {
  const where = environment(await askOnce('report', {}));
  const isas = chooseIsas(options, where.engine.supported, quick);
  const subject = bouts(options);
  announce(where, subject.length, options.training === true);
  const { commit, modified } = where;
  const journal = new Journal(`${json}.partial`, JSON.stringify({ commit, modified, options, isas }));
  const runs: RunResult[] = [];
  for (const threads of options.threads) {
    const usual = options.training ? trainingContenders(isas) : usualContenders(isas, threads, quick);
    const contenders = options.contenders ?? usual;
    runs.push(await measureBouts(subject, { ...options, threads, isas, contenders, python }, journal));
  }
  const results = { environment: where, command, options, runs };
  writeResults(json, results);
  journal.close();
  process.stderr.write(`results in ${json}\n`);
  return results;
}

interface Plan extends Omit<RunOptions, 'threads' | 'isas' | 'contenders'> {
  readonly threads: number;
  readonly isas: readonly Isa[];
  readonly contenders: readonly string[];
  readonly python: string;
}

/** What contenders compete in. */
interface Bout {
  readonly name: string;
  play(plan: Plan, staff: Staff): Promise<MatchResult>;
}

function bouts(options: RunOptions): Bout[] {
  const layers = options.layers.flatMap((file) => readLayers(file).layers);
  const wanted = ({ name, class: kind }: { name: string; class: string }): boolean =>
    (options.filter ?? ['']).some((text) => name.includes(text) || kind.includes(text));
  const found = options.training
    ? subjects(layers)
        .filter(wanted)
        .map((subject): Bout => ({ name: subject.name, play: (...how) => playTraining(subject, ...how) }))
    : layers
        .filter(wanted)
        .map((layer): Bout => ({ name: layer.name, play: (...how) => play(layer, ...how) }));
  if (found.length === 0) throw new RangeError(`no layer matches --filter ${options.filter?.join()}`);
  return found;
}

async function measureBouts(all: readonly Bout[], plan: Plan, journal: Journal): Promise<RunResult> {
  const { threads } = plan;
  const staff = hire(threads, plan.python);
  const matches: MatchResult[] = [];
  const excuses = new Set<string>();
  try {
    let bandwidth = await measureBandwidth(threads);
    for (const [index, bout] of all.entries()) {
      const known = journal.find(threads, bout.name);
      const match = known ?? (await bout.play(plan, staff));
      if (known === undefined) journal.add(match);
      matches.push(match);
      for (const reason of Object.values(match.absent))
        if (/does not (load|run)/.test(reason)) excuses.add(reason);
      const news = known === undefined ? 'verified, timed' : 'in the journal';
      const state = match.wrong.length > 0 ? `WRONG: ${match.wrong.join('; ')}` : news;
      process.stderr.write(`[${index + 1}/${all.length}, ${threads} thread(s)] ${bout.name}: ${state}\n`);
    }
    bandwidth = Math.max(bandwidth, await measureBandwidth(threads));
    for (const reason of excuses) process.stderr.write(`note: ${reason}\n`);
    return { threads, bandwidth, matches };
  } finally {
    staff.end();
  }
}

async function measureBandwidth(threads: number): Promise<number> {
  const rates = await askSideBySide(threads, 'bandwidth', {
    bytes: BANDWIDTH_BYTES,
    seconds: BANDWIDTH_SECONDS,
  });
  return rates.reduce((sum, { rate }) => sum + rate, 0);
}

function chooseIsas({ isas }: RunOptions, supported: readonly Isa[], quick: boolean): Isa[] {
  const missing = isas?.filter((isa) => !supported.includes(isa)) ?? [];
  if (missing.length > 0)
    throw new RangeError(
      `${missing.join(', ')} cannot run here; supported: ${supported.join(', ') || 'none'}`,
    );
  if (quick && isas === null) return supported.slice(-1);
  return supported.filter((isa) => isas === null || isas.includes(isa));
}

/** Those of training; PyTorch comes first, as what the others are held against. */
const trainingContenders = (isas: readonly Isa[]): string[] => [
  'torch',
  'torch:channelsLast',
  ...isas.slice(-1).map((isa) => `convkit:${isa}`),
];

/** The default contenders on these instruction sets, slowest first. */
export function usualContenders(isas: readonly Isa[], threads: number, quick: boolean): string[] {
  const best = isas.at(-1);
  const names = [
    BASELINE,
    `${BASELINE}:kept`,
    ...(best === undefined ? [] : [`convkit:${best}`, `convkit:${best}:nchw`, `convkit:${best}:direct`]),
    ...(best === undefined || threads === 1 ? [] : [`convkit:${best}${SIDE_BY_SIDE}`]),
    ...isas.filter((isa) => isa !== best).map((isa) => `convkit:${isa}`),
    'convkit:reference',
    'plain',
    'tfjs',
    'tfjs:wasm',
    'torch',
    'torch:channelsLast',
  ];
  return quick ? names.filter((name) => !isSlow(name) && !/^(tfjs|torch)/.test(name)) : names;
}

function announce(where: Environment, count: number, training: boolean): void {
  const { engine } = where;
  process.stderr.write(
    `convkit at ${where.commit}${where.modified ? ' (modified)' : ''}, ${engine.name} backend, ${engine.supported.join(' ') || 'no instruction sets'}\n` +
      `${where.processor}, ${where.cores} cores, Node ${where.node}, compiler ${where.compiler}, ${count} ${training ? 'steps and layers to train' : 'layers'}\n`,
  );
  if (engine.name !== 'native')
    process.stderr.write(`note: no native engine (${engine.reason}); npm run build:native builds it\n`);
}
