// The addon on processors that lack what it was compiled to use: under emulation it must load, choose what is there,
// and give the pinned bits. An instruction too many would end the process with SIGILL.
import { spawnSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PINNED } from '../../lib/cli/self-test.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const emulator = 'qemu-x86_64-static';
const missing =
  process.arch !== 'x64' || process.platform !== 'linux'
    ? 'this is not 64-bit x86 Linux'
    : spawnSync(emulator, ['--version']).error && `${emulator} is missing: apt-get install qemu-user-static`;

const program = `
  const { backend } = await import('${pathToFileURL(`${root}dist/index.js`)}');
  const { selfTest } = await import('${pathToFileURL(`${root}dist/cli/self-test.js`)}');
  const { name, isa } = backend.info();
  console.log(JSON.stringify({ name, isa, hash: selfTest() }));`;

describe.skipIf(missing)(`under emulation${missing ? ` (skipped: ${missing})` : ''}`, () => {
  it.each([
    ['Nehalem', 'scalar', 'no AVX'],
    ['SandyBridge', 'scalar', 'AVX without AVX2 and FMA'],
    ['Haswell', 'avx2', 'AVX2 and FMA without AVX-512'],
  ])('a %s runs on %s: it has %s', { timeout: 180_000 }, (cpu, isa) => {
    const { CONVKIT_ISA: _, ...env } = process.env;
    const result = spawnSync(
      emulator,
      ['-cpu', cpu, process.execPath, '--input-type=module', '-e', program],
      {
        encoding: 'utf8',
        env: { ...env, CONVKIT_BACKEND: 'native', CONVKIT_NUM_THREADS: '2' },
      },
    );
    expect(result.status, result.stderr).toBe(0);
    expect(JSON.parse(result.stdout)).toEqual({ name: 'native', isa, hash: PINNED });
  });
});
