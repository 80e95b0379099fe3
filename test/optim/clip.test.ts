import { beforeEach, describe, expect, test } from 'vitest';
import { optim, Tensor } from '../../lib/index.js';
import { backends, contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';

function withGradient(values: ArrayLike<number>): Tensor {
  const tensor = new Tensor(new Float32Array(values.length), [values.length], { requiresGrad: true });
  tensor.grad = new Tensor(Float32Array.from(values), [values.length]);
  return tensor;
}

describe.each(backends())('$name', ({ use }) => {
  beforeEach(use);

  test('clipGradNorm gives the norm of all gradients, and scales them where it is too long', () => {
    const parameters = [withGradient([3, 0]), withGradient([0, 4, 12]), new Tensor(new Float32Array(2), [2])];
    expect(optim.clipGradNorm(parameters, 20)).toBe(13);
    expect(parameters[1].grad?.toArray()).toEqual([0, 4, 12]);
    expect(optim.clipGradNorm(parameters, 6.5)).toBe(13);
    const norm = optim.clipGradNorm(parameters, 100);
    expect(norm).toBeGreaterThan(6.5 * (1 - 1e-6));
    expect(norm).toBeLessThan(6.5);
    expect(optim.clipGradNorm([], 1)).toBe(0);
  });

  test('clipGradNorm of many elements is near the float64 norm', () => {
    const gradient = Tensor.randn([100_003], { seed: 1 });
    const exact = Math.sqrt(gradient.data.reduce((sum, value) => sum + value * value, 0));
    const got = optim.clipGradNorm(withGradient(gradient.data), 1e9);
    expect(Math.abs(got / exact - 1)).toBeLessThan(1e-6);
  });

  test('clipGradValue bounds each element, and keeps NaN and zeros as they are', () => {
    const parameter = withGradient([3, -3, 0.5, Number.NaN, -0, Infinity]);
    optim.clipGradValue(parameter, 1);
    expect(parameter.grad?.toArray()).toEqual([1, -1, 0.5, Number.NaN, -0, 1]);
  });

  test.each([Number.NaN, Infinity])('clipGradNorm refuses a norm of %d', (value) => {
    expect(() => optim.clipGradNorm(withGradient([1, value]), 1)).toThrow(/so it cannot be clipped/);
  });
});

test('every backend and instruction set clips to the same bits', () => {
  const values = Tensor.randn([30_000], { seed: 2 }).data;
  const runs = contenders().map(({ name, use }) => {
    use();
    const parameter = withGradient(values);
    const norm = optim.clipGradNorm(parameter, 3);
    return { name, norm, bits: bits(parameter.grad as Tensor) };
  });
  for (const run of runs) expect({ ...run, name: '' }, run.name).toEqual({ ...runs[0], name: '' });
});

test.each([
  [[withGradient([1]), -1], RangeError],
  [[withGradient([1]), Number.NaN], RangeError],
  [[withGradient([1]), '1'], TypeError],
  [[5, 1], TypeError],
  [[[5], 1], TypeError],
])('clipping refuses %j', (args, kind) => {
  expect(() => Reflect.apply(optim.clipGradNorm, null, args)).toThrow(kind);
  expect(() => Reflect.apply(optim.clipGradValue, null, args)).toThrow(kind);
});
