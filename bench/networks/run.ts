// npm run bench -- --networks: every network, batch and number of threads, one after another, into a file.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { askOnce } from '../entrants.js';
import { type Environment, environment } from '../machine.js';
import { hire } from '../match.js';
import { type NetworkResult, playNetwork, USUAL } from './match.js';
import { exportMissing, networksOf } from './networks.js';

export interface NetworkRunOptions {
  /** Names; none for all. */
  readonly networks: readonly string[];
  readonly threads: readonly number[];
  readonly batches: readonly number[];
  /** null: the usual ones. */
  readonly contenders: readonly string[] | null;
  readonly rounds: number;
  readonly milliseconds: number;
  readonly loads: number;
}

export interface NetworkResults {
  readonly environment: Environment;
  readonly command: string;
  readonly options: NetworkRunOptions;
  readonly results: readonly NetworkResult[];
}

/** Measures what the options say, network by network, and writes it as it comes. */
export async function measureNetworks(
  options: NetworkRunOptions,
  { command, json, python }: { command: string; json: string; python: string },
): Promise<NetworkResults> {
  const specs = networksOf(options.networks);
  exportMissing(specs, python);
  const where = environment(await askOnce('report', {}));
  const results: NetworkResult[] = [];
  const measured = { environment: where, command, options, results };
  mkdirSync(dirname(json), { recursive: true });
  for (const threads of options.threads) {
    const staff = hire(threads, python);
    try {
      for (const batch of options.batches) {
        for (const spec of specs) {
          const plan = { ...options, contenders: options.contenders ?? USUAL, threads, batch };
          const result = await playNetwork(spec, plan, staff);
          results.push(result);
          const state = result.wrong.length > 0 ? `WRONG: ${result.wrong.join('; ')}` : 'verified, timed';
          process.stderr.write(`${spec.name}, batch ${batch}, ${threads} thread(s): ${state}\n`);
          writeFileSync(json, `${JSON.stringify(measured, null, 1)}\n`);
        }
      }
    } finally {
      staff.end();
    }
  }
  process.stderr.write(`results in ${json}\n`);
  return measured;
}
