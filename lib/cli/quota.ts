// How much processor time the container allows, as its control group states it.

import { readFileSync } from 'node:fs';

export interface Quota {
  /** Processors' worth of time, e.g. 1.5. */
  readonly processors: number;
  /** The file that says so. */
  readonly source: string;
}

/**
 * The tightest limit among the process's control groups, version 2 or 1; null where nothing limits it. `root` goes
 * before every path: empty outside tests.
 */
export function containerQuota(root = ''): Quota | null {
  if (process.platform !== 'linux') return null;
  const own = read(`${root}/proc/self/cgroup`) ?? '';
  const unified = /^0::(\/.*)$/m.exec(own)?.[1] ?? '/';
  const legacy = /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(\/.*)$/m.exec(own)?.[1] ?? '/';
  const quotas = [
    ...upwards(unified).map((group) => unifiedQuota(`${root}/sys/fs/cgroup${group}cpu.max`)),
    ...upwards(legacy).map((group) => legacyQuota(`${root}/sys/fs/cgroup/cpu${group}`)),
  ];
  const known = quotas.filter((quota) => quota !== null);
  return known.length === 0 ? null : known.reduce((a, b) => (b.processors < a.processors ? b : a));
}

/** '/a/b' -> '/a/b/', '/a/', '/'. */
function upwards(group: string): string[] {
  const parts = group.split('/').filter(Boolean);
  return Array.from({ length: parts.length + 1 }, (_, missing) => {
    const kept = parts.slice(0, parts.length - missing);
    return kept.length === 0 ? '/' : `/${kept.join('/')}/`;
  });
}

function unifiedQuota(source: string): Quota | null {
  const [time, period] = (read(source) ?? 'max 100000').trim().split(' ').map(Number);
  return time > 0 && period > 0 ? { processors: time / period, source } : null;
}

function legacyQuota(folder: string): Quota | null {
  const source = `${folder}cpu.cfs_quota_us`;
  const time = Number(read(source) ?? '-1');
  const period = Number(read(`${folder}cpu.cfs_period_us`) ?? '-1');
  return time > 0 && period > 0 ? { processors: time / period, source } : null;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
