// Large JPEG files are scaled down by their decoder; everything else is decoded as ever.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../../lib/image/decode.js';
import { decodeScaled } from '../../lib/image/decode-scaled.js';
import { type ImageSize, resize } from '../../lib/image/resize.js';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'convkit-scaled-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A picture with waves of several lengths, no two corners alike. */
function picture(width: number, height: number, channels: 1 | 3 = 3): Sharp {
  const data = Buffer.alloc(width * height * channels);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++, i++) {
        data[i] = 100 + (60 * x) / width + (40 * y) / height + 25 * Math.sin((x + 2 * y) / (8 + 4 * c));
      }
    }
  }
  return sharp(data, { raw: { width, height, channels } });
}

const to = (width: number, height: number, interpolation: 'bilinear' | 'bicubic' = 'bilinear') => ({
  sizeFor: () => ({ width, height }),
  interpolation,
});

const difference = (a: Uint8Array, b: Uint8Array): number => {
  expect(a.length).toBe(b.length);
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;
};

describe('decodeScaled', () => {
  test.each(['bilinear', 'bicubic'] as const)(
    'has the decoder scale a large JPEG, and comes near what all of its pixels make: %s',
    async (interpolation) => {
      await picture(480, 360).jpeg({ quality: 95 }).toFile(at('large.jpg'));
      const { resized, data, ...rest } = await decodeScaled(at('large.jpg'), to(96, 72, interpolation));
      expect([resized, rest]).toEqual([true, { width: 96, height: 72, channels: 3 }]);
      const exact = resize(await decodeImage(at('large.jpg')), 96, 72, { interpolation }).data;
      expect(difference(data, exact)).toBeLessThan(2);
      const kernel = interpolation === 'bilinear' ? 'linear' : 'cubic';
      const byAllPixels = await sharp(at('large.jpg'))
        .resize({ width: 96, height: 72, fit: 'fill', kernel, fastShrinkOnLoad: false })
        .raw()
        .toBuffer();
      expect(difference(data, byAllPixels)).toBeGreaterThan(0); // something was left out
    },
  );

  test('decodes smaller JPEG files, and other formats, as decodeImage does', async () => {
    await picture(299, 320).jpeg().toFile(at('small.jpg'));
    await picture(480, 363).png().toFile(at('large.png'));
    await picture(480, 363).webp().toFile(at('large.webp'));
    await picture(480, 363).tiff().toFile(at('large.tif'));
    for (const name of ['small.jpg', 'large.png', 'large.webp', 'large.tif']) {
      const { resized, data, width, height } = await decodeScaled(at(name), to(100, 100));
      const all = await decodeImage(at(name));
      expect([name, resized, width, height]).toEqual([name, false, all.width, all.height]);
      expect(difference(data, all.data)).toBe(0);
    }
  });

  test('turns a JPEG as its EXIF orientation says, and is told its upright size', async () => {
    for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const file = at(`turned${orientation}.jpg`);
      await picture(480, 360).jpeg({ quality: 95 }).withMetadata({ orientation }).toFile(file);
      const [width, height] = orientation > 4 ? [60, 80] : [80, 60];
      const asked: ImageSize[] = [];
      const sizeFor = (image: ImageSize): ImageSize => {
        asked.push({ width: image.width, height: image.height });
        return { width, height };
      };
      const scaled = await decodeScaled(file, { sizeFor, interpolation: 'bilinear' });
      expect(asked).toEqual([{ width: 6 * width, height: 6 * height }]);
      expect(scaled).toMatchObject({ resized: true, width, height });
      expect(difference(scaled.data, resize(await decodeImage(file), width, height).data)).toBeLessThan(2);
    }
  });

  test('takes grey and CMYK', async () => {
    await picture(400, 400, 1).toColourspace('b-w').jpeg().toFile(at('grey.jpg'));
    await picture(400, 400).toColourspace('cmyk').jpeg().toFile(at('cmyk.jpg'));
    expect(await decodeScaled(at('grey.jpg'), to(50, 50))).toMatchObject({ resized: true, width: 50 });
    const { resized, channels, data } = await decodeScaled(at('cmyk.jpg'), to(50, 50));
    expect([resized, channels]).toEqual([true, 3]);
    expect(difference(data, resize(await decodeImage(at('cmyk.jpg')), 50, 50).data)).toBeLessThan(3);
  });

  test('refuses files that break off, even at their last rows, and images of too many pixels', async () => {
    const whole = await picture(640, 640).jpeg().toBuffer();
    for (const part of [0.3, 0.97]) {
      await writeFile(at('cut.jpg'), whole.subarray(0, Math.floor(part * whole.length)));
      await expect(decodeScaled(at('cut.jpg'), to(64, 64))).rejects.toThrow(/premature end/i);
    }
    await writeFile(at('whole.jpg'), whole);
    const few = { ...to(64, 64), maxPixels: 640 * 640 - 1 };
    await expect(decodeScaled(at('whole.jpg'), few)).rejects.toThrow(/^Input image exceeds pixel limit/);
    await writeFile(at('words.jpg'), 'no picture');
    await expect(decodeScaled(at('words.jpg'), to(64, 64))).rejects.toThrow(/^Input file contains unsupp/);
    expect((await readFile(at('whole.jpg'))).equals(whole)).toBe(true);
  });
});
