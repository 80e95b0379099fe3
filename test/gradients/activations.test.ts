// The gradient of every activation: PyTorch's answers, finite differences, both layouts, both ways of running.

import { describe, expect, test } from 'vitest';
import { nn, ops, Tensor } from '../../lib/index.js';
import type { Module } from '../../lib/nn/module.js';
import { backends, contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { gradcheck } from '../support/gradcheck.js';
import { vectorCases } from '../support/vectors.js';

const UNIT = 2 ** -24;

type Params = Record<string, unknown>;

/** By PyTorch's name: the function, and the layer. */
const activations: Record<string, [(x: Tensor, params: Params) => Tensor, (params: Params) => Module]> = {
  relu: [ops.relu, () => new nn.ReLU()],
  relu6: [ops.relu6, () => new nn.ReLU6()],
  leaky_relu: [ops.leakyRelu, (params) => new nn.LeakyReLU(params)],
  elu: [ops.elu, (params) => new nn.ELU(params)],
  sigmoid: [ops.sigmoid, () => new nn.Sigmoid()],
  tanh: [ops.tanh, () => new nn.Tanh()],
  silu: [ops.silu, () => new nn.SiLU()],
  gelu: [ops.gelu, () => new nn.GELU()],
  hardswish: [ops.hardswish, () => new nn.Hardswish()],
  hardsigmoid: [ops.hardsigmoid, () => new nn.Hardsigmoid()],
  softplus: [ops.softplus, (params) => new nn.Softplus(params)],
};

describe.each(contenders())('$name', (contender) => {
  for (const [op, [activation, layer]] of Object.entries(activations)) {
    test.each(vectorCases('pointwise', op))(
      `${op} $name and its gradient are within a few units in the last place of PyTorch's`,
      async (one) => {
        contender.use();
        const x = one.tensor('x');
        x.requiresGrad = true;
        const y = activation(x, one.params);
        const near = (got: Tensor | null, wanted: Tensor, units: number, least: (i: number) => number) => {
          if (got === null) throw new Error('no gradient');
          wanted.data.forEach((value, i) => {
            const size = Math.max(Math.abs(value), least(i));
            expect(Math.abs(got.data[i] - value)).toBeLessThanOrEqual(units * UNIT * size);
          });
        };
        near(y, one.tensor('y'), 8, (i) => Math.min(1, Math.abs(x.detach().data[i])));
        const upstream = one.tensor('grad_y');
        y.backward(upstream);
        near(x.grad, one.tensor('grad_x'), 16, (i) => Math.abs(upstream.data[i]) / 8);

        // As a layer, off the event loop, on the other layout: the same bits
        const other = one.tensor('x').reshape([1, 1, -1, 1]).channelsLast();
        other.requiresGrad = true;
        const z = await layer(one.params).forwardAsync(other);
        expect(bits(z)).toEqual(bits(y));
        z.backward(one.tensor('grad_y').reshape(z.shape));
        if (other.grad === null || x.grad === null) throw new Error('no gradient');
        expect(bits(other.grad)).toEqual(bits(x.grad));
      },
    );
  }

  test('no gradient at all passes an empty tensor', () => {
    contender.use();
    const x = new Tensor(new Float32Array(0), [0, 3], { requiresGrad: true });
    ops.gelu(x).backward(Tensor.zeros([0, 3]));
    expect(x.grad?.shape).toEqual([0, 3]);
  });
});

const logistic = (x: number) => 1 / (1 + Math.exp(-x));
/** A series of positive terms: e^(-x^2) times the sum of 2^n x^(2n + 1) / (1 * 3 * ... * (2n + 1)). */
const erf = (x: number) => {
  let term = x;
  let sum = x;
  for (let n = 1; n < 400; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
};

const truths: [string, (x: Tensor) => Tensor, (x: number) => number][] = [
  ['sigmoid', ops.sigmoid, logistic],
  ['tanh', ops.tanh, Math.tanh],
  ['silu', ops.silu, (x) => x * logistic(x)],
  ['gelu', ops.gelu, (x) => (x * (1 + erf(x / Math.SQRT2))) / 2],
  ['hardswish', ops.hardswish, (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6],
  ['hardsigmoid', ops.hardsigmoid, (x) => Math.min(Math.max(x + 3, 0), 6) / 6],
  ['relu', ops.relu, (x) => Math.max(x, 0)],
  ['relu6', ops.relu6, (x) => Math.min(Math.max(x, 0), 6)],
  [
    'leakyRelu of a positive slope',
    (x) => ops.leakyRelu(x, { negativeSlope: 0.25 }),
    (x) => (x > 0 ? x : x / 4),
  ],
  [
    'leakyRelu of a negative slope',
    (x) => ops.leakyRelu(x, { negativeSlope: -0.5 }),
    (x) => (x > 0 ? x : -x / 2),
  ],
  ['elu', (x) => ops.elu(x, { alpha: 0.7 }), (x) => (x > 0 ? x : Math.fround(0.7) * Math.expm1(x))],
  [
    'softplus',
    (x) => ops.softplus(x, { beta: 2, threshold: 5 }),
    (x) => (2 * x > 5 ? x : Math.log1p(Math.exp(2 * x)) / 2),
  ],
];

describe.each(backends())('$name', (contender) => {
  test.each(truths)('%s passes gradcheck', (_, forward, truth) => {
    contender.use();
    for (const seed of [1, 2, 3]) {
      const x = Tensor.randn([3, 4, 5, 7], { seed });
      x.data.forEach((value, i, data) => {
        data[i] = value * 3;
      });
      gradcheck({ inputs: [x], forward, truth: (v) => v.map(truth), seed });
      gradcheck({ inputs: [x.channelsLast()], forward, truth: (v) => v.map(truth), seed });
    }
  });
});

test('parameters of activations are checked', () => {
  const x = Tensor.zeros([1]);
  expect(() => ops.elu(x, { alpha: Number.NaN })).toThrow('elu: alpha must be finite, but got alpha=NaN');
  expect(() => Reflect.apply(ops.elu, null, [x, { alpha: '1' }])).toThrow(TypeError);
  expect(() => ops.softplus(x, { beta: 0 })).toThrow('softplus: beta must be positive, but got beta=0');
  expect(() => Reflect.apply(ops.softplus, null, [x, { slope: 0 }])).toThrow(/there is no option 'slope'/);
  expect(String(new nn.ELU({ alpha: 0.1 }))).toBe('ELU(alpha=0.1)');
  expect(String(new nn.Softplus({ beta: 2 }))).toBe('Softplus(beta=2, threshold=20)');
  expect(String(new nn.Hardsigmoid())).toBe('Hardsigmoid()');
});
