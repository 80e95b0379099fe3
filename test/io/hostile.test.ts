// What files may cost: a slice of scripts/fuzz-files.mjs, and the memory that loading and saving takes, each in a process of its own.

import { spawnSync } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'convkit-hostile-'));
});
afterAll(() => rm(folder, { recursive: true }));

function node(...args: string[]): string {
  const run = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  expect([run.status, run.stderr]).toEqual([0, '']);
  return run.stdout;
}

test('mutated files load or are refused by a sentence, whatever was changed', { timeout: 120_000 }, () => {
  const lines = node('scripts/fuzz-files.mjs', '400', '3').trim().split('\n');
  expect(lines.map((line) => line.split(':')[0])).toEqual(['safetensors', 'npy', 'npz']);
  for (const line of lines)
    expect(line).toMatch(/: 400 mutations of \d files, [1-9]\d* load, the rest is refused/);
});

test('a file of weights never lies in memory twice, read or written', { timeout: 60_000 }, async () => {
  const megabytes = 96;
  const bytes = megabytes << 20;
  const header = Buffer.from(
    `{"a":{"dtype":"F32","shape":[${bytes / 8}],"data_offsets":[0,${bytes / 2}]},` +
      `"b":{"dtype":"F32","shape":[${bytes / 8}],"data_offsets":[${bytes / 2},${bytes}]}}`,
  );
  const first = Buffer.alloc(8);
  first.writeBigUInt64LE(BigInt(header.length));
  const path = join(folder, 'zeros.safetensors');
  const file = await open(path, 'w');
  await file.write(Buffer.concat([first, header]));
  await file.truncate(8 + header.length + bytes);
  await file.close();
  const script = `
    import { io } from './dist/index.js';
    await io.safetensorsInfo(${JSON.stringify(path)});
    const peak = () => process.resourceUsage().maxRSS / 1024;
    const before = peak();
    const tensors = await io.loadSafetensors(${JSON.stringify(path)});
    const loaded = peak();
    await io.saveSafetensors(${JSON.stringify(path)}, tensors);
    console.log(loaded - before, peak() - loaded);`;
  const [loading, saving] = node('--input-type=module', '-e', script).split(' ').map(Number);
  expect(loading).toBeGreaterThan(megabytes * 0.9);
  expect(loading).toBeLessThan(megabytes * 1.2);
  expect(saving).toBeLessThan(megabytes * 0.2);
});
