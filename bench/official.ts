// The official runs: what bench/results keeps, and how each is measured. One that was cut off goes on where its journal
// ends; one that is complete for this commit is left alone.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Isa } from '../binding.js';
import { BASELINE } from './contenders/index.js';
import { askOnce } from './entrants.js';
import { layerFiles } from './layer-files.js';
import { root } from './library.js';
import { environment } from './machine.js';
import type { NetworkResult } from './networks/match.js';
import type { NetworkResults } from './networks/run.js';
import type { RunOptions } from './options.js';
import { asMarkdownPage } from './report.js';
import { type Results, readResults } from './results.js';
import { measure } from './run.js';

interface Part {
  readonly name: string;
  readonly layers: readonly string[];
  readonly threads: number;
  readonly contenders: readonly string[];
  readonly rounds: number;
  readonly milliseconds: number;
  readonly slowFlops: number | null;
  readonly training?: boolean;
}

/** Every run on a machine whose best instruction set is `best`; about 25 minutes on two cores. */
export function parts(best: Isa): Part[] {
  const ours = `convkit:${best}`;
  const peers = [BASELINE, `${BASELINE}:kept`, 'torch', 'torch:channelsLast'];
  const careful = { rounds: 15, milliseconds: 40, slowFlops: null };
  const brief = { rounds: 7, milliseconds: 15, slowFlops: null };
  return [
    {
      name: 'foundation-1-thread',
      layers: ['foundation'],
      threads: 1,
      contenders: [
        ...peers,
        ours,
        `${ours}:nchw`,
        `${ours}:direct`,
        ...(best === 'avx512' ? ['convkit:avx2'] : []),
      ],
      ...careful,
    },
    {
      name: 'foundation-2-threads',
      layers: ['foundation'],
      threads: 2,
      contenders: [...peers, ours, `${ours}:nchw`, `${ours}:direct`, `${ours}:side-by-side`],
      ...careful,
    },
    {
      name: 'models-1-thread',
      layers: ['models'],
      threads: 1,
      contenders: [BASELINE, `${BASELINE}:kept`, ours, `${ours}:nchw`],
      ...brief,
    },
    { name: 'models-2-threads', layers: ['models'], threads: 2, contenders: [BASELINE, ours], ...brief },
    {
      name: 'family-1-thread',
      layers: ['family'],
      threads: 1,
      contenders: [BASELINE, ours, `${ours}:nchw`],
      rounds: 9,
      milliseconds: 25,
      slowFlops: null,
    },
    {
      name: 'typescript-1-thread',
      layers: ['foundation'],
      threads: 1,
      contenders: ['convkit:reference', 'plain', 'tfjs', 'tfjs:wasm'],
      rounds: 3,
      milliseconds: 20,
      slowFlops: null,
    },
    ...[1, 2].map((threads) => ({
      name: `training-${threads}-thread${threads === 1 ? '' : 's'}`,
      layers: ['foundation'],
      threads,
      contenders: ['torch', 'torch:channelsLast', ours],
      rounds: 9,
      milliseconds: 40,
      slowFlops: null,
      training: true,
    })),
  ];
}

const fileOf = (name: string, ending: string): string =>
  fileURLToPath(new URL(`bench/results/${name}.${ending}`, root));

/** Measures what is missing. */
export async function measureAll({ python, fresh }: { python: string; fresh: boolean }): Promise<void> {
  const where = environment(await askOnce('report', {}));
  const best = where.engine.supported.at(-1);
  if (best === undefined) throw new Error(`the official runs need the native engine: ${where.engine.reason}`);
  for (const part of parts(best)) {
    const json = fileOf(part.name, 'json');
    const kept = existsSync(json) ? readResults(json) : null;
    const complete =
      kept?.environment.commit === where.commit && kept.environment.modified === where.modified;
    if (complete && !fresh) {
      process.stderr.write(`${part.name}: measured at ${where.commit} already\n`);
      continue;
    }
    const { threads, layers, contenders, rounds, milliseconds, slowFlops, training = false } = part;
    const options: RunOptions = {
      threads: [threads],
      isas: null,
      layers: layerFiles(layers),
      filter: null,
      contenders,
      rounds,
      milliseconds,
      slowFlops,
      ...(training ? { training } : {}),
    };
    process.stderr.write(`${part.name}\n`);
    const results = await measure(options, { command: commandOf(part), json, quick: false, python });
    writeFileSync(fileOf(part.name, 'md'), asMarkdownPage(results));
  }
}

/** The command that measures one part alone. */
function commandOf({ layers, threads, contenders, rounds, milliseconds, slowFlops, training }: Part): string {
  return [
    'npm run bench --',
    ...(training ? ['--training'] : []),
    `--layers ${layers.join()}`,
    `--threads ${threads}`,
    `--contenders ${contenders.join()}`,
    `--rounds ${rounds}`,
    `--milliseconds ${milliseconds}`,
    ...(slowFlops === null ? ['--slow-gflop 1000'] : []),
  ].join(' ');
}

/** The official results that are there, by name. */
export function keptResults(): Map<string, Results> {
  const kept = parts('avx512').filter(({ name }) => existsSync(fileOf(name, 'json')));
  return new Map(kept.map(({ name }) => [name, readResults(fileOf(name, 'json'))]));
}

/** What `npm run bench -- --networks` left in bench/results/networks.json; nothing where it is not there. */
export function keptNetworks(): readonly NetworkResult[] {
  const file = fileOf('networks', 'json');
  if (!existsSync(file)) return [];
  const { results } = JSON.parse(readFileSync(file, 'utf8')) as NetworkResults;
  return results;
}
