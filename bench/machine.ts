// Where and with what a result was measured.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, getPriority, loadavg, platform, release, totalmem } from 'node:os';
import type { EngineReport } from './protocol.js';

/** Everything that a measurement depends on: all but what a measurement writes. */
const SOURCES = [':/', ':(top,exclude)bench/results', ':(top,exclude)README.md'];

export interface Environment {
  readonly date: string;
  readonly commit: string;
  /** Files differ from the commit, results and README aside. */
  readonly modified: boolean;
  readonly node: string;
  readonly system: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** The scheduling priority of the run: 0 unless someone set another. */
  readonly priority: number;
  /** Processes that wanted a processor in the minute before the run: above the run's own, it was disturbed. */
  readonly load: number;
  /** What compiled the addon, as it wrote itself into the binary. */
  readonly compiler: string;
  readonly engine: EngineReport;
}

export function environment(engine: EngineReport): Environment {
  return {
    date: new Date().toISOString(),
    commit: git('rev-parse', '--short=12', 'HEAD') || 'unknown',
    modified: git('status', '--porcelain', '--untracked-files=no', '--', ...SOURCES) !== '',
    node: process.version,
    system: `${platform()} ${release()} ${arch()}`,
    processor: engine.brand || cpus()[0]?.model || 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    priority: getPriority(),
    load: loadavg()[0],
    compiler: engine.binary === null ? 'none' : compilerOf(engine.binary),
    engine,
  };
}

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

/** GCC and clang leave their names in the section .comment. */
function compilerOf(binary: string): string {
  const found = /(?:GCC: \([^)]*\)|clang version) [\w.+~-]+/.exec(readFileSync(binary, 'latin1'));
  return found?.[0] ?? 'unknown';
}
