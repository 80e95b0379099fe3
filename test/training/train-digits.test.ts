// examples/train-digits as a user runs it: it learns, draws, is killed and goes on, and ends with the same weights whatever
// computes, on made digits always, and on MNIST's where they lie beside the repository.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { io } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { madeDigits } from '../support/digits.js';

const root = join(import.meta.dirname, '..', '..');
const example = join(root, 'examples', 'train-digits');
const shared = join(root, '..', 'shared', 'data');

let folder = '';
let made = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'convkit-train-'));
  made = folder;
  for (const [split, count, seed] of [
    ['train', 200, 1],
    ['test', 60, 2],
  ] as const) {
    const { images, labels } = madeDigits(count, seed);
    await io.saveNpy(join(made, `mnist-${split}-images.npy`), images);
    await io.saveNpy(join(made, `mnist-${split}-labels.npy`), labels);
  }
});
afterAll(() => rm(folder, { recursive: true }));

const environment = (changes: Record<string, string>): NodeJS.ProcessEnv => {
  const { CONVKIT_BACKEND: _, CONVKIT_ISA: __, CONVKIT_NUM_THREADS: ___, ...env } = process.env;
  return { ...env, ...changes };
};

function train(args: readonly string[], changes: Record<string, string> = {}) {
  const run = spawnSync(process.execPath, [example, ...args], {
    encoding: 'utf8',
    env: environment(changes),
  });
  const lines = run.stdout.trimEnd().split('\n');
  return { ...run, lines, weights: lines.at(-1) };
}

/** Runs until stderr says `sentence`, and is killed at once, or so many milliseconds later. */
function trainUntil(args: readonly string[], sentence: string, later = 0): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, [example, ...args], { env: environment({}) });
  let said = '';
  child.stderr.on('data', (bytes) => {
    said += bytes;
    if (!said.includes(sentence)) return;
    if (later === 0) child.kill('SIGKILL');
    else setTimeout(() => child.kill('SIGKILL'), later);
  });
  return new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)));
}

/** What computes, as the environment says it. */
const engines = contenders().map(({ name }): Record<string, string> => {
  const isa = /^native (.*)$/.exec(name)?.[1];
  return isa === undefined
    ? { CONVKIT_BACKEND: 'reference' }
    : { CONVKIT_BACKEND: 'native', CONVKIT_ISA: isa, CONVKIT_NUM_THREADS: isa === 'scalar' ? '1' : '3' };
});

