// A first use that fails leaves a layer waiting as it was: the next one, with a right input or right weights, succeeds.

import { expect, test } from 'vitest';
import { nn, Tensor } from '../../lib/index.js';

const layers = [
  { name: 'Conv2d', make: () => new nn.Conv2d(null, 4, 3), bad: [1, 3, 2, 2], good: [1, 7, 5, 5] },
  {
    name: 'ConvTranspose2d',
    make: () => new nn.ConvTranspose2d(null, 4, 1, { padding: 2 }),
    bad: [1, 3, 2, 2],
    good: [1, 7, 9, 9],
  },
  {
    name: 'DepthwiseSeparableConv2d',
    make: () => new nn.DepthwiseSeparableConv2d(null, 4, 3),
    bad: [1, 3, 2, 2],
    good: [1, 7, 5, 5],
  },
];

test.each(layers)('$name waits on after an image that is too small', ({ make, bad, good }) => {
  const layer = make();
  expect(() => layer.forward(Tensor.zeros(bad))).toThrow(RangeError);
  expect(layer.forward(Tensor.zeros(good)).shape[1]).toBe(4);
});

// A separable layer's second step may be under way already: it keeps the channels of a background call.
test.each(layers.slice(0, 2))('$name waits on in the background too', async ({ make, bad, good }) => {
  const layer = make();
  await expect(layer.forwardAsync(Tensor.zeros(bad))).rejects.toThrow(RangeError);
  expect((await layer.forwardAsync(Tensor.zeros(good))).shape[1]).toBe(4);
});

test('weights that do not fit settle nothing', () => {
  const conv = new nn.Conv2d(null, 4, 3);
  const wrong = { weight: Tensor.zeros([8, 3, 3, 3]), bias: Tensor.zeros([8]) };
  expect(() => conv.loadStateDict(wrong)).toThrow('size mismatch');
  conv.loadStateDict({ weight: Tensor.zeros([4, 5, 3, 3]), bias: Tensor.zeros([4]) });
  expect(conv.inChannels).toBe(5);
});

test('a stack whose weights lack a layer stays as it was', () => {
  const net = new nn.Sequential(new nn.Conv2d(null, 4, 3), new nn.Linear(null, 2));
  const first = { '0.weight': Tensor.zeros([4, 9, 3, 3]), '0.bias': Tensor.zeros([4]) };
  expect(() => net.loadStateDict(first)).toThrow();
  expect(String(net)).toContain('Conv2d(null, 4');
});
