import { type SpawnOptions, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import {
  copyFile,
  cp,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nativeEngine } from '../../lib/backend/native.js';
import { loadNpy } from '../../lib/io/npy.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const main = join(root, 'dist/cli/main.js');
const width = 3216;
let folder = '';
const at = (name: string): string => join(folder, name);

interface Ending {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[], options: SpawnOptions = {}) {
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: 'pipe', ...options });
  const ending = (async (): Promise<Ending> => {
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (text) => (stdout += text));
    child.stderr?.on('data', (text) => (stderr += text));
    const [code] = await once(child, 'close');
    return { code, stdout, stderr };
  })();
  return { child, ending };
}
const convkit = (...args: string[]): Promise<Ending> => start(args).ending;

interface Manifest {
  readonly numerics: number;
  readonly model: { readonly name: string; readonly weightsSha256: string };
  readonly images: readonly { readonly row: number; readonly file: string; readonly sha256: string }[];
  readonly output: { readonly shape: number[]; readonly dataSha256: string; readonly format: string };
  readonly failures: readonly { readonly file: string; readonly reason: string }[];
}
const manifestOf = async (path: string): Promise<Manifest> =>
  JSON.parse(await readFile(at(path), 'utf8')) as Manifest;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A picture with something in it: `period` pixels a wave. */
function waves(period: number, w = 60, h = 40): Sharp {
  const data = Buffer.alloc(w * h * 3);
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / 3);
    data[i] = (((pixel % w) + 2 * Math.floor(pixel / w)) % period) * Math.floor(255 / period);
  }
  return sharp(data, { raw: { width: w, height: h, channels: 3 } });
}

