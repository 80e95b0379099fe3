// `convkit extract` with networks, in pieces, and after a crash: the same rows as in one go.

import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  copyFile,
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
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { normalisation } from '../../lib/extract/photo.js';
import { presetFor } from '../../lib/extract/presets.js';
import { decodeImage } from '../../lib/image/decode.js';
import { io, manualSeed, models, Tensor } from '../../lib/index.js';
import { photoValues } from '../support/photo.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const main = join(root, 'dist/cli/main.js');
let folder = '';
const at = (name: string): string => join(folder, name);

interface Ending {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
function start(args: readonly string[], options: SpawnOptions = {}) {
  const child = spawn(process.execPath, [main, 'extract', ...args], {
    cwd: folder,
    stdio: 'pipe',
    ...options,
  });
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
const extract = (...args: string[]): Promise<Ending> => start(args).ending;
const both = async (name: string): Promise<[Buffer, string]> => {
  const manifest = JSON.parse(await readFile(at(`${name}.manifest.json`), 'utf8')) as Record<string, unknown>;
  const output = { ...(manifest.output as object), file: 'x.npy' };
  return [await readFile(at(`${name}.npy`)), JSON.stringify({ ...manifest, output })];
};

/** Small pictures make it quick: 73 pixels of which the middle 64 are taken. */
const NETWORK = [
  '--model',
  'squeezenet1_1',
  '-w',
  'weights.safetensors',
  '--resize',
  '73',
  '--crop',
  '64',
  '-l',
  'features.12',
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'convkit-network-'));
  await mkdir(at('photos'));
  const images = join(root, 'examples/images');
  for (const name of await readdir(images)) {
    if (/\.(png|jpg|webp|tif)$/.test(name)) await copyFile(join(images, name), at(`photos/${name}`));
  }
  manualSeed(5);
  await io.saveSafetensors(at('weights.safetensors'), models.squeezenet1_1().stateDict());
});
afterAll(() => rm(folder, { recursive: true }));

