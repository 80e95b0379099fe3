// Winograd's minimal filtering as a user asks for it: its own error bounds against float64, the same bits everywhere, and
// filters that follow their weights and the image size.

import { describe, expect, test } from 'vitest';
import { nn, ops, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { sumConv } from '../support/conv64.js';

const U = 2 ** -24;

/** |y - y64| <= KAPPA * u * sum over channels of max |x over the tile| * max |w|. The worst of these layers: 1.4 with 2x2, 7.8 with 4x4. */
const KAPPA = 16;

/** Channels and size of an image, and the tile that it is computed with. */
const LAYERS = [
  { channels: 16, size: 30, tile: 4 },
  { channels: 48, size: 14, tile: 4 },
  { channels: 64, size: 7, tile: 4 },
  { channels: 384, size: 12, tile: 4 },
  { channels: 400, size: 12, tile: 2 },
];

/** Unit variance, He-scaled weights of few output channels: each output channel is computed alone. */
function layer(channels: number, size: number) {
  const x = Tensor.randn([1, channels, size, size], { seed: channels });
  const scale = Math.sqrt(2 / (9 * channels));
  const weight = Tensor.randn([4, channels, 3, 3], { seed: size });
  weight.data.forEach((value, i) => {
    weight.data[i] = value * scale;
  });
  return { x, weight };
}

describe.each(contenders())('winograd on $name', ({ use }) => {
  test.each(LAYERS)('$channels channels at $size: error within its bounds', ({ channels, size, tile }) => {
    use();
    const { x, weight } = layer(channels, size);
    const bias = Tensor.randn([4], { seed: 3 });
    const y = ops.conv2d(x, weight, bias, { padding: 1, algorithm: 'winograd' });
    const { sums } = sumConv(x, weight, bias, { padding: 1 }, y.shape, (product) => product);
    let squares = 0;
    let errors = 0;
    const [input, filters] = [x.data, weight.data];
    const maxWeight = (k: number, c: number) =>
      Math.max(...filters.subarray((k * channels + c) * 9, (k * channels + c) * 9 + 9).map(Math.abs));
    const weights = Array.from({ length: 4 }, (_, k) =>
      Array.from({ length: channels }, (_, c) => maxWeight(k, c)),
    );
    y.data.forEach((value, i) => {
      squares += sums[i] ** 2;
      errors += (value - sums[i]) ** 2;
      const k = Math.floor(i / (size * size));
      const [top, left] = [Math.floor(i / size) % size, i % size].map((o) => Math.floor(o / tile) * tile - 1);
      let bound = Math.abs(bias.data[k]);
      for (let c = 0; c < channels; c++) {
        let most = 0;
        for (let h = Math.max(0, top); h < Math.min(size, top + tile + 2); h++)
          for (let w = Math.max(0, left); w < Math.min(size, left + tile + 2); w++)
            most = Math.max(most, Math.abs(input[(c * size + h) * size + w]));
        bound += most * weights[k][c];
      }
      expect(Math.abs(value - sums[i])).toBeLessThanOrEqual(KAPPA * U * bound);
    });
    expect(Math.sqrt(errors / squares)).toBeLessThan(2e-6);
  });
});

test('every backend and instruction set gives the same bits, in any batch', () => {
  const x = Tensor.randn([3, 20, 17, 23], { seed: 1 });
  const conv = new nn.Conv2d(20, 37, 3, { padding: 'same', algorithm: 'winograd', activation: 'silu' });
  const answers = contenders().map(({ use }) => {
    use();
    return bits(conv.forward(x));
  });
  for (const answer of answers) expect(answer).toEqual(answers[0]);
  const image = x.data.length / 3;
  const second = new Tensor(x.data.slice(image, 2 * image), [1, 20, 17, 23]);
  const one = bits(conv.forward(second));
  expect(answers[0].slice(one.length, 2 * one.length)).toEqual(one);
});

test('image sizes may need different tiles, and a changed weight is seen by all of them', () => {
  const conv = new nn.Conv2d(64, 8, 3, { padding: 1, algorithm: 'winograd', bias: false });
  const images = [Tensor.randn([1, 64, 32, 32], { seed: 1 }), Tensor.randn([1, 64, 6, 6], { seed: 2 })];
  const before = images.map((image) => conv.forward(image).data.slice());
  images.forEach((image, i) => {
    expect(conv.forward(image).data).toEqual(before[i]);
  });
  conv.weight.data.fill(0);
  for (const image of images) expect(conv.forward(image).data.every((value) => value === 0)).toBe(true);
});

test("'auto' sums directly", () => {
  const { x, weight } = layer(64, 28);
  expect(bits(ops.conv2d(x, weight, null, { padding: 1 }))).toEqual(
    bits(ops.conv2d(x, weight, null, { padding: 1, algorithm: 'direct' })),
  );
});

test.each([
  [() => new nn.Conv2d(8, 8, 5, { algorithm: 'winograd' }), 'kernel 5x5'],
  [() => new nn.Conv2d(8, 8, 3, { algorithm: 'winograd', groups: 8 }), 'groups=8'],
  [() => new nn.Conv2d(8, 8, 3, { algorithm: 'winograd', stride: 2 }), 'stride 2x2'],
  [() => new nn.ConvTranspose2d(8, 8, 3, { algorithm: 'winograd' }), 'transposed'],
])('a layer it does not serve is refused at construction', (make, words) => {
  expect(make).toThrow(RangeError);
  expect(make).toThrow(words);
});
