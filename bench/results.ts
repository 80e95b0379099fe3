// Results as files: one JSON object of all that was measured and where, a match a line, and a journal beside it that
// lets a run which was cut off go on where it stopped.

import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Environment } from './machine.js';
import type { MatchResult } from './match.js';
import type { RunOptions } from './options.js';

/** What one run produced for one number of threads. */
export interface RunResult {
  readonly threads: number;
  /** Read bandwidth of all threads together, bytes/s: the larger of two measurements, before and after. */
  readonly bandwidth: number;
  readonly matches: readonly MatchResult[];
}

/** A results file. */
export interface Results {
  readonly environment: Environment;
  /** The command that measures it again. */
  readonly command: string;
  readonly options: RunOptions;
  readonly runs: readonly RunResult[];
}

/** Numbers are kept to five digits: no time is known better. */
const rounded = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;

export function writeResults(file: string, { environment, command, options, runs }: Results): void {
  const line = (value: unknown): string => JSON.stringify(value, rounded);
  const run = ({ threads, bandwidth, matches }: RunResult): string =>
    `{"threads":${threads},"bandwidth":${line(bandwidth)},"matches":[\n${matches.map(line).join(',\n')}\n]}`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    `{"environment":${line(environment)},\n"command":${line(command)},\n"options":${line(options)},\n"runs":[${runs.map(run).join(',')}]}\n`,
  );
}

/** @throws Error where the file is none of these. */
export function readResults(file: string): Results {
  const read: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof read !== 'object' || read === null || !('runs' in read) || !('environment' in read))
    throw new TypeError(`${file} holds no results of this benchmark`);
  return read as Results;
}

/** Matches of a run that is under way, kept from the first on; `key` says what run it is. */
export class Journal {
  readonly #done = new Map<string, MatchResult>();

  /** A journal of another run is thrown away. */
  constructor(
    readonly file: string,
    key: string,
  ) {
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
    if (lines[0] === key) {
      for (const line of lines.slice(1)) this.#remember(JSON.parse(line) as MatchResult);
      return;
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${key}\n`);
  }

  find(threads: number, layer: string): MatchResult | undefined {
    return this.#done.get(`${threads} ${layer}`);
  }

  add(match: MatchResult): void {
    this.#remember(match);
    appendFileSync(this.file, `${JSON.stringify(match, rounded)}\n`);
  }

  /** The run is complete and its results are written. */
  close(): void {
    rmSync(this.file, { force: true });
  }

  #remember(match: MatchResult): void {
    this.#done.set(`${match.threads} ${match.layer}`, match);
  }
}