describe('a network', () => {
  test("gives a layer's output as rows, of photos prepared as its weights want them", async () => {
    const { code, stdout, stderr } = await extract('photos', '-o', 'net.npy', ...NETWORK);
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(
      /^net\.npy: 14 rows of 4608 features, 0 failed; .*\nsqueezenet1_1 features\.12, torchvision-v1, changed: bilinear to 73, middle 64\n$/,
    );
    const rows = await io.loadNpy(at('net.npy'));
    expect(rows.shape).toEqual([14, 512 * 3 * 3]);
    const net = models.squeezenet1_1().eval();
    net.loadStateDict(await io.loadSafetensors(at('weights.safetensors')));
    const preset = { ...presetFor('squeezenet1_1', undefined, undefined)!.preset, resize: 73, crop: 64 };
    const manifest = JSON.parse(await readFile(at('net.manifest.json'), 'utf8'));
    for (const row of [0, 5, 13]) {
      const image = await decodeImage(at(manifest.images[row].file));
      const x = new Tensor(photoValues(image, preset, normalisation(preset)), [1, 3, 64, 64]);
      const expected = net.features.forward(x).data;
      const actual = rows.data.subarray(row * 4608, (row + 1) * 4608);
      expect(Math.max(...actual.map((value, i) => Math.abs(value - expected[i])))).toBeLessThan(1e-5);
    }
    expect(manifest.model).toMatchObject({
      name: 'squeezenet1_1',
      layer: 'features.12',
      layerShape: [512, 3, 3],
    });
    expect(manifest.model.architectureSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(manifest.model.weightsSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(manifest.preprocessing).toMatchObject({ crop: 'centred 64 x 64', mean: [0.485, 0.456, 0.406] });
  });

  test('gives the same bytes with other batches and threads', async () => {
    const [expected] = await both('net');
    for (const options of [
      ['--batch', '1'],
      ['--batch', '5', '--threads', '1'],
    ]) {
      expect((await extract('photos', '-o', 'again.npy', ...NETWORK, ...options)).code).toBe(0);
      expect((await both('again'))[0].equals(expected)).toBe(true);
    }
  });

  test('gives rows of length one with --l2', async () => {
    expect((await extract('photos', '-o', 'unit.npy', '--limit', '3', ...NETWORK, '--l2')).code).toBe(0);
    const { data, shape } = await io.loadNpy(at('unit.npy'));
    const whole = await io.loadNpy(at('net.npy'));
    for (let row = 0; row < shape[0]; row++) {
      const values = data.subarray(row * shape[1], (row + 1) * shape[1]);
      expect(Math.hypot(...values)).toBeCloseTo(1, 6);
      const length = Math.hypot(...whole.data.subarray(row * shape[1], (row + 1) * shape[1]));
      const peak = values.indexOf(Math.max(...values));
      expect(values[peak]).toBeCloseTo(whole.data[row * shape[1] + peak] / length, 6);
    }
  });

  test('takes random weights where it is asked to, the same for the same seed', async () => {
    const args = ['photos/bricks.png', '--model', 'squeezenet1_1', '--num-classes', '7', '--crop', '64'];
    for (const [name, seed] of [
      ['a', '1'],
      ['b', '1'],
      ['c', '2'],
    ]) {
      const { code } = await extract(...args, '-o', `${name}.npy`, '--random-weights', seed);
      expect(code).toBe(0);
    }
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => readFile(at(`${name}.npy`))));
    expect((await io.loadNpy(at('a.npy'))).shape).toEqual([1, 7]);
    expect([a.equals(b), a.equals(c)]).toEqual([true, false]);
  });

  test('comes from an ONNX file, too', async () => {
    const networks = join(root, 'test/cli/networks');
    const any = ['--model', join(networks, 'any-size.onnx'), '--crop', '40', '--resize', '48'];
    const { code, stderr } = await extract('photos', '-o', 'onnx.npy', ...any);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/14 rows of 4 features, 0 failed/)]);
    const { data } = await io.loadNpy(at('onnx.npy'));
    const manifest = JSON.parse(await readFile(at('onnx.manifest.json'), 'utf8'));
    expect(manifest.model).toMatchObject({ name: 'any-size.onnx', layer: 'output', layerShape: [4, 1, 1] });
    const net = await io.loadOnnx(join(networks, 'any-size.onnx'));
    const preset = { ...presetFor('resnet50', undefined, undefined)!.preset, resize: 48, crop: 40 };
    const image = await decodeImage(at(manifest.images[3].file));
    const x = new Tensor(photoValues(image, preset, normalisation(preset)), [1, 3, 40, 40]);
    const expected = net.forward(x).data;
    expect(expected.every((value, i) => Math.abs(value - data[3 * 4 + i]) < 1e-6)).toBe(true);

    // One image at a time, of one size
    const one = ['--model', join(networks, 'one-size.onnx')];
    expect((await extract('photos', '-o', 'one.npy', ...one, '--batch', '5')).code).toBe(0);
    expect((await io.loadNpy(at('one.npy'))).shape).toEqual([14, 4]);
    for (const [args, message] of [
      [['--crop', '40'], 'one-size.onnx takes images of 32 x 32, not 40 x 40'],
      [['-w', 'weights.safetensors'], '--weights is not for'],
      [['--preset', 'timm'], 'one-size.onnx has no published weights of preset timm; give --resize, --crop'],
      [['--layer', 'nope'], "there is no module 'nope' in GraphModule"],
    ] as const) {
      const refused = await extract('photos', '-o', 'no.npy', ...one, ...args);
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(message)]);
    }
  });

  test('takes large JPEG files scaled by their decoder with --decode scaled, and says so', async () => {
    const large = async (name: string) => {
      const { default: sharp } = await import('sharp');
      await sharp(at('photos/dusk.jpg'))
        .resize(480, 400)
        .toFile(at(`large/${name}`));
    };
    await mkdir(at('large'));
    await Promise.all(['a.jpg', 'b.png', 'c.webp'].map(large));
    await copyFile(at('photos/dusk.jpg'), at('large/d.jpg'));
    const args = ['large', '-o', 'scaled.npy', ...NETWORK, '--decode', 'scaled'];
    expect((await extract('large', '-o', 'large.npy', ...NETWORK)).code).toBe(0);
    const { code, stderr } = await extract(...args);
    expect([code, stderr]).toEqual([0, expect.stringContaining('bilinear to 73, middle 64, decoded scaled')]);
    const [full, scaled] = await Promise.all(
      ['large', 'scaled'].map((name) => io.loadNpy(at(`${name}.npy`))),
    );
    const manifest = JSON.parse(await readFile(at('scaled.manifest.json'), 'utf8'));
    expect(manifest.preprocessing).toMatchObject({
      decode: expect.stringMatching(/JPEG files from 3 times that size on scaled$/),
      resize:
        "shorter side to 73, scaled ones by sharp, others antialiased bilinear in whole numbers (Pillow's method)",
    });
    const files = (manifest.images as { file: string }[]).map(({ file }) => file);
    for (const [row, file] of files.entries()) {
      const [a, b] = [full, scaled].map(({ data }) => data.subarray(row * 4608, (row + 1) * 4608));
      expect([file, Buffer.from(a).equals(Buffer.from(b))]).toEqual([file, !file.endsWith('a.jpg')]);
      const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i], 0);
      expect(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))).toBeGreaterThan(0.97);
    }
    for (const decode of [[], ['--decode', 'full']]) {
      const resumed = await extract('large', '-o', 'scaled.npy', ...NETWORK, ...decode, '--resume');
      expect([resumed.code, resumed.stderr]).toEqual([
        1,
        expect.stringMatching(
          /scaled\.npy was made otherwise: preprocessing\.decode ".*, now ".*; give the options/,
        ),
      ]);
    }
    expect((await extract(...args, '--resume')).code).toBe(0);
  });

  test('says in one sentence what is wrong with its arguments', async () => {
    await writeFile(at('weights.txt'), 'x');
    await writeFile(at('empty.safetensors'), '');
    const net = ['--model', 'squeezenet1_1'];
    const wrong: [string[], RegExp][] = [
      [
        ['--model', 'resnet50'],
        /resnet50 has no weights of its own; give a file of them with --weights resnet50\.safetensors/,
      ],
      [['--model', 'resnet5000'], /--model: there is no model 'resnet5000'; did you mean/],
      [['--layer', 'avgpool'], /--layer is for a network, and the model is scattering/],
      [['--model', 'lenet5', '--random-weights', '1'], /lenet5 takes \[1, 1, 28, 28\], not photos in colour/],
      [[...NETWORK, '--random-weights', '1'], /received both --weights and --random-weights/],
      [[...NETWORK, '--layer', 'nope'], /there is no module 'nope' in SqueezeNet/],
      [[...net, '-w', 'weights.txt'], /weights\.txt is no file of weights/],
      [[...net, '-w', 'gone.pth'], /gone\.pth: no such file or folder/],
      [[...net, '-w', 'empty.safetensors'], /empty\.safetensors is no safetensors file/],
      [
        ['--model', 'resnet18', '-w', 'weights.safetensors'],
        /weights\.safetensors does not fit: .*shapes in order do not match/,
      ],
      [
        [...NETWORK, '--preset', 'keras'],
        /--preset must be one of torchvision-v1, torchvision-v2, timm, received 'keras'/,
      ],
      [
        [...NETWORK, '--preset', 'timm'],
        /squeezenet1_1 has no published weights of preset timm; it has torchvision-v1/,
      ],
      [[...NETWORK, '--crop', '80'], /--crop 80 is larger than --resize 73/],
      [[...NETWORK, '--mean', '1,2'], /--mean must be one number or three/],
      [[...NETWORK, '--std', '0'], /--std must be positive/],
      [[...NETWORK, '--decode', 'half'], /--decode must be full or scaled, received 'half'/],
      [['--decode', 'scaled'], /--decode is for a network, and the model is scattering/],
      [[...NETWORK, '--interpolation', 'lanczos'], /--interpolation must be bilinear or bicubic/],
      [['--shard', '0/3'], /--shard must be i\/n with i from 1 to n/],
      [['--retry-failed'], /there is no x\.npy with its manifest x\.manifest\.json to retry/],
      [['--resume', '--format', 'jsonl'], /--resume goes with \.npy files/],
    ];
    for (const [args, message] of wrong) {
      const { code, stdout, stderr } = await extract('photos', '-o', 'x.npy', ...args);
      expect([args, code, stdout]).toEqual([args, 1, '']);
      expect(stderr.replaceAll('\n', ' ')).toMatch(message);
    }
    expect((await readdir(folder)).filter((name) => name.startsWith('x.'))).toEqual([]);
    const { code, stdout } = await extract('--models');
    expect([code, stdout.split('\n').slice(0, 2)]).toEqual([0, ['scattering', 'alexnet']]);
  }, 120_000);
});

