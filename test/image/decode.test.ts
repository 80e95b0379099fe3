import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { imageValues } from '../../lib/extract/preprocess.js';
import { decodeImage } from '../../lib/image/decode.js';
import { toGrey } from '../../lib/image/grey.js';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'convkit-decode-'));
});
afterAll(() => rm(folder, { recursive: true }));

const raw = (
  data: number[] | Uint8Array | Uint16Array,
  width: number,
  height: number,
  channels: 1 | 2 | 3 | 4,
) => sharp(Array.isArray(data) ? Uint8Array.from(data) : data, { raw: { width, height, channels } });
const greys = async (path: string): Promise<number[]> => [...toGrey(await decodeImage(path)).data];

describe('decodeImage', () => {
  test('keeps the pixels of lossless files: grey, RGB, palette, alpha', async () => {
    await raw([0, 10, 200, 255], 2, 2, 1).toColourspace('b-w').png().toFile(at('grey.png'));
    expect(await greys(at('grey.png'))).toEqual([0, 10, 200, 255]);
    const colours = [255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9];
    for (const name of ['rgb.png', 'rgb.tif', 'rgb.webp', 'palette.png']) {
      const image = raw(colours, 2, 2, 3);
      const written = name.endsWith('tif')
        ? image.tiff({ compression: 'lzw' })
        : name.endsWith('webp')
          ? image.webp({ lossless: true })
          : image.png({ palette: name === 'palette.png' });
      await written.toFile(at(name));
      expect(await greys(at(name))).toEqual([76, 150, 29, 9]);
    }
    await raw([0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 128, 90, 90, 90, 255], 2, 2, 4)
      .png()
      .toFile(at('alpha.png'));
    expect(await greys(at('alpha.png'))).toEqual([255, 0, 127, 90]);
  });

  test('reduces 16-bit grey to 8 bits', async () => {
    const deep = Uint16Array.of(0, 257 * 100, 65535, 257 * 7);
    await raw(deep, 2, 2, 1).toColourspace('grey16').tiff({ compression: 'none' }).toFile(at('deep.tif'));
    expect((await sharp(at('deep.tif')).metadata()).depth).toBe('ushort');
    expect(await greys(at('deep.tif'))).toEqual([0, 100, 255, 7]);
  });

  test('converts CMYK', async () => {
    await raw(Array(64 * 3).fill(255), 8, 8, 3)
      .toColourspace('cmyk')
      .jpeg({ quality: 100 })
      .toFile(at('cmyk.jpg'));
    expect((await sharp(at('cmyk.jpg')).metadata()).channels).toBe(4);
    const pixels = await decodeImage(at('cmyk.jpg'));
    expect(pixels.channels).toBe(3);
    expect(Math.min(...pixels.data)).toBeGreaterThan(250);
  });

  test('turns pictures as their EXIF orientation says', async () => {
    await raw([10, 20, 30, 40, 50, 60], 3, 2, 1)
      .tiff({ compression: 'none' })
      .withMetadata({ orientation: 6 })
      .toFile(at('turned.tif'));
    const { width, height } = await decodeImage(at('turned.tif'));
    expect([width, height]).toEqual([2, 3]);
    expect(await greys(at('turned.tif'))).toEqual([40, 10, 50, 20, 60, 30]);
  });

  test('takes the first frame of several', async () => {
    const frames = Uint8Array.from({ length: 8 * 8 * 3 * 2 }, (_, i) => (i < 192 ? 255 : 0));
    await sharp(frames, { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } })
      .gif()
      .toFile(at('two.gif'));
    expect((await sharp(at('two.gif')).metadata()).pages).toBe(2);
    const pixels = await decodeImage(at('two.gif'));
    expect([pixels.height, Math.min(...toGrey(pixels).data)]).toEqual([8, 255]);
  });

  test('refuses more pixels than allowed', async () => {
    await raw(new Uint8Array(100 * 100), 100, 100, 1)
      .png()
      .toFile(at('large.png'));
    await expect(decodeImage(at('large.png'), { maxPixels: 9999 })).rejects.toThrow(/pixel limit/);
    await expect(decodeImage(at('large.png'), { maxPixels: 10000 })).resolves.toMatchObject({ width: 100 });
  });

  test('speaks of files where they cannot be read, however they were opened', async () => {
    await writeFile(at('words.png'), 'no picture');
    await expect(decodeImage(at('words.png'))).rejects.toThrow(/^Input file contains unsupported/);
    await expect(decodeImage(at('nowhere.png'))).rejects.toThrow(/^Input file is missing.*nowhere\.png/);
    await expect(decodeImage(folder)).rejects.toThrow(/^Input file/);
  });
});

test('imageValues crops to the middle and scales to one', () => {
  const data = Uint8Array.of(0, 255, 51, 0, 0, 102, 255, 0);
  expect([...imageValues({ data, width: 4, height: 2, channels: 1 }, 2)]).toEqual([
    1,
    Math.fround(0.2),
    Math.fround(0.4),
    1,
  ]);
});
