// Which C library the process runs on: what decides between the binaries of a Linux package.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

/** 'glibc 2.36', 'musl 1.2.5', or the platform's name where there is no such choice. */
export function libc(): string {
  if (process.platform !== 'linux') return process.platform;
  Object.assign(process.report, { excludeNetwork: true }); // listing interfaces can look up host names, slowly
  const report: unknown = process.report.getReport();
  const { header } = report as { header: { glibcVersionRuntime?: string } };
  if (header.glibcVersionRuntime !== undefined) return `glibc ${header.glibcVersionRuntime}`;
  return `musl ${muslVersion() ?? '(version unknown)'}`;
}

/** musl's loader prints its version when it is given nothing to load. */
function muslVersion(): string | null {
  try {
    const loader = readdirSync('/lib').find((name) => name.startsWith('ld-musl-'));
    if (loader === undefined) return null;
    const { stderr } = spawnSync(`/lib/${loader}`, { encoding: 'utf8', timeout: 2000 });
    return /^Version (\S+)/m.exec(stderr)?.[1] ?? null;
  } catch {
    return null;
  }
}
