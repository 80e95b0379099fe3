// Initialisers: the distributions PyTorch names, by their moments and bounds; layers begin as PyTorch's do.

import { describe, expect, test } from 'vitest';
import { manualSeed, nn, Tensor } from '../../lib/index.js';
import { bits } from '../support/bits.js';

const { init } = nn;
const empty = (...shape: number[]) => new Tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);

function moments({ data }: Tensor): { mean: number; deviation: number; least: number; most: number } {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  const least = data.reduce((a, b) => Math.min(a, b), Infinity);
  const most = data.reduce((a, b) => Math.max(a, b), -Infinity);
  return { mean, deviation: Math.sqrt(variance), least, most };
}

/** fanIn 32 * 9, fanOut 64 * 9 */
const weight = () => empty(64, 32, 3, 3);
const [fanIn, fanOut] = [288, 576];

test.each<[string, (x: Tensor) => Tensor, number]>([
  ['uniform', (x) => init.uniform(x, { a: -1, b: 1, seed: 1 }), 1],
  ['xavierUniform', (x) => init.xavierUniform(x, { gain: 2, seed: 1 }), 2 * Math.sqrt(6 / (fanIn + fanOut))],
  ['kaimingUniform', (x) => init.kaimingUniform(x, { seed: 1 }), Math.sqrt(6 / fanIn)],
  [
    'kaimingUniform of what nn.Conv2d begins as',
    (x) => init.kaimingUniform(x, { a: Math.sqrt(5), seed: 1 }),
    1 / Math.sqrt(fanIn),
  ],
  [
    'kaimingUniform, backwards, before tanh',
    (x) => init.kaimingUniform(x, { mode: 'fanOut', nonlinearity: 'tanh', seed: 1 }),
    (5 / 3) * Math.sqrt(3 / fanOut),
  ],
])('%s fills its bounds evenly', (_, fill, bound) => {
  const { mean, deviation, least, most } = moments(fill(weight()));
  expect(least).toBeGreaterThanOrEqual(-bound * (1 + 1e-7));
  expect(least).toBeLessThan(-bound * 0.999);
  expect(most).toBeLessThanOrEqual(bound * (1 + 1e-7));
  expect(most).toBeGreaterThan(bound * 0.999);
  expect(Math.abs(mean)).toBeLessThan(bound * 0.02);
  expect(deviation / (bound / Math.sqrt(3))).toBeCloseTo(1, 1.7);
});

test.each<[string, (x: Tensor) => Tensor, number, number]>([
  ['normal', (x) => init.normal(x, { mean: 3, std: 0.5, seed: 2 }), 3, 0.5],
  ['xavierNormal', (x) => init.xavierNormal(x, { seed: 2 }), 0, Math.sqrt(2 / (fanIn + fanOut))],
  ['kaimingNormal', (x) => init.kaimingNormal(x, { nonlinearity: 'relu', seed: 2 }), 0, Math.sqrt(2 / fanIn)],
  ['kaimingNormal with a slope', (x) => init.kaimingNormal(x, { a: 1, seed: 2 }), 0, Math.sqrt(1 / fanIn)],
])('%s has its mean and deviation', (_, fill, mean, deviation) => {
  const got = moments(fill(weight()));
  expect(Math.abs(got.mean - mean)).toBeLessThan(deviation * 0.03);
  expect(got.deviation / deviation).toBeCloseTo(1, 1.7);
  expect(got.most).toBeGreaterThan(mean + 3 * deviation);
});

// Mean and deviation of the truncated normal by numerical integration in float64
test.each([
  [{}, 0, 0.8796256610342398],
  [{ a: 0, b: 10 }, 0.797884560824, 0.602810274962],
  [{ a: 5, b: 100 }, 5.186503967501, 0.180821554422],
  [{ mean: 2, std: 0.5, a: -1, b: 1 }, 0.813392315656, 0.169025503223],
  [{ a: -0.01, b: 0.02 }, 0.004999625011, 0.00866012413],
])('truncNormal %j lies under the bell between its bounds', (options, mean, deviation) => {
  const { a, b } = { a: -2, b: 2, ...options };
  const got = moments(init.truncNormal(empty(200_000), { ...options, seed: 3 }));
  expect(got.least).toBeGreaterThanOrEqual(Math.fround(a));
  expect(got.most).toBeLessThanOrEqual(Math.fround(b));
  expect(Math.abs(got.mean - mean)).toBeLessThan(deviation * 0.01);
  expect(got.deviation / deviation).toBeCloseTo(1, 1.9);
});

