import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Box, centreSquare, type Pixels, resize } from '../../lib/image/resize.js';

/** Deterministic bytes, a good part of them saturated. */
function noise(width: number, height: number, channels: number, seed: number): Pixels {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  const data = Uint8Array.from({ length: width * height * channels }, () => (next() > 200 ? 255 : next()));
  return { data, width, height, channels };
}

/** The same filter in float64, in one go, without rounding between the passes. */
function exactly(image: Pixels, width: number, height: number): Float64Array {
  const weights = (from: number, to: number): number[][] =>
    Array.from({ length: to }, (_, i) => {
      const scale = from / to;
      const support = Math.max(1, scale);
      const raw = Array.from({ length: from }, (_, k) =>
        Math.max(0, 1 - Math.abs((k + 0.5 - (i + 0.5) * scale) / support)),
      );
      const sum = raw.reduce((a, b) => a + b, 0);
      return raw.map((w) => w / sum);
    });
  const rows = weights(image.height, height);
  const columns = weights(image.width, width);
  const out = new Float64Array(width * height * image.channels);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < image.channels; c++, at++) {
        for (let v = 0; v < image.height; v++) {
          for (let u = 0; u < image.width; u++) {
            const weight = rows[y][v] * columns[x][u];
            if (weight !== 0) out[at] += weight * image.data[(v * image.width + u) * image.channels + c];
          }
        }
      }
    }
  }
  return out;
}

describe('resize', () => {
  const sizes = [
    [1, 1, 1, 5, 7],
    [2, 1, 1, 1, 1],
    [3, 3, 4, 1, 9],
    [7, 5, 3, 3, 2],
    [28, 28, 1, 64, 64],
    [61, 47, 2, 16, 17],
    [90, 3, 1, 7, 11],
  ] as const;
  test.each(sizes)('%i x %i pixels of %i channels to %i x %i stay within one of float64', (w, h, c, W, H) => {
    const image = noise(w, h, c, 17);
    const got = resize(image, W, H);
    expect([got.width, got.height, got.channels, got.data.length]).toEqual([W, H, c, W * H * c]);
    const want = exactly(image, W, H);
    for (let i = 0; i < want.length; i++) expect(Math.abs(got.data[i] - want[i])).toBeLessThanOrEqual(1);
  });

  test('gives the bytes of Pillow 12.3 (Image.resize, BILINEAR), by their SHA-256', () => {
    const hash = (image: Pixels, width: number, height: number): string =>
      createHash('sha256')
        .update(resize(image, width, height).data)
        .digest('hex');
    expect([
      hash(noise(28, 28, 1, 1), 128, 128),
      hash(noise(512, 384, 1, 2), 128, 96),
      hash(noise(451, 300, 3, 3), 97, 128),
    ]).toEqual(PILLOW);
  });

  test('gives the bytes of Pillow 12.3 (BICUBIC), whole and cropped afterwards', () => {
    const hash = (image: Pixels, width: number, height: number, crop?: Box): string =>
      createHash('sha256')
        .update(resize(image, width, height, { interpolation: 'bicubic', crop }).data)
        .digest('hex');
    expect([
      hash(noise(28, 28, 1, 1), 128, 128),
      hash(noise(512, 384, 1, 2), 128, 96),
      hash(noise(451, 300, 3, 3), 97, 128),
      hash(noise(451, 300, 3, 3), 97, 128, { left: 20, top: 31, width: 40, height: 69 }),
    ]).toEqual(PILLOW_BICUBIC);
  });

  test('at the same size changes nothing', () => {
    const image = noise(13, 17, 3, 5);
    expect(resize(image, 13, 17).data).toEqual(image.data);
  });

  test('keeps flat images flat at every size, white included', () => {
    for (const value of [0, 1, 127, 255]) {
      for (const [from, to] of [
        [1, 7],
        [7, 1],
        [100, 3],
        [31, 32],
        [255, 254],
      ]) {
        const flat = {
          data: new Uint8Array(from * from).fill(value),
          width: from,
          height: from,
          channels: 1,
        };
        expect(new Set(resize(flat, to, to).data)).toEqual(new Set([value]));
      }
    }
  });

  test('of a box equals the resize of that cut-out', () => {
    const image = noise(20, 12, 3, 9);
    const box = { left: 5, top: 2, width: 9, height: 7 };
    const cut = new Uint8Array(9 * 7 * 3);
    for (let y = 0; y < 7; y++) {
      cut.set(image.data.subarray(((y + 2) * 20 + 5) * 3, ((y + 2) * 20 + 14) * 3), y * 27);
    }
    const want = resize({ data: cut, width: 9, height: 7, channels: 3 }, 4, 6);
    expect(resize(image, 4, 6, { box })).toEqual(want);
  });

  test('refuses sizes, boxes and pixel counts that cannot be', () => {
    const image = noise(4, 4, 1, 1);
    for (const [w, h] of [
      [0, 1],
      [1, -1],
      [1.5, 1],
      [Number.NaN, 1],
    ]) {
      expect(() => resize(image, w, h)).toThrow(RangeError);
    }
    expect(() => resize(image, 2, 2, { box: { left: 3, top: 0, width: 2, height: 1 } })).toThrow(
      /leaves the image/,
    );
    expect(() => resize(image, 2, 2, { box: { left: -1, top: 0, width: 2, height: 1 } })).toThrow(
      /leaves the image/,
    );
    expect(() => resize(image, 2, 2, { box: { left: 0, top: 0.5, width: 2, height: 1 } })).toThrow(
      /leaves the image/,
    );
    const crop = { left: 1, top: 0, width: 2, height: 1 };
    expect(() => resize(image, 2, 2, { crop })).toThrow('box 2 x 1 at (1, 0) leaves the result 2 x 2');
    expect(() => resize({ ...image, width: 5 }, 2, 2)).toThrow(/need 20 bytes, received 16/);
  });
});

