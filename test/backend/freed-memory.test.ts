// The memory of dropped outputs serves the next ones: seen by counting the page faults of a process.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';

const dist = pathToFileURL(join(import.meta.dirname, '..', '..', 'dist', 'index.js')).href;

/** 3.2 MB of output a call, in the foreground; nothing is kept. */
const PROGRAM = `
  const { backend, nn, Tensor } = await import('${dist}');
  backend.use('native');
  const conv = new nn.Conv2d(8, 256, 1);
  const x = Tensor.zeros([1, 8, 56, 56]).channelsLast();
  for (let i = 0; i < 200; i++) conv.forward(x);
  const before = process.resourceUsage().minorPageFault;
  for (let i = 0; i < 200; i++) conv.forward(x);
  console.log((process.resourceUsage().minorPageFault - before) / 200);
`;

function faultsPerCall(environment: Record<string, string>): number {
  const env = { ...process.env, ...environment };
  const args = ['--input-type=module', '-e', PROGRAM];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
  expect(stderr).toBe('');
  return Number(stdout);
}

const { glibcVersionRuntime } = (process.report.getReport() as { header: { glibcVersionRuntime?: string } })
  .header;

describe.skipIf(glibcVersionRuntime === undefined)(
  'freed memory (glibc only: others have no such switch)',
  () => {
    const PAGES = (256 * 56 * 56 * 4) / 4096;

    it('serves the next outputs without page faults', () => {
      expect(faultsPerCall({})).toBeLessThan(PAGES / 4);
    });

    it('goes back to the system where the user told the allocator so', () => {
      expect(
        faultsPerCall({ MALLOC_TRIM_THRESHOLD_: '131072', MALLOC_MMAP_THRESHOLD_: '131072' }),
      ).toBeGreaterThan(PAGES / 2);
    });
  },
);