test.each([
  [[6, 20], 1],
  [[20, 6], 2],
  [[8, 3, 3, 3], 1],
  [[5, 5], 1],
])('orthogonal %j has orthogonal vectors of length %d', (shape, gain) => {
  const { data } = init.orthogonal(empty(...shape), { gain, seed: 4 });
  const rows = shape[0];
  const columns = data.length / rows;
  const byRow = rows <= columns;
  const at = (vector: number, i: number) => (byRow ? data[vector * columns + i] : data[i * columns + vector]);
  const [count, length] = byRow ? [rows, columns] : [columns, rows];
  for (let k = 0; k < count; k++) {
    for (let j = 0; j <= k; j++) {
      let product = 0;
      for (let i = 0; i < length; i++) product += at(k, i) * at(j, i);
      expect(Math.abs(product - (j === k ? gain * gain : 0))).toBeLessThan(1e-6);
    }
  }
});

describe('initialisers', () => {
  test('fill constants', () => {
    expect(init.constant(empty(2), 0.5).toArray()).toEqual([0.5, 0.5]);
    expect(init.ones(init.zeros(empty(2))).toArray()).toEqual([1, 1]);
  });

  test('give the same numbers for the same seed, and go on in manualSeed’s sequence without one', () => {
    const fills: ((x: Tensor, options: nn.init.InitOptions) => Tensor)[] = [
      init.uniform,
      init.normal,
      init.truncNormal,
      init.xavierUniform,
      init.kaimingNormal,
      init.orthogonal,
    ];
    for (const fill of fills) {
      const first = bits(fill(empty(8, 8), { seed: 7 }));
      expect(bits(fill(empty(8, 8), { seed: 7 }))).toEqual(first);
      manualSeed(7);
      expect(bits(fill(empty(8, 8), {}))).toEqual(first);
      expect(bits(fill(empty(8, 8), {}))).not.toEqual(first);
    }
  });

  test('change a layer at its next use, and record nothing', () => {
    const linear = new nn.Linear(2, 1, { bias: false });
    linear.forward(Tensor.ones([1, 2]));
    expect(init.constant(linear.weight, 3)).toBe(linear.weight);
    expect(linear.forward(Tensor.ones([1, 2])).item()).toBe(6);
    expect([linear.weight.isLeaf, linear.weight.requiresGrad]).toEqual([true, true]);
  });

  test('know their gains', () => {
    const gains = (['linear', 'conv2d', 'sigmoid', 'tanh', 'relu', 'leakyRelu', 'selu'] as const).map(
      (name) => init.calculateGain(name),
    );
    expect(gains).toEqual([1, 1, 1, 5 / 3, Math.sqrt(2), Math.sqrt(2 / (1 + 0.01 * 0.01)), 0.75]);
    expect(init.calculateGain('leakyRelu', 0.2)).toBe(Math.sqrt(2 / (1 + 0.2 * 0.2)));
  });

  test.each([
    [
      () => init.kaimingUniform(empty(3)),
      RangeError,
      /can not be computed for tensor with fewer than 2 dimensions/,
    ],
    [() => init.orthogonal(empty(3)), RangeError, /2 or more dimensions/],
    [
      () => Reflect.apply(init.kaimingUniform, null, [empty(3, 3), { mode: 'fan_in' }]),
      RangeError,
      /mode must be one of/,
    ],
    [
      () => Reflect.apply(init.kaimingUniform, null, [empty(3, 3), { gain: 2 }]),
      TypeError,
      /no option 'gain'/,
    ],
    [() => Reflect.apply(init.calculateGain, null, ['swish']), RangeError, /nonlinearity must be one of/],
    [() => init.uniform(empty(3), { a: 2, b: 1 }), RangeError, /from=2 > to=1/],
    [() => init.normal(empty(3), { std: -1 }), RangeError, /std must be/],
    [() => init.truncNormal(empty(3), { a: 1, b: 1 }), RangeError, /a < b/],
    [() => init.uniform(empty(3), { seed: 0.5 }), RangeError, /seed/],
    [() => Reflect.apply(init.constant, null, [[1], 0]), TypeError, /must be a Tensor/],
    [() => Reflect.apply(init.normal, null, [[1]]), TypeError, /must be a Tensor/],
  ])('refuse what cannot be: %#', (call, kind, law) => {
    expect(call).toThrow(kind);
    expect(call).toThrow(law);
  });
});

// PyTorch draws weight and bias of these layers uniformly in ±1 / sqrt(fan), the fan being weight.shape[1] times the window.
test.each<[string, { weight: Tensor; bias: Tensor | null }]>([
  ['Conv2d', new nn.Conv2d(32, 64, 3)],
  ['Conv1d, grouped', new nn.Conv1d(64, 256, 5, { groups: 4 })],
  ['ConvTranspose2d', new nn.ConvTranspose2d(64, 32, 3)],
  ['Linear', new nn.Linear(288, 300)],
])('%s begins as PyTorch’s', (_, { weight, bias }) => {
  const bound = 1 / Math.sqrt(weight.shape.slice(1).reduce((a, b) => a * b, 1));
  for (const { least, most, deviation } of [weight, bias as Tensor].map(moments)) {
    expect(least).toBeGreaterThanOrEqual(-bound);
    expect(most).toBeLessThanOrEqual(bound);
    expect(deviation / (bound / Math.sqrt(3))).toBeCloseTo(1, 0.5);
  }
});