test('centreSquare takes the middle, odd pixels right and below', () => {
  expect(centreSquare({ width: 7, height: 4 })).toEqual({ left: 1, top: 0, width: 4, height: 4 });
  expect(centreSquare({ width: 3, height: 8 })).toEqual({ left: 0, top: 2, width: 3, height: 3 });
});

const PILLOW = [
  'c4b7019b283857f18cbcd8fcb4fc835d4a438e462b7e755044f42faa84b3f5d8',
  'fd87998c5aca649f15438c5025b147f5c8b52c9b815cb8b8f95e2b8e00b58973',
  '6031de9c0b6bd66fc6c6adccc7ab4c914e9fac0a5461c999319bcb036d857265',
];

const PILLOW_BICUBIC = [
  '2bc8caed8720e8be916ac048d8a0caf925d5eca6c4ec1e4998814a0913b1a473',
  'f5183ba7973aa7a27561ad15e2e893b005bdbdf134e8b705a1b9513023d52e9f',
  '278b274670ccd25d94f1d2cdc20bfe318bec77400984e47e9c9930479db42806',
  '5eeeafd800c7dbd3f68ed8813db9fbf17ac1e7fbb238ffe997914e87aee49ecd',
];

test('resizes images of many sizes in turn as each by itself', () => {
  const sizes = Array.from({ length: 12 }, (_, i) => [20 + i, 31 - i] as const);
  const images = sizes.map(([width, height], i) => noise(width, height, 3, i));
  const once = images.map((image) => resize(image, 9, 7).data);
  expect(images.map((image) => resize(image, 9, 7).data)).toEqual(once);
  const box = { left: 3, top: 2, width: 10, height: 12 };
  const cut = noise(10, 12, 3, 5);
  const wide = noise(20, 31, 3, 1);
  for (let y = 0; y < 12; y++) {
    wide.data.set(cut.data.subarray(y * 30, (y + 1) * 30), ((y + 2) * 20 + 3) * 3);
  }
  expect(resize(wide, 9, 7, { box }).data).toEqual(resize(cut, 9, 7).data);
});