describe('a long run', () => {
  const rows = async (name: string): Promise<Buffer> => {
    const { data, shape } = await io.loadNpy(at(name));
    expect(shape[1]).toBe(3216);
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  };

  test('in shards gives the rows of the whole', async () => {
    expect((await extract('photos', '-o', 'whole.npy')).code).toBe(0);
    for (const i of [1, 2, 3])
      expect((await extract('photos', '-o', `part${i}.npy`, '--shard', `${i}/3`)).code).toBe(0);
    const parts = await Promise.all([1, 2, 3].map((i) => rows(`part${i}.npy`)));
    expect(Buffer.concat(parts).equals(await rows('whole.npy'))).toBe(true);
    expect(JSON.parse(await readFile(at('part2.manifest.json'), 'utf8'))).toMatchObject({
      shard: '2/3',
      images: { length: 5 },
    });
    const empty = await extract('photos/bricks.png', '-o', 'none.npy', '--shard', '1/2');
    expect([empty.code, (await io.loadNpy(at('none.npy'))).shape]).toEqual([0, [0, 3216]]);
  });

  test.each(['SIGKILL', 'SIGINT'] as const)(
    'that %s ended goes on with --resume',
    { timeout: 120_000 },
    async (signal) => {
      const name = `after-${signal}`;
      const args = ['photos', '-o', `${name}.npy`, '--resume', '--batch', '1'];
      const { child, ending } = start(args, { env: { ...process.env, CONVKIT_BACKEND: 'reference' } });
      const kept = (): Promise<number> =>
        stat(at(`${name}.npy.partial`)).then(
          ({ size }) => Math.floor((size - 128) / (4 * 3216)),
          () => 0,
        );
      for (let i = 0; i < 1200 && (await kept()) < 2; i++) await sleep(25);
      child.kill(signal);
      const { code, stderr } = await ending;
      if (signal === 'SIGINT')
        expect([code, stderr]).toEqual([130, expect.stringContaining('go on with the same command')]);
      const before = await kept();
      expect(before).toBeGreaterThanOrEqual(2);
      expect(before).toBeLessThan(14);
      expect((await readdir(folder)).filter((file) => file.startsWith(`${name}.npy`)).sort()).toEqual([
        `${name}.npy.partial`,
        `${name}.npy.partial.jsonl`,
      ]);
      const refused = await extract('photos', '-o', `${name}.npy`, '--resume', '--l2');
      expect([refused.code, refused.stderr]).toEqual([
        1,
        expect.stringMatching(/\.partial was made otherwise: rows nothing, now "divided by/),
      ]);
      const retried = await extract('photos', '-o', `${name}.npy`, '--retry-failed');
      expect([retried.code, retried.stderr]).toEqual([
        1,
        expect.stringContaining('has not ended; go on with --resume alone'),
      ]);

      // What a crash of the system leaves: half a row, half a line
      await truncate(at(`${name}.npy.partial`), 128 + 4 * 3216 * before - 100);
      await appendFile(at(`${name}.npy.partial.jsonl`), '{"file":"ph');
      const resumed = await extract(...args);
      expect([resumed.code, resumed.stderr]).toEqual([
        0,
        expect.stringMatching(
          new RegExp(`14 rows of 3216 features \\(${before - 1} of them from before\\), 0 failed`),
        ),
      ]);
      const [expected, manifest] = await both('whole');
      const [bytes, itsManifest] = await both(name);
      expect(bytes.equals(expected)).toBe(true);
      expect(itsManifest).toBe(manifest);
      expect((await readdir(folder)).filter((file) => file.includes('partial'))).toEqual([]);
    },
  );

  test('is not gone on with for other images', async () => {
    await writeFile(at('mixed.npy.partial'), '');
    await mkdir(at('mixed'));
    await copyFile(at('photos/grass.jpg'), at('mixed/2.jpg'));
    const finished = await extract('mixed', '-o', 'mixed.npy', '--resume');
    expect(finished.code).toBe(0);
    await copyFile(at('mixed.npy'), at('mixed.npy.partial'));
    const manifest = JSON.parse(await readFile(at('mixed.manifest.json'), 'utf8'));
    const { numerics, model, preprocessing, images } = manifest;
    const lines = [
      { numerics, model, preprocessing },
      { file: images[0].file, sha256: images[0].sha256 },
    ];
    await writeFile(at('mixed.npy.partial.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    await copyFile(at('photos/dusk.jpg'), at('mixed/1.jpg'));
    const { code, stderr } = await extract('mixed', '-o', 'mixed.npy', '--resume');
    expect(code).toBe(1);
    expect(stderr).toContain(
      `has ${join('mixed', '2.jpg')} as row 0, where these arguments lead to ${join('mixed', '1.jpg')}; give the arguments`,
    );
  });

  test('that has ended takes up new images with --resume, and failed ones with --retry-failed', async () => {
    await mkdir(at('growing'));
    for (const name of ['1', '3']) await copyFile(at('photos/grass.jpg'), at(`growing/${name}.jpg`));
    await copyFile(at('photos/dusk.jpg'), at('growing/4.jpg'));
    await writeFile(at('growing/2.jpg'), 'broken');
    expect((await extract('growing', '-o', 'grown.npy')).code).toBe(2);
    await copyFile(at('photos/pebbles.jpg'), at('growing/2.jpg'));
    await copyFile(at('photos/stripes.png'), at('growing/5.png'));

    const added = await extract('growing', '-o', 'grown.npy', '--resume');
    expect([added.code, added.stderr]).toEqual([
      2,
      expect.stringMatching(/4 rows of 3216 features \(3 of them from before\), 1 failed/),
    ]);
    expect(added.stderr).toContain(`${join('growing', '2.jpg')}: `);
    const retried = await extract('growing', '-o', 'grown.npy', '--retry-failed');
    expect([retried.code, retried.stderr]).toEqual([
      0,
      expect.stringMatching(/5 rows of 3216 features \(4 of them from before\), 0 failed/),
    ]);
    expect((await extract('growing', '-o', 'fresh.npy')).code).toBe(0);
    expect(await both('grown')).toEqual(await both('fresh'));

    const other = await extract('growing', '-o', 'grown.npy', '--resume', ...NETWORK);
    expect([other.code, other.stderr]).toEqual([
      1,
      expect.stringMatching(/grown\.npy was made otherwise: model\.name "scattering", now "squeezenet1_1"/),
    ]);
    const bytes = await readFile(at('grown.npy'));
    bytes[200] ^= 1;
    await writeFile(at('grown.npy'), bytes);
    const damaged = await extract('growing', '-o', 'grown.npy', '--retry-failed');
    expect([damaged.code, damaged.stderr]).toEqual([
      1,
      expect.stringContaining('row 0 of grown.npy is not what its manifest says'),
    ]);
    expect((await readFile(at('grown.npy'))).equals(bytes)).toBe(true);
  });
});
