// A part of an image is resized to the same pixels as all of it.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { photoInputs, photoPixels } from '../../lib/extract/photo.js';
import { unpublished } from '../../lib/extract/presets.js';
import { decodeImage } from '../../lib/image/decode.js';
import { decodePart } from '../../lib/image/decode-part.js';
import { inputsOf, resize } from '../../lib/image/resize.js';
import { uniform } from '../support/hashed.js';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'convkit-part-'));
});
afterAll(() => rm(folder, { recursive: true }));

const bytes = (count: number): Uint8Array =>
  Uint8Array.from(uniform(count, 0), (value) => Math.floor((value + 1) * 128));
const picture = (width: number, height: number, channels: 3 | 4 = 3) =>
  sharp(bytes(width * height * channels), { raw: { width, height, channels } });
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

const preset = { ...unpublished(48), resize: 56 };

describe('decodePart', () => {
  test('leaves out the columns at both sides and the rows above, and gives the pixels of the whole', async () => {
    for (const [width, height] of [
      [200, 120],
      [120, 200],
      [57, 56],
      [40, 31],
    ]) {
      await picture(width, height).jpeg().toFile(at('a.jpg'));
      await picture(width, height).webp().toFile(at('a.webp'));
      await picture(width, height, 4).png().toFile(at('a.png'));
      for (const name of ['a.jpg', 'a.webp', 'a.png']) {
        for (const interpolation of ['bilinear', 'bicubic'] as const) {
          const own = { ...preset, interpolation };
          const part = await decodePart(at(name), (image) => photoInputs(image, own));
          const all = await decodeImage(at(name));
          expect(part.partOf).toMatchObject({ width, height });
          expect(part.width).toBeLessThan(width);
          expect(part.height).toBe(height - part.partOf.top);
          expect([name, width, same(photoPixels(part, own), photoPixels(all, own))]).toEqual([
            name,
            width,
            true,
          ]);
        }
      }
    }
  });

  test('takes every pixel of turned images and other formats', async () => {
    await picture(90, 60).jpeg().withMetadata({ orientation: 6 }).toFile(at('turned.jpg'));
    await picture(90, 60).tiff().toFile(at('a.tif'));
    await picture(90, 60).gif().toFile(at('a.gif'));
    for (const name of ['turned.jpg', 'a.tif', 'a.gif']) {
      const { partOf, ...part } = await decodePart(at(name), (image) => photoInputs(image, preset));
      const all = await decodeImage(at(name));
      expect(partOf).toEqual({ width: all.width, height: all.height, left: 0, top: 0 });
      expect([name, same(part.data, all.data)]).toEqual([name, true]);
    }
  });

  test('refuses a file that breaks off below what is taken, and speaks of files', async () => {
    const whole = await picture(64, 640).jpeg().toBuffer();
    await writeFile(at('cut.jpg'), whole.subarray(0, Math.floor(0.97 * whole.length)));
    await writeFile(at('words.jpg'), 'no picture');
    const middle = (image: { width: number; height: number }) => photoInputs(image, preset);
    await expect(decodePart(at('cut.jpg'), middle)).rejects.toThrow(/premature end/i);
    await expect(decodePart(at('words.jpg'), middle)).rejects.toThrow(/^Input file contains unsupported/);
    await writeFile(at('whole.jpg'), whole);
    await expect(decodePart(at('whole.jpg'), middle, { maxPixels: 64 * 640 - 1 })).rejects.toThrow(
      /pixel limit/,
    );
  });
});

test('inputsOf names the pixels that a crop of a resized image is made from, and no others', () => {
  const size = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(
      size,
      size,
      size,
      size,
      fc.constantFrom('bilinear', 'bicubic'),
      (w, h, toW, toH, interpolation) => {
        const crop = { left: toW >> 2, top: toH >> 1, width: toW - (toW >> 1), height: toH - (toH >> 1) };
        const image = { data: bytes(w * h), width: w, height: h, channels: 1 };
        const expected = resize(image, toW, toH, { crop, interpolation }).data;
        const { left, top, width, height } = inputsOf(image, {
          width: toW,
          height: toH,
          crop,
          interpolation,
        });
        const data = new Uint8Array(width * height);
        for (let y = 0; y < height; y++) {
          const from = (top + y) * w + left;
          data.set(image.data.subarray(from, from + width), y * width);
        }
        const part = { data, width, height, channels: 1 };
        const partOf = { width: w, height: h, left, top };
        expect(same(resize(part, toW, toH, { crop, interpolation, partOf }).data, expected)).toBe(true);
        if (width === 1) return;
        const narrower = { ...part, data: data.subarray(0, (width - 1) * height), width: width - 1 };
        expect(() => resize(narrower, toW, toH, { crop, interpolation, partOf })).toThrow(
          /lies outside the image/,
        );
      },
    ),
    { numRuns: 200 },
  );
});
