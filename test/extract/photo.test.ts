// Photos are prepared as torchvision prepares PIL images, bit for bit (scripts/photo-vectors.py).

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { normalisation, placement, toRgb } from '../../lib/extract/photo.js';
import { type Preset, presetFor } from '../../lib/extract/presets.js';
import { littleEndianBytes } from '../../lib/io/npy-rows.js';
import { uniform } from '../support/hashed.js';
import { photoValues } from '../support/photo.js';

interface Case {
  readonly width: number;
  readonly height: number;
  readonly preset: Preset;
  readonly sha256: string;
}
const cases = JSON.parse(
  readFileSync(new URL('../vectors/photos.json', import.meta.url), 'utf8'),
) as readonly Case[];

const pixels = (count: number): Uint8Array =>
  Uint8Array.from(uniform(count, 0), (value) => Math.floor((value + 1) * 128));

test.each(cases.map((one) => [one.width, one.height, one.preset.interpolation, one] as const))(
  '%i x %i, %s: the numbers of torchvision',
  (width, height, _, { preset, sha256 }) => {
    const image = { data: pixels(width * height * 3), width, height, channels: 3 };
    const values = photoValues(image, preset, normalisation(preset));
    expect(values.length).toBe(3 * preset.crop ** 2);
    expect(createHash('sha256').update(littleEndianBytes(values)).digest('hex')).toBe(sha256);
  },
);

test('halves of pixels round to even, as in Python', () => {
  expect(placement({ width: 301, height: 256 }, { resize: 256, crop: 224 }).crop.left).toBe(38); // 38.5
  expect(placement({ width: 303, height: 256 }, { resize: 256, crop: 224 }).crop.left).toBe(40); // 39.5
  expect(placement({ width: 256, height: 301 }, { resize: 256, crop: 224 }).crop.top).toBe(38);
});

test('grey becomes three channels, and transparency is dropped', () => {
  const rgb = (data: number[], channels: number) => [
    ...toRgb({ data: Uint8Array.from(data), width: 2, height: 1, channels }).data,
  ];
  expect(rgb([1, 2], 1)).toEqual([1, 1, 1, 2, 2, 2]);
  expect(rgb([1, 9, 2, 9], 2)).toEqual([1, 1, 1, 2, 2, 2]);
  expect(rgb([1, 2, 3, 9, 4, 5, 6, 9], 4)).toEqual([1, 2, 3, 4, 5, 6]);
});

test('presets go by the architecture, the weights and what is asked for', () => {
  expect(presetFor('resnet50', undefined, 'resnet50-0676ba61.pth')).toMatchObject({
    name: 'torchvision-v1',
    preset: { resize: 256, crop: 224, interpolation: 'bilinear' },
  });
  expect(presetFor('resnet50', undefined, 'resnet50-11ad3fa6.pth')).toMatchObject({
    name: 'torchvision-v2',
    preset: { resize: 232 },
  });
  expect(presetFor('wideResnet50_2', 'torchvision-v2', undefined)).toMatchObject({ preset: { resize: 232 } });
  expect(presetFor('wide_resnet50_2', 'timm', undefined)).toMatchObject({
    preset: { resize: 256, interpolation: 'bicubic' },
  });
  expect(presetFor('mobilenet_v1', undefined, undefined)).toMatchObject({
    name: 'timm',
    preset: { mean: [0.5, 0.5, 0.5] },
  });
  expect(presetFor('lenet5', undefined, undefined)).toBeNull();
  expect(() => presetFor('vgg16', 'torchvision-v2', undefined)).toThrow(
    'extract: vgg16 has no published weights of preset torchvision-v2; it has torchvision-v1, timm',
  );
});
