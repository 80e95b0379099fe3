// Winograd's minimal filtering as a user meets it: its own error bounds against float64, the same bits everywhere, and
// filters that follow their weights and the image size.

import { describe, expect, test, vi } from 'vitest';
import { active } from '../../lib/backend/index.js';
import { backend, nn, ops, Tensor } from '../../lib/index.js';
import { Conv2D } from '../../lib/keras.js';
import { algorithmOf } from '../support/algorithm.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { sumConv } from '../support/conv64.js';
import { KAPPA, tileSums } from '../support/winograd-bound.js';

const U = 2 ** -24;
const memory = new Float32Array(8 * 16 * 9);

/** Channels, size of an image, the tile that it is computed with, and the relative root mean square error it may have. */
const LAYERS = [
  { channels: 16, size: 30, tile: 4, rms: 6e-7 },
  { channels: 48, size: 16, tile: 4, rms: 9e-7 },
  { channels: 64, size: 8, tile: 4, rms: 1e-6 },
  { channels: 256, size: 12, tile: 4, rms: 1.8e-6 },
  { channels: 600, size: 16, tile: 4, rms: 1.8e-6 },
  { channels: 1, size: 6, tile: 2, rms: 2e-7 },
  { channels: 128, size: 6, tile: 2, rms: 4.5e-7 },
  { channels: 600, size: 6, tile: 2, rms: 6.5e-7 },
] as const;

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
  test.each(LAYERS)(
    '$channels channels at $size: error within its bounds',
    ({ channels, size, tile, rms }) => {
      use();
      const { x, weight } = layer(channels, size);
      const bias = Tensor.randn([4], { seed: 3 });
      const y = ops.conv2d(x, weight, bias, { padding: 1, algorithm: 'winograd' });
      expect(algorithmOf(() => ops.conv2d(x, weight, bias, { padding: 1, algorithm: 'winograd' }))).toBe(
        `winograd${tile}`,
      );
      const { sums } = sumConv(x, weight, bias, { padding: 1 }, y.shape, (product) => product);
      const bound = tileSums(x, weight, bias, { padding: 1 }, y.shape, tile);
      let squares = 0;
      let errors = 0;
      y.data.forEach((value, i) => {
        squares += sums[i] ** 2;
        errors += (value - sums[i]) ** 2;
        expect(Math.abs(value - sums[i])).toBeLessThanOrEqual(KAPPA * U * bound[i]);
      });
      expect(Math.sqrt(errors / squares)).toBeLessThan(rms);
    },
  );
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

test.each<[string, (weight: Tensor, conv: nn.Conv2d) => void]>([
  ['.data', (weight) => weight.data.fill(0)],
  [
    'markChanged',
    (weight) => {
      memory.fill(0);
      weight.markChanged();
    },
  ],
  ['loadStateDict', (_, conv) => conv.loadStateDict({ weight: Tensor.zeros([8, 16, 3, 3]) })],
])('a weight that changed by %s is transformed anew, and otherwise once', (_, change) => {
  backend.use('reference');
  const pack = vi.spyOn(active(), 'packFilter');
  const conv = new nn.Conv2d(16, 8, 3, { algorithm: 'winograd', bias: false });
  memory.set(conv.weight.data);
  conv.weight = new Tensor(memory, [8, 16, 3, 3]);
  const x = Tensor.randn([1, 16, 9, 9], { seed: 1 });
  for (let call = 0; call < 3; call++) expect(conv.forward(x).data.some((value) => value !== 0)).toBe(true);
  expect(pack).toHaveBeenCalledTimes(1);
  change(conv.weight, conv);
  for (let call = 0; call < 3; call++) expect(conv.forward(x).data.every((value) => value === 0)).toBe(true);
  expect(pack).toHaveBeenCalledTimes(2);
  pack.mockRestore();
});

test.each([
  [() => new nn.Conv2d(8, 8, 5, { algorithm: 'winograd' }), 'kernel 5x5'],
  [() => new nn.Conv2d(8, 8, 3, { algorithm: 'winograd', groups: 8 }), 'groups=8'],
  [() => new nn.Conv2d(8, 8, 3, { algorithm: 'winograd', stride: 2 }), 'stride 2x2'],
  [() => new nn.ConvTranspose2d(8, 8, 3, { algorithm: 'winograd' }), 'transposed'],
  [() => new nn.Conv3d(8, 8, [1, 3, 3], { algorithm: 'winograd', padding: 1 }), '2 planes of padding'],
  [() => new nn.Conv3d(8, 8, 3, { algorithm: 'winograd' }), 'kernel 3x3x3'],
  [() => new nn.DepthwiseSeparableConv2d(8, 8, 3, { algorithm: 'winograd' }), 'groups=8'],
  [() => new Conv2D({ filters: 8, kernelSize: 5, algorithm: 'winograd' }), 'Conv2D: algorithm'],
])('a layer it does not serve is refused at construction', (make, words) => {
  expect(make).toThrow(RangeError);
  expect(make).toThrow(words);
});