beforeAll(async () => {
  if (!existsSync(main)) throw new Error(`${main} is missing; run npm run build:ts`);
  folder = await mkdtemp(join(tmpdir(), 'convkit-extract-'));
  await mkdir(at('photos/more'), { recursive: true });
  await waves(7).png().toFile(at('photos/img1.png'));
  await waves(9).jpeg().toFile(at('photos/img2.jpg'));
  await waves(11).webp().toFile(at('photos/img10.webp'));
  await waves(13).tiff().toFile(at('photos/more/a.tif'));
  await waves(5).png().toFile(at('photos/more/b.png'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('convkit extract', () => {
  test('writes a row for each image and a manifest that says which is which', async () => {
    const { code, stdout, stderr } = await convkit('extract', 'photos', '-o', 'features.npy');
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(/^features\.npy: 5 rows of 3216 features, 0 failed;.*\n$/);
    const { shape, data } = await loadNpy(at('features.npy'));
    expect(shape).toEqual([5, width]);
    expect(data.every(Number.isFinite)).toBe(true);
    const manifest = await manifestOf('features.manifest.json');
    expect(manifest.images.map(({ file }) => file)).toEqual(
      ['img1.png', 'img2.jpg', 'img10.webp', 'more/a.tif', 'more/b.png'].map((name) => join('photos', name)),
    );
    expect(manifest).toMatchObject({ numerics: 4, model: { name: 'scattering' }, failures: [] });
    expect(manifest.output).toMatchObject({ format: 'npy', shape: [5, width] });
    const bytes = (await readFile(at('features.npy'))).subarray(-5 * width * 4);
    expect(manifest.output.dataSha256).toBe(sha256(bytes));
    for (const { row, sha256: hash } of manifest.images) {
      expect(hash).toBe(sha256(bytes.subarray(row * width * 4, (row + 1) * width * 4)));
    }
  });

  test('gives the same bytes whatever the batch, the threads and the backend', async () => {
    const runs = [
      [['--batch', '1'], {}],
      [['--batch', '2', '--threads', '1'], {}],
      [['--batch', '3', '--threads', '3'], {}],
      [['--batch', '64'], { CONVKIT_BACKEND: 'reference' }],
      ...(nativeEngine().binding === null ? [] : [[[], { CONVKIT_ISA: 'scalar' }] as const]),
    ] as const;
    const outcomes = new Set<string>();
    for (const [options, env] of runs) {
      const args = ['extract', 'photos', '-o', 'same.npy', ...options];
      const { code } = await start(args, { env: { ...process.env, ...env } }).ending;
      expect(code).toBe(0);
      const parts = [await readFile(at('same.npy')), await readFile(at('same.manifest.json'))];
      outcomes.add(parts.map(sha256).join(' '));
    }
    expect(outcomes.size).toBe(1);
  });

  test('goes on past unreadable files, reports each, and ends with 2', async () => {
    await mkdir(at('bad'));
    await waves(7, 300, 300).jpeg().toFile(at('bad/cut.jpg'));
    await truncate(at('bad/cut.jpg'), 5000);
    await waves(7, 300, 300).png().toFile(at('bad/cut.png'));
    await truncate(at('bad/cut.png'), 600);
    await writeFile(at('bad/empty.webp'), '');
    await writeFile(at('bad/text.tif'), 'no image at all');
    await copyFile(at('photos/img1.png'), at('bad/good.png'));
    const { code, stderr } = await convkit(
      'extract',
      'bad',
      'gone.png',
      '*.bmp',
      '-o',
      'part.npy',
      '--quiet',
    );
    expect(code).toBe(2);
    const bad = ['bad/cut.jpg', 'bad/cut.png', 'bad/empty.webp', 'bad/text.tif'].map((name) => join(name));
    for (const file of [...bad, 'gone.png', '*.bmp']) expect(stderr).toContain(`${file}: `);
    expect(stderr.trim().split('\n')).toHaveLength(6);
    const manifest = await manifestOf('part.manifest.json');
    expect(manifest.failures.map(({ file }) => file)).toEqual(['gone.png', '*.bmp', ...bad]);
    expect(manifest.failures.every(({ reason }) => reason.length > 5 && !reason.includes('\n'))).toBe(true);
    expect(manifest.images.map(({ row, file }) => [row, file])).toEqual([[0, join('bad/good.png')]]);
    expect((await loadNpy(at('part.npy'))).shape).toEqual([1, width]);
  });

  test('ends with 1 and writes nothing where no image is readable', async () => {
    await mkdir(at('none'));
    await writeFile(at('none/x.png'), 'x');
    const { code, stderr } = await convkit('extract', 'none', '-o', 'none/out.npy');
    expect(code).toBe(1);
    expect(stderr).toMatch(/none of 1 images could be read/);
    expect(await readdir(at('none'))).toEqual(['x.png']);
    await mkdir(at('nothing'));
    const empty = await convkit('extract', 'nothing', '-o', 'nothing.npy');
    expect(empty.code).toBe(1);
    expect(empty.stderr).toMatch(/there are no images in nothing/);
  });

  test('writes JSON lines to standard output, with the numbers of the matrix', async () => {
    const { code, stdout } = await convkit(
      'extract',
      'photos/*.{png,webp}',
      '-o',
      '-',
      '--limit',
      '2',
      '--quiet',
    );
    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { file: string; features: number[] });
    expect(lines.map(({ file }) => file)).toEqual(
      ['img1.png', 'img10.webp'].map((name) => join('photos', name)),
    );
    await convkit('extract', 'photos/img1.png', '-o', 'one.npy');
    expect(Float32Array.from(lines[0].features)).toEqual((await loadNpy(at('one.npy'))).data);
    const file = await convkit('extract', 'photos/img1.png', '-o', 'one.jsonl');
    expect(file.code).toBe(0);
    expect((await manifestOf('one.manifest.json')).output.format).toBe('jsonl');
    expect(await readFile(at('one.jsonl'), 'utf8')).toBe(`${stdout.split('\n')[0]}\n`);
  });

  test('finds an output that cannot be written before it reads an image', async () => {
    for (const output of ['no/such/folder/f.npy', 'photos', '/dev/null']) {
      const { code, stderr } = await convkit('extract', 'bad', '-o', output);
      expect(code).toBe(1);
      expect(stderr).toMatch(/cannot write/);
      expect(stderr).not.toContain('cut.jpg');
    }
    const { code, stderr } = await convkit('extract', 'bad', '-o', 'f.npy', '--manifest', 'no/such/m.json');
    expect([code, stderr.includes('cannot write no/such/m.json')]).toEqual([1, true]);
    expect((await readdir(folder)).filter((name) => name.includes('f.npy'))).toEqual([]);
  });

  test('overwrites no input, by whatever name', async () => {
    await mkdir(at('own'));
    await copyFile(at('photos/img1.png'), at('own/a.png'));
    await link(at('own/a.png'), at('own/twin.npy'));
    const before = sha256(await readFile(at('own/a.png')));
    for (const args of [
      ['-o', 'own/a.png'],
      ['-o', './own/../own/a.png', '--format', 'jsonl'],
      ['-o', 'own/twin.npy'],
      ['-o', 'x.npy', '--manifest', 'own/a.png'],
    ]) {
      const { code, stderr } = await convkit('extract', 'own/a.png', ...args);
      expect([code, stderr]).toEqual([1, expect.stringContaining('would be overwritten')]);
    }
    expect(sha256(await readFile(at('own/a.png')))).toBe(before);
    const same = await convkit('extract', 'own', '-o', 'x.npy', '--manifest', './x.npy');
    expect([same.code, same.stderr.includes('both')]).toEqual([1, true]);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s leaves what stood under the names, and nothing else',
    async (name) => {
      const place = at(name);
      await mkdir(join(place, 'in'), { recursive: true });
      const picture = await waves(9, 900, 900).png().toBuffer();
      for (let i = 0; i < 150; i++) await writeFile(join(place, 'in', `${i}.png`), picture);
      await writeFile(join(place, 'f.npy'), 'old');
      const env = { ...process.env, CONVKIT_BACKEND: 'reference' };
      const { child, ending } = start(['extract', 'in', '-o', 'f.npy', '--batch', '2'], { cwd: place, env });
      const half = async (): Promise<boolean> => {
        const temporary = (await readdir(place)).find((entry) => entry.startsWith('.f.npy'));
        return temporary !== undefined && (await stat(join(place, temporary))).size > 200;
      };
      for (let i = 0; i < 600 && !(await half()); i++) await sleep(50);
      expect(await half()).toBe(true);
      child.kill(name);
      const { code, stderr } = await ending;
      expect([code, stderr]).toEqual([
        name === 'SIGINT' ? 130 : 143,
        expect.stringContaining('nothing was written'),
      ]);
      expect((await readdir(place)).sort()).toEqual(['f.npy', 'in']);
      expect(await readFile(join(place, 'f.npy'), 'utf8')).toBe('old');
    },
  );

  test('says in one sentence what is wrong with its arguments', async () => {
    const wrong: [string[], RegExp][] = [
      [['photos'], /no output/],
      [['-o', 'x.npy'], /no images/],
      [['photos', '-o', 'x.npy', '--batch', '0'], /--batch must be a positive whole number, received '0'/],
      [['photos', '-o', 'x.npy', '--threads', 'many'], /--threads/],
      [['photos', '-o', 'x.npy', '--format', 'csv'], /--format must be npy or jsonl, received 'csv'/],
      [['photos', '-o', '-', '--format', 'npy'], /cannot go to standard output/],
      [['photos', '--frob'], /--frob/],
    ];
    for (const [args, message] of wrong) {
      const { code, stdout, stderr } = await convkit('extract', ...args);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(message);
      expect(stderr).toMatch(/^convkit extract: .*\n$/);
    }
  });

  test('without sharp says how to install it', async () => {
    const bare = await mkdtemp(join(tmpdir(), 'convkit-bare-'));
    await cp(join(root, 'dist'), join(bare, 'dist'), { recursive: true });
    await copyFile(join(root, 'package.json'), join(bare, 'package.json'));
    const child = spawn(
      process.execPath,
      [join(bare, 'dist/cli/main.js'), 'extract', at('photos'), '-o', 'f.npy'],
      {
        cwd: bare,
        env: { ...process.env, CONVKIT_BACKEND: 'reference' },
      },
    );
    let stderr = '';
    child.stderr.on('data', (text) => (stderr += text));
    const [code] = await once(child, 'close');
    expect([code, stderr]).toEqual([1, expect.stringContaining('run: npm install sharp')]);
    expect((await readdir(bare)).sort()).toEqual(['dist', 'package.json']);
    await rm(bare, { recursive: true });
  });

  test('a reader that leaves early ends the run quietly', async () => {
    const { child, ending } = start(['extract', 'photos', '-o', '-']);
    child.stdout?.destroy();
    expect(await ending).toMatchObject({ code: 1, stderr: '' });
  });
});

describe('convkit', () => {
  test('has help and a version, and knows its commands', async () => {
    expect(await convkit('--version')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    expect(await convkit('--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('doctor') });
    for (const command of ['extract', 'doctor']) {
      const { code, stdout } = await convkit(command, '--help');
      expect([code, stdout]).toEqual([0, expect.stringContaining(`convkit ${command}`)]);
      expect((await convkit('help', command)).stdout).toBe(stdout);
    }
    expect(await convkit('frob')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("unknown command 'frob'"),
    });
    expect((await convkit()).code).toBe(1);
  });
});
