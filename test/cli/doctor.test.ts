import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { active, setThreads, use } from '../../lib/backend/index.js';
import { exitCodeOf } from '../../lib/cli/doctor.js';
import { PINNED, selfTest } from '../../lib/cli/self-test.js';

const root = join(import.meta.dirname, '..', '..');

/** Runs the built command in a process of its own. */
function doctor(from: string, argv: readonly string[], environment: Record<string, string> = {}) {
  const url = pathToFileURL(join(from, 'dist', 'cli', 'doctor.js')).href;
  const program = `import('${url}').then(async ({ run }) => { process.exitCode = await run(${JSON.stringify(argv)}); });`;
  const env = { ...process.env, ...environment };
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

describe('the self-test', () => {
  afterEach(() => {
    use('native');
  });

  it('gives the pinned hash on the reference', () => {
    use('reference');
    expect(selfTest()).toBe(PINNED);
  });

  it('gives the pinned hash on every instruction set, with one thread and with three', () => {
    use('native');
    const before = active().threads();
    const sets = active().cpu().supported;
    expect(sets).toContain('scalar');
    try {
      for (const isa of sets)
        for (const threads of [1, 3]) {
          use('native', { isa });
          setThreads(threads);
          expect(active().isa()).toBe(isa);
          expect(selfTest(), `${isa}, ${threads} threads`).toBe(PINNED);
        }
    } finally {
      setThreads(before);
    }
  });
});

describe('convkit doctor', () => {
  const bare = mkdtempSync(join(tmpdir(), 'convkit-doctor-'));
  afterAll(() => {
    rmSync(bare, { recursive: true });
  });

  it('is healthy where the native engine loads, and says what runs', () => {
    const { status, stdout, stderr } = doctor(root, ['--json']);
    expect(stderr).toBe('');
    const found = JSON.parse(stdout);
    expect(found.wrong).toEqual([]);
    expect(found.problems).toEqual([]);
    expect(status).toBe(0);
    expect(found.backend.name).toBe('native');
    expect(found.backend.binary).toMatch(/\.node$/);
    expect(Object.keys(found.selfTest.found)).toEqual(['reference', ...found.supported]);
    expect(found.speed.peak).toBeGreaterThan(1);
    expect(found.speed.oneThread).toBeGreaterThan(1);
    // Of direct sums, which no machine does faster than its multiply-adds; the clock may change between the two
    expect(found.speed.oneThread).toBeLessThan(1.2 * found.speed.peak);
    expect(found.libc).toMatch(process.platform === 'linux' ? /^(glibc|musl) \d/ : /^\w+$/);
  });

  it('names the variable that the number of threads came from', () => {
    const { stdout } = doctor(root, [], { CONVKIT_NUM_THREADS: '3' });
    expect(stdout).toMatch(/^threads +3 \(CONVKIT_NUM_THREADS\)/m);
    expect(stdout).toMatch(/^healthy$/m);
  });

  it('finishes with 2 and the reason where no binary is there, and with 0 where TypeScript was asked for', () => {
    cpSync(join(root, 'dist'), join(bare, 'dist'), { recursive: true });
    cpSync(join(root, 'package.json'), join(bare, 'package.json'));
    mkdirSync(join(bare, 'node_modules'));
    symlinkSync(join(root, 'node_modules', 'node-gyp-build'), join(bare, 'node_modules', 'node-gyp-build'));
    const without = doctor(bare, []);
    expect(without.stdout).toMatch(/^backend +reference/m);
    expect(without.stdout).toMatch(/^PROBLEM: the TypeScript backend computes.*did not load/m);
    expect(without.status).toBe(2);
    expect(doctor(bare, [], { CONVKIT_BACKEND: 'reference' }).status).toBe(0);
  });

  it('finishes with 1 where results are wrong, whatever else there is', () => {
    expect(exitCodeOf({ wrong: ['a hash'], problems: [] })).toBe(1);
    expect(exitCodeOf({ wrong: ['a hash'], problems: ['slow'] })).toBe(1);
    expect(exitCodeOf({ wrong: [], problems: ['slow'] })).toBe(2);
    expect(exitCodeOf({ wrong: [], problems: [] })).toBe(0);
  });

  it('prints its help, and refuses an option it does not know', () => {
    expect(doctor(root, ['--help']).stdout).toMatch(/^convkit doctor \[--json\]/);
    const refused = doctor(root, ['--nonsense']);
    expect(refused.stderr).toMatch(
      /^convkit doctor: Unknown option '--nonsense'.*; see convkit doctor --help\n$/,
    );
    expect(refused.status).toBe(1);
    const word = doctor(root, ['please']);
    expect(word.stderr).toBe(
      "convkit doctor: takes options alone, received 'please'; see convkit doctor --help\n",
    );
    expect(word.status).toBe(1);
    const nowhere = doctor(root, [], { CONVKIT_BACKEND: 'fast' });
    expect(nowhere.stderr).toBe(
      "convkit doctor: backend: CONVKIT_BACKEND must be native or reference, got 'fast'\n",
    );
    expect(nowhere.status).toBe(1);
  });
});
