// The symbol gate, on the real objects and on one that breaks every rule of it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
// @ts-expect-error: a script, without types
import { violations } from '../../scripts/check-symbols.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const missing = spawnSync('nm', ['--version']).error
  ? 'nm is missing: apt-get install binutils'
  : spawnSync('g++', ['--version']).error && 'g++ is missing: apt-get install g++';
const note = missing ? ` (skipped: ${missing})` : '';

it.skipIf(missing)(
  `objects of a raised instruction set define their table and nothing else${note}`,
  () => {
    const result = spawnSync(process.execPath, [join(root, 'scripts/check-symbols.mjs')], {
      encoding: 'utf8',
    });
    expect(result.status, result.stdout + result.stderr).toBe(0);
    if (process.arch === 'x64') expect(result.stdout.match(/one external symbol/g)).toHaveLength(4);
  },
  300_000,
);

it.skipIf(missing)(`the gate sees weak functions, further symbols and code that runs at start${note}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'convkit-gate-'));
  try {
    const source = join(folder, 'leaky.cpp');
    const object = join(folder, 'leaky.o');
    writeFileSync(
      source,
      `int start();
       inline int weak() { static int count; return ++count; }
       int atStart = start();
       int useful() { return weak(); }`,
    );
    expect(spawnSync('g++', ['-O0', '-c', source, '-o', object]).status).toBe(0);
    const found: string[] = violations(object);
    expect(found.join('\n')).toMatch(/weak symbol .*weak[\s\S]*2 external symbols[\s\S]*\.init_array/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