describe('on made digits', { timeout: 240_000 }, () => {
  const small = ['--epochs', '2', '--batch', '20', '--every', '3'];
  const into = (name: string) => ['--data', made, ...small, '--out', join(folder, name)];
  let whole: ReturnType<typeof train>;
  beforeAll(() => {
    whole = train(into('whole'));
    expect([whole.status, whole.stderr.includes('checkpoint after batch 3 of epoch 1')]).toEqual([0, true]);
  });

  test('reports each epoch, and draws what it did', async () => {
    expect(whole.lines[0]).toMatch(/^epoch 1: loss \d\.\d{4}, test accuracy \d+\.\d\d %$/);
    expect(whole.lines[1]).toMatch(/^epoch 2: /);
    expect(whole.lines[2]).toMatch(/^test accuracy \d+\.\d\d %: \d+ of 60 digits wrong$/);
    expect(whole.lines[3]).toMatch(/^weights [0-9a-f]{64}$/);
    expect((await readdir(join(folder, 'whole'))).sort()).toEqual([
      'checkpoint.safetensors',
      'confusion-matrix.svg',
      'filters.svg',
      'learning-curve.svg',
    ]);
    const pictures = ['confusion-matrix', 'filters', 'learning-curve'].map((name) =>
      readFile(join(folder, 'whole', `${name}.svg`), 'utf8'),
    );
    for (const picture of await Promise.all(pictures)) {
      expect(picture).toMatch(/^<svg xmlns[\s\S]*<\/svg>\n$/);
      expect(picture).not.toMatch(/NaN|undefined|Infinity/);
    }
    const [confusion, filters] = await Promise.all(pictures);
    const counted = [...confusion.matchAll(/text-anchor="middle" fill="[^"]+">(\d+)</g)].map(([, n]) =>
      Number(n),
    );
    expect(counted.reduce((a, b) => a + b, 0)).toBe(60);
    expect(filters.match(/fill-opacity/g)?.length).toBeGreaterThanOrEqual(12 * 25);
  });

  test('learns', () => {
    const { lines } = train([
      '--data',
      made,
      '--epochs',
      '8',
      '--batch',
      '20',
      '--out',
      join(folder, 'long'),
    ]);
    expect(Number(/accuracy ([\d.]+)/.exec(lines.at(-2) ?? '')?.[1])).toBeGreaterThan(90);
  });

  test.each([
    ['in the middle of an epoch', 'checkpoint after batch 3 of epoch 2'],
    ['at the end of one', 'epoch 1 took'],
  ])('killed %s, goes on to the same weights', async (_, sentence) => {
    const args = into(sentence.replaceAll(' ', '-'));
    expect(await trainUntil(args, sentence)).toBe('SIGKILL');
    const resumed = train([...args, '--resume']);
    expect(resumed.stderr).toMatch(/going on in epoch 2 after batch \d/);
    expect(resumed.lines).toEqual(whole.lines);
  });

  test('killed again and again, amid steps and amid checkpoints, goes on to the same weights', async () => {
    const args = [...into('often'), '--every', '1'];
    for (const later of [1, 2, 3, 5, 8, 13, 21]) {
      expect(await trainUntil([...args, '--resume'], 'checkpoint after batch', later)).toBe('SIGKILL');
    }
    const resumed = train([...args, '--resume']);
    expect(resumed.stderr).toMatch(/going on in epoch [12] after batch \d/);
    expect(resumed.lines).toEqual(whole.lines);
  });

  test.each(engines)('ends with the same weights on %j', (engine) => {
    const run = train(into(Object.values(engine).join('-')), engine);
    expect(run.lines, run.stderr).toEqual(whole.lines);
  });

  test('a finished training has nothing more to do; another seed ends elsewhere', () => {
    expect(train([...into('whole'), '--resume']).lines).toEqual(whole.lines);
    expect(train([...into('other'), '--seed', '2']).weights).not.toBe(whole.weights);
  });

  test.each([
    [['--resume', '--batch', '25'], 1, /was made with .*"batch":20.*, not .*"batch":25/],
    [['--data', join(tmpdir(), 'none')], 2, /There are no digits in .*MNIST is four files/s],
    [['--epochs', 'many'], 2, /--epochs must be a number from 1 up, not 'many'/],
    [['--epoch', '3'], 2, /Unknown option '--epoch'/],
    [['--train-labels', join(root, 'package.json')], 1, /./],
  ])('%j is refused', (args, status, sentence) => {
    const run = train([...into('whole'), ...args]);
    expect(run.status).toBe(status);
    expect(run.stderr).toMatch(sentence);
    expect(run.stderr).not.toMatch(/\n {4}at /);
  });
});

const PINNED = 'weights 1257b95f63d34a1ceab7b66b5e41678d87a2dbd45d5606b3c8ffde2a4bb9a03e';

describe('on the first 600 of MNIST’s digits', { timeout: 300_000 }, () => {
  const missing = !existsSync(join(shared, 'mnist-train-images.npy'));
  test.skipIf(missing)(
    `one epoch ends with the pinned weights on every engine${missing ? ` (skipped: no digits in ${shared})` : ''}`,
    () => {
      const args = ['--data', shared, '--digits', '600', '--epochs', '1'];
      for (const engine of engines) {
        const out = join(folder, `mnist-${Object.values(engine).join('-')}`);
        const run = train([...args, '--out', out], engine);
        expect(run.weights, `${JSON.stringify(engine)}\n${run.stderr}`).toBe(PINNED);
      }
    },
  );
});
