import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { scatteringFeatures } from '../../lib/extract/features.js';
import { extractFeatures } from '../../lib/extract/job.js';
import { listImages } from '../../lib/extract/listing.js';
import { imageValues } from '../../lib/extract/preprocess.js';
import { decodeImage } from '../../lib/image/decode.js';
import { toGrey } from '../../lib/image/grey.js';
import { type Pixels, resize } from '../../lib/image/resize.js';
import { loadNpy } from '../../lib/io/npy.js';
import { Scattering } from '../../lib/models/scattering.js';
import { Tensor } from '../../lib/tensor/tensor.js';

const distance = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]) * (value - b[i]), 0));

function nearest(rows: readonly Float32Array[], i: number): number {
  const distances = rows.map((row, j) => (j === i ? Number.POSITIVE_INFINITY : distance(row, rows[i])));
  return distances.indexOf(Math.min(...distances));
}

test('every example image that has a near-duplicate finds it first', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'convkit-similarity-'));
  const { files } = await listImages([fileURLToPath(new URL('../../examples/images', import.meta.url))]);
  const output = join(folder, 'f.npy');
  const job = { files, missing: [], output, outputName: 'f.npy', format: 'npy', manifest: null } as const;
  const limits = { batch: 4, decoders: 2, maxPixels: 1e6, onFailure: () => {}, onProgress: () => {} };
  const alone = { about: {}, resumable: false, finished: null, retryFailed: false };
  const { rows } = await extractFeatures({
    ...job,
    ...limits,
    ...alone,
    model: scatteringFeatures(new Scattering()),
  });
  expect(rows).toBe(14);
  const { data } = await loadNpy(output);
  await rm(folder, { recursive: true });
  const features = files.map((_, i) => data.subarray(i * 3216, (i + 1) * 3216));
  const subjects = files.map((file) => basename(file).split(/[-.]/)[0]);
  const paired = subjects.filter((subject) => subjects.indexOf(subject) !== subjects.lastIndexOf(subject));
  expect(paired).toHaveLength(12);
  for (const [i, subject] of subjects.entries()) {
    if (paired.includes(subject))
      expect(`${subject} ${subjects[nearest(features, i)]}`).toBe(`${subject} ${subject}`);
  }
});

const photos = fileURLToPath(new URL('../../../shared/data/images/', import.meta.url));
const absent = await access(join(photos, 'brick.png')).then(
  () => false,
  () => true,
);
const because = absent ? ` (skipped: no images in ${photos})` : '';

const model = new Scattering();
const featuresOf = (pixels: Pixels): Float32Array =>
  model.forward(new Tensor(imageValues(pixels, 128), [1, 1, 128, 128])).data;

function cut({ data, width }: Pixels, left: number, top: number, side: number): Pixels {
  const out = new Uint8Array(side * side);
  for (let y = 0; y < side; y++) {
    const from = (top + y) * width + left;
    out.set(data.subarray(from, from + side), y * side);
  }
  return { data: out, width: side, height: side, channels: 1 };
}

test.skipIf(absent)(`crops of one photographed texture are nearest to one another${because}`, async () => {
  const rows: Float32Array[] = [];
  const textures: string[] = [];
  for (const texture of ['brick', 'grass', 'gravel']) {
    const photo = toGrey(await decodeImage(join(photos, `${texture}.png`)));
    for (const [left, top] of [
      [0, 0],
      [300, 40],
      [150, 170],
      [20, 310],
      [310, 320],
    ]) {
      rows.push(featuresOf(cut(photo, left, top, 192)));
      textures.push(texture);
    }
  }
  for (const [i, texture] of textures.entries()) expect(textures[nearest(rows, i)]).toBe(texture);
});

test.skipIf(absent)(`a shifted, noisy or resized photo is nearest to its original${because}`, async () => {
  const names = [
    'astronaut.png',
    'camera.png',
    'chelsea.png',
    'coffee.png',
    'coins.png',
    'moon.png',
    'rocket.jpg',
    'page.png',
  ];
  const photographs = await Promise.all(
    names.map(async (name) => toGrey(await decodeImage(join(photos, name)))),
  );
  const originals = photographs.map(featuresOf);
  const variants: ((photo: Pixels) => Pixels)[] = [
    (photo) => {
      const side = Math.floor(Math.min(photo.width, photo.height) * 0.95);
      return cut(photo, photo.width - side, photo.height - side, side);
    },
    (photo) => ({
      ...photo,
      data: photo.data.map((value, i) => Math.min(255, Math.max(0, value + ((i * 7919) % 41) - 20))),
    }),
    (photo) => resize(photo, Math.round(photo.width * 0.6), Math.round(photo.height * 0.6)),
  ];
  for (const [v, vary] of variants.entries()) {
    for (const [i, photo] of photographs.entries()) {
      const row = featuresOf(vary(photo));
      const distances = originals.map((original) => distance(original, row));
      expect(`${v} ${names[distances.indexOf(Math.min(...distances))]}`).toBe(`${v} ${names[i]}`);
    }
  }
});
