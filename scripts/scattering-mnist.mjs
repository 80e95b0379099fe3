// How well the default features tell handwritten digits apart without training: nearest neighbour (Euclidean) on the
// features of `convkit extract` against nearest neighbour on raw pixels.
//   node scripts/scattering-mnist.mjs [folder with mnist-{train,test}-{images,labels}.npy] [training images] [test images]

import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { imageTensor } from '../dist/extract/preprocess.js';
import { backend, io, models, ops, Tensor } from '../dist/index.js';

const folder = process.argv[2] ?? fileURLToPath(new URL('../../shared/data', import.meta.url));
const missing = await access(join(folder, 'mnist-train-images.npy')).then(
  () => false,
  () => true,
);
if (missing) {
  console.log(`scattering-mnist: skipped, ${folder} holds no mnist-train-images.npy`);
  process.exit(0);
}

const model = new models.Scattering();
const train = await digits('train', Number(process.argv[3] ?? Infinity));
const test = await digits('test', Number(process.argv[4] ?? Infinity));
const percent = (a, b) => `${((100 * wrongOf(nearest(a, b))) / test.labels.length).toFixed(1)} %`.padStart(7);
const errors = (a, b) => `${percent(a, b)} by distance, ${percent(unitRows(a), unitRows(b))} by angle`;
const start = performance.now();
const features = { train: extract(train), test: extract(test) };
const seconds = (performance.now() - start) / 1000;
const { name, isa, threads } = backend.info();
console.log(
  `${train.labels.length} training digits, ${test.labels.length} test digits, ${name} ${isa ?? ''} x ${threads}`,
);
console.log('nearest neighbour wrong');
console.log(`  raw pixels (28 x 28)            ${errors(train.pixels, test.pixels)}`);
console.log(`  default features (${model.featureLength} numbers) ${errors(features.train, features.test)}`);
console.log(`${((1000 * seconds) / (train.labels.length + test.labels.length)).toFixed(2)} ms an image`);

async function digits(split, limit) {
  const images = await io.loadNpy(join(folder, `mnist-${split}-images.npy`));
  const labels = await io.loadNpy(join(folder, `mnist-${split}-labels.npy`));
  const count = Math.min(limit, labels.data.length);
  const pixels = new Tensor(images.data.slice(0, count * 784), [count, 784]);
  return { pixels, labels: labels.data.slice(0, count) };
}

/** The features of every digit, by the same resizing and the same network as the command line's. */
function extract({ pixels, labels }) {
  const rows = [];
  for (let from = 0; from < labels.length; from += 8) {
    const batch = [];
    for (let i = from; i < Math.min(from + 8, labels.length); i++) {
      const data = Uint8Array.from(pixels.data.subarray(i * 784, (i + 1) * 784));
      batch.push(imageTensor({ data, width: 28, height: 28, channels: 1 }, model.inputSize));
    }
    rows.push(model.forward(ops.concat(batch, { dim: 0 })));
  }
  return ops.concat(rows, { dim: 0 });
}

/** For each row of b its nearest row of a: all products at once, as a 1x1 convolution. */
function nearest(a, b) {
  const [count, width] = a.shape;
  const squares = Array.from({ length: count }, (_, i) =>
    a.data.subarray(i * width, (i + 1) * width).reduce((sum, v) => sum + v * v, 0),
  );
  const products = ops.conv2d(b.reshape([-1, width, 1, 1]), a.reshape([count, width, 1, 1]), null).data;
  return Array.from({ length: b.shape[0] }, (_, row) => {
    let best = 0;
    for (let i = 1; i < count; i++) {
      const at = row * count;
      if (squares[i] - 2 * products[at + i] < squares[best] - 2 * products[at + best]) best = i;
    }
    return best;
  });
}

/** The rows divided by their lengths: distances between them order as angles do. */
function unitRows(x) {
  const [count, width] = x.shape;
  const data = x.data.slice();
  for (let i = 0; i < count; i++) {
    const row = data.subarray(i * width, (i + 1) * width);
    const length = Math.sqrt(row.reduce((sum, v) => sum + v * v, 0));
    for (let k = 0; k < width; k++) row[k] /= length;
  }
  return new Tensor(data, [count, width]);
}

function wrongOf(neighbours) {
  return neighbours.filter((i, row) => train.labels[i] !== test.labels[row]).length;
}
