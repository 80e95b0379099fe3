// Handwritten digits from files: NumPy's .npy, or the IDX files that MNIST is published as, gzipped or not.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { io, Tensor } from 'convkit';

export const SIDE = 28;

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** Where digits are looked for when no folder is named. */
export const DEFAULT_FOLDER = join(HERE, '..', '..', '..', 'shared', 'data');

export const HOW_TO_GET = `MNIST is four files, 11 MB in all:
  https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz
  https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz
  https://ossci-datasets.s3.amazonaws.com/mnist/t10k-images-idx3-ubyte.gz
  https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz
Put them into a folder as they are, and name it: --data FOLDER. The same numbers as NumPy arrays (uint8, [N, 28, 28] and [N])
in mnist-train-images.npy, mnist-train-labels.npy, mnist-test-images.npy and mnist-test-labels.npy are taken too, there or
each by its own option (--train-images FILE, ...).`;

const NAMES = {
  'train-images': ['mnist-train-images.npy', 'train-images-idx3-ubyte', 'train-images-idx3-ubyte.gz'],
  'train-labels': ['mnist-train-labels.npy', 'train-labels-idx1-ubyte', 'train-labels-idx1-ubyte.gz'],
  'test-images': ['mnist-test-images.npy', 't10k-images-idx3-ubyte', 't10k-images-idx3-ubyte.gz'],
  'test-labels': ['mnist-test-labels.npy', 't10k-labels-idx1-ubyte', 't10k-labels-idx1-ubyte.gz'],
};

/** The four files: those named one by one, else the first there is in the folder. null where one is missing. */
export function findFiles(folder, named) {
  const files = {};
  for (const [role, candidates] of Object.entries(NAMES)) {
    const paths = named[role] === undefined ? candidates.map((name) => join(folder, name)) : [named[role]];
    const found = paths.find((path) => existsSync(path));
    if (found === undefined) return null;
    files[role] = found;
  }
  return files;
}

/** Images as pixels from 0 to 1, one after the other, and what they show. */
export async function loadDigits(imagesPath, labelsPath, most) {
  const images = await loadArray(imagesPath);
  const labels = await loadArray(labelsPath);
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3 || height !== SIDE || width !== SIDE) {
    throw new RangeError(`${imagesPath} holds [${images.shape}], not digits of ${SIDE} x ${SIDE} pixels`);
  }
  if (labels.data.length !== count) {
    throw new RangeError(`${labelsPath} holds ${labels.data.length} labels for ${count} digits`);
  }
  const kept = Math.min(most, count);
  const pixels = images.data.slice(0, kept * SIDE * SIDE).map((value) => value / 255);
  return { count: kept, pixels, labels: Int32Array.from(labels.data.subarray(0, kept)) };
}

async function loadArray(path) {
  if (path.endsWith('.npy')) return io.loadNpy(path);
  const file = readFileSync(path);
  const bytes = path.endsWith('.gz') ? gunzipSync(file, { maxOutputLength: 2 ** 28 }) : file;
  // IDX: two zeros, 8 for unsigned bytes, the number of dimensions, then their sizes as big-endian integers
  const dimensions = bytes[3];
  if (bytes.readUInt16BE(0) !== 0 || bytes[2] !== 8) throw new RangeError(`${path} is no IDX file of bytes`);
  const shape = Array.from({ length: dimensions }, (_, i) => bytes.readUInt32BE(4 + 4 * i));
  return new Tensor(Float32Array.from(bytes.subarray(4 + 4 * dimensions)), shape);
}

// Of the pixels of the training digits
const MEAN = 0.1307;
const DEVIATION = 0.3081;
const normalised = (pixel) => (pixel - MEAN) / DEVIATION;

/** Digits as the network takes them, [N, 1, 28, 28], in the given order. */
export function batchOf({ pixels, labels }, indices) {
  const size = SIDE * SIDE;
  const x = new Float32Array(indices.length * size);
  indices.forEach((index, i) => {
    for (let k = 0; k < size; k++) x[i * size + k] = normalised(pixels[index * size + k]);
  });
  return { x: new Tensor(x, [indices.length, 1, SIDE, SIDE]), target: labels_(labels, indices) };
}

const labels_ = (labels, indices) => Int32Array.from(indices, (index) => labels[index]);

/**
 * The same, each digit a little turned, sized and moved, as `Tensor.rand` has it: 4 numbers a digit. Only + - * / are used,
 * which every machine rounds alike.
 */
export function variedBatchOf({ pixels, labels }, indices) {
  const size = SIDE * SIDE;
  const draws = Tensor.rand([indices.length, 4]).data;
  const x = new Float32Array(indices.length * size);
  indices.forEach((index, i) => {
    const [turn, scale, down, right] = [0, 1, 2, 3].map((k) => 2 * draws[4 * i + k] - 1);
    // The tangent of half the angle, up to 7 degrees, gives sine and cosine without either function.
    const t = 0.06 * turn;
    const zoom = 1 + 0.1 * scale;
    const cosine = (1 - t * t) / (1 + t * t) / zoom;
    const sine = (2 * t) / (1 + t * t) / zoom;
    const centre = (SIDE - 1) / 2;
    for (let row = 0; row < SIDE; row++) {
      for (let column = 0; column < SIDE; column++) {
        const [v, u] = [row - centre, column - centre];
        const fromRow = cosine * v + sine * u + centre + 1.5 * down;
        const fromColumn = cosine * u - sine * v + centre + 1.5 * right;
        x[i * size + row * SIDE + column] = normalised(between(pixels, index * size, fromRow, fromColumn));
      }
    }
  });
  return { x: new Tensor(x, [indices.length, 1, SIDE, SIDE]), target: labels_(labels, indices) };
}

/** The image between its pixels: bilinear, black outside. */
function between(pixels, start, row, column) {
  const [top, left] = [Math.floor(row), Math.floor(column)];
  const [down, right] = [row - top, column - left];
  const at = (r, c) => (r < 0 || c < 0 || r >= SIDE || c >= SIDE ? 0 : pixels[start + r * SIDE + c]);
  const above = at(top, left) * (1 - right) + at(top, left + 1) * right;
  const below = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right;
  return above * (1 - down) + below * down;
}

/** The numbers below `count` in a random order, by their seed alone. */
export function shuffled(count, seed) {
  const keys = Tensor.rand([count], { seed }).data;
  return Array.from({ length: count }, (_, i) => i).sort((a, b) => keys[a] - keys[b] || a - b);
}
