import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const image = join(root, 'examples', 'images', 'bricks.png');
const folder = mkdtempSync(join(tmpdir(), 'convkit-show-'));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the built command in a process of its own. */
function convkitShow(...args: string[]) {
  const main = join(root, 'dist', 'cli', 'main.js');
  return spawnSync(process.execPath, [main, 'show', ...args], { cwd: folder, encoding: 'utf8' });
}

describe('convkit show', { timeout: 120_000 }, () => {
  it('lists the layers of a model', () => {
    const { status, stdout, stderr } = convkitShow(image);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^wavelets +Conv2d +\[1, 16, 128, 128\].* 15 calls$/m);
  });

  it('draws the maps of a layer, and the same file again', async () => {
    const { status, stdout, stderr } = convkitShow(image, '--layer', 'modulus', '-o', 'maps.png');
    expect([status, stdout]).toEqual([0, '']);
    const [, width, height] = /8 maps of 128 x 128 from bricks\.png; (\d+) x (\d+) pixels/.exec(stderr) ?? [];
    expect(await sharp(at('maps.png')).metadata()).toMatchObject({
      format: 'png',
      width: Number(width),
      height: Number(height),
    });
    convkitShow(image, '--layer', 'modulus', '-o', 'again.png');
    expect(readFileSync(at('again.png')).equals(readFileSync(at('maps.png')))).toBe(true);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('draws kernels without an image', async () => {
    const { status, stderr } = convkitShow(
      '--filters',
      '-l',
      'wavelets',
      '-o',
      'kernels.png',
      '--columns',
      '8',
    );
    expect([status, stderr]).toEqual([0, expect.stringContaining('wavelets: 16 kernels')]);
    expect((await sharp(at('kernels.png')).metadata()).width).toBe(2 * 10 + 8 * 126 + 7 * 6); // 7 x 7 taps of 18 pixels
  });

  it('draws the layers of a list, in colour where their kernels see three channels', async () => {
    const conv = { type: 'Conv2d', args: [null, 6, 5], options: { stride: 2 }, name: 'stem' };
    writeFileSync(at('net.json'), JSON.stringify([conv, 'ReLU']));
    const net = ['-m', 'net.json', '--input', '1x3x32x32'];
    expect(convkitShow(image, ...net).stdout).toMatch(/^stem +Conv2d +\[1, 6, 14, 14\]$/m);
    const maps = convkitShow(image, ...net, '-l', 'layer1', '-o', 'relu.png');
    expect([maps.status, maps.stderr]).toEqual([0, expect.stringContaining('layer1: 6 maps of 14 x 14')]);
    const filters = convkitShow('--filters', ...net, '-l', 'stem', '-o', 'stem.png');
    expect([filters.status, filters.stderr]).toEqual([0, expect.stringContaining('stem: 6 kernels')]);
    const split = convkitShow('--filters', ...net, '-l', 'stem', '-o', 'split.png', '--split');
    expect([split.status, split.stderr]).toEqual([0, expect.stringContaining('stem: 18 kernels')]);
    for (const [args, sentence] of [
      [['-m', 'net.json', '--input', '1x3x32x16'], '--input must be 1x1xSxS or 1x3xSxS'],
      [['-m', 'net.json', '--input', '1x3x4x4'], "Kernel size can't be greater than actual input size"],
      [['-m', 'absent.json'], 'cannot read absent.json'],
      [['--input', '1x3x4x4'], '--input is for a list of layers'],
    ] as const) {
      const { status, stderr } = convkitShow(image, ...args);
      expect([status, stderr]).toEqual([1, expect.stringContaining(sentence)]);
    }
  });

  it('shows vertical edges to the kernel for them and not to the other', async () => {
    const step = Buffer.alloc(256 * 256);
    for (let i = 0; i < step.length; i++) step[i] = i % 256 < 128 ? 0 : 255;
    await sharp(step, { raw: { width: 256, height: 256, channels: 1 } })
      .png()
      .toFile(at('step.png'));
    const drawn = [
      'step.png',
      '-m',
      'edges',
      '-l',
      'edges',
      '--size',
      '256',
      '--range',
      'joint',
      '--columns',
      '4',
    ];
    expect(convkitShow(...drawn, '-o', 'edges.png').status).toBe(0);
    const { data, info } = await sharp(at('edges.png')).raw().toBuffer({ resolveWithObject: true });
    const pixel = (x: number, y: number) => [
      ...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3),
    ];
    const tile = (i: number) => 10 + i * (256 + 6);
    expect(pixel(tile(1) + 128, 150)).toEqual([0x67, 0x00, 0x1f]); // sobel 0: the brightest red at the step
    expect(pixel(tile(1) + 20, 150)).toEqual([0xf7, 0xf7, 0xf7]); // and nothing beside it
    expect(pixel(tile(3) + 128, 150)).toEqual([0xf7, 0xf7, 0xf7]); // sobel 90: nothing
  });

  it('says what is wrong with its arguments, and writes nothing', () => {
    const wrong: [string[], string][] = [
      [[], 'no image'],
      [[image, '-o', 'x.png'], 'no layer; choose one with --layer: wavelets, halve'],
      [[image, '-l', 'modulus'], 'no output; give one with -o maps.png'],
      [[image, '-l', 'nothing', '-o', 'x.png'], "there is no layer 'nothing'; one of wavelets"],
      [[image, '-l', 'modulus', '-o', 'x.jpg'], 'the sheet is a PNG, received -o x.jpg'],
      [
        [image, '-l', 'modulus', '--call', '99', '-o', 'x.png'],
        "layer 'modulus' is called 15 times, received --call 99",
      ],
      [
        [image, '-l', 'modulus', '-o', 'x.png', '-m', 'vgg'],
        "there is no model 'vgg'; one of scattering, edges, or a list of layers",
      ],
      [[image, '-l', 'modulus', '-o', 'x.png', '--range', 'some'], '--range must be one of each, joint'],
      [
        [image, '-l', 'modulus', '-o', 'x.png', '--size', '0'],
        '--size must be a positive whole number up to 99999',
      ],
      [['--filters', '-l', 'modulus', '-o', 'x.png'], "layer 'modulus' is Modulus, which has no 2-D kernels"],
      [['absent.png', '-l', 'modulus', '-o', 'x.png'], 'absent.png: '],
      [[image, '-l', 'modulus', '-o', 'no/folder/x.png'], 'its folder does not exist'],
      [['--nothing'], 'see convkit show --help'],
      [[image, '--columns', '-1'], "Option '--columns' argument is ambiguous."], // Node's sentence has three lines
    ];
    for (const [args, sentence] of wrong) {
      const { status, stdout, stderr } = convkitShow(...args);
      expect([args, status, stdout, stderr]).toEqual([args, 1, '', expect.stringContaining(sentence)]);
      expect(stderr).toMatch(/^convkit show: (?!show)[^\n]*\n$/);
    }
    expect(existsSync(at('x.png'))).toBe(false);
  });

  it('does not overwrite its image, under whatever name', () => {
    copyFileSync(image, at('own.png'));
    const before = readFileSync(at('own.png'));
    const { status, stderr } = convkitShow('own.png', '-l', 'modulus', '-o', './own.png');
    expect([status, stderr]).toEqual([1, expect.stringContaining('is the image, and would be overwritten')]);
    expect(readFileSync(at('own.png')).equals(before)).toBe(true);
  });

  it('reports a broken image', () => {
    writeFileSync(at('torn.png'), readFileSync(image).subarray(0, 200));
    const { status, stderr } = convkitShow('torn.png', '-l', 'modulus', '-o', 'x.png');
    expect([status, stderr]).toEqual([1, expect.stringContaining('convkit show: torn.png: ')]);
  });

  it('explains itself', () => {
    expect(convkitShow('--help')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Exit codes: 0 done'),
    });
  });
});
