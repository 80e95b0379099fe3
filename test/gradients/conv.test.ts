// Gradients of convolutions with random options against float64 differences, and what holds at their edges.

import { describe, expect, test } from 'vitest';
import { backend, nn, noGrad, ops, Tensor } from '../../lib/index.js';
import type { ActivationName } from '../../lib/ops/activation.js';
import { backends, contenders } from '../support/backends.js';
import { bits, wholeNumbers } from '../support/bits.js';
import { eachProduct, eachTransposedProduct } from '../support/conv64.js';
import { gradcheck } from '../support/gradcheck.js';
import { Random } from '../support/random.js';

const convolutions = [ops.conv1d, ops.conv2d, ops.conv3d];
const transposed = [ops.convTranspose1d, ops.convTranspose2d, ops.convTranspose3d];

interface Layer {
  readonly rank: number;
  readonly transposed: boolean;
  readonly params: Record<string, unknown>;
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  run(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor;
}

/** Draws until the layer has an output. */
function drawLayer(seed: number): Layer {
  const random = new Random(seed);
  for (;;) {
    const rank = random.of([1, 2, 2, 2, 3]);
    const each = (draw: () => unknown) => Array.from({ length: rank }, draw);
    const upwards = random.once(3);
    const groups = random.of([1, 1, 2, 3, 8]);
    const depthwise = random.once(3);
    const inputs = depthwise ? 1 : random.between(1, 4);
    const outputs = depthwise && random.once(2) ? 1 : random.between(1, 4);
    const stride = each(() => random.between(1, 3)) as number[];
    const dilation = each(() => random.between(1, 2)) as number[];
    const paddingMode = upwards ? 'zeros' : random.of(['zeros', 'zeros', 'reflect', 'replicate', 'circular']);
    const numbers = each(() => random.between(0, 2));
    const pairs = each(() => [random.between(0, 2), random.between(0, 2)]);
    const words = ['same', 'same-lower', 'valid', ...(rank === 1 ? ['causal'] : [])];
    const padding = upwards ? numbers : random.of([numbers, pairs, pairs, random.of(words)]);
    const outputPadding = stride.map((one, i) => random.between(0, Math.max(one, dilation[i]) - 1));
    const params: Record<string, unknown> = {
      ...{ stride, dilation, groups, padding },
      ...(upwards ? { outputPadding } : { paddingMode }),
    };
    const size = each(() => random.between(2, rank === 3 ? 4 : 8)) as number[];
    const kernel = each(() => random.between(1, 3)) as number[];
    const x = Tensor.randn([random.between(1, 3), inputs * groups, ...size], { seed });
    const shape = upwards ? [inputs * groups, outputs, ...kernel] : [outputs * groups, inputs, ...kernel];
    const weight = Tensor.randn(shape, { seed: seed + 1 });
    const bias = random.once(3) ? null : Tensor.randn([outputs * groups], { seed: seed + 2 });
    const operation = (upwards ? transposed : convolutions)[rank - 1];
    const layer = { rank, transposed: upwards, params, x, weight, bias };
    try {
      noGrad(() => operation(x, weight, bias, params));
    } catch {
      continue;
    }
    return { ...layer, run: (a, b, c) => operation(a, b, c, params) };
  }
}

/** The layer in float64. */
const truthOf =
  ({ transposed: upwards, params, x, weight, bias }: Layer, shape: readonly number[]) =>
  (input: Float64Array, filters: Float64Array, added?: Float64Array): Float64Array => {
    const perChannel = shape.slice(2).reduce((product, size) => product * size, 1);
    const y = new Float64Array(shape[0] * shape[1] * perChannel);
    if (bias !== null && added !== undefined)
      y.forEach((_, i) => {
        y[i] = added[Math.floor(i / perChannel) % shape[1]];
      });
    const each = upwards ? eachTransposedProduct : eachProduct;
    each(x.shape, weight.shape, shape, params, (i, w, o) => {
      y[o] += input[i] * filters[w];
    });
    return y;
  };

const seeds = Array.from({ length: 60 }, (_, i) => 1000 + 17 * i);

describe.each(backends())('$name', (contender) => {
  test.each(seeds)('layer %i has the gradients that differences say', (seed) => {
    contender.use();
    const layer = drawLayer(seed);
    const { x, weight, bias } = layer;
    const { shape } = noGrad(() => layer.run(x, weight, bias));
    const laidOut = seed % 2 === 0 && layer.rank > 1 ? x.channelsLast() : x;
    gradcheck({
      name: JSON.stringify({ ...layer.params, x: x.shape, weight: weight.shape, rank: layer.rank }),
      inputs: bias === null ? [laidOut, weight] : [laidOut, weight, bias],
      forward: (a, b, c) => layer.run(a, b, c ?? null),
      truth: truthOf(layer, shape),
      seed,
    });
  });

  test('an empty batch gives zeros', () => {
    contender.use();
    for (const run of [ops.conv2d, ops.convTranspose2d]) {
      const x = Tensor.zeros([0, 3, 5, 5]);
      const weight = Tensor.ones([3, 3, 2, 2]);
      const bias = Tensor.ones([3]);
      for (const leaf of [x, weight, bias]) leaf.requiresGrad = true;
      const y = run(x, weight, bias);
      y.backward(Tensor.zeros(y.shape));
      expect(x.grad?.shape).toEqual([0, 3, 5, 5]);
      expect(weight.grad?.data).toEqual(new Float32Array(36));
      expect(bias.grad?.data).toEqual(new Float32Array(3));
    }
  });

  test('one image alone has the gradients of a batch of one', () => {
    contender.use();
    const gradients = [
      [5, 7, 6],
      [1, 5, 7, 6],
    ].map((shape) => {
      const x = new Tensor(Tensor.randn([5 * 7 * 6], { seed: 1 }).data, shape);
      const weight = Tensor.randn([4, 5, 3, 3], { seed: 2 });
      x.requiresGrad = weight.requiresGrad = true;
      const y = ops.conv2d(x, weight, null, { padding: 1, stride: 2 });
      y.backward(Tensor.ones(y.shape));
      return [x.grad?.data, weight.grad?.data];
    });
    expect(gradients[0]).toEqual(gradients[1]);
  });

  test('only what is needed is computed: an input alone, a weight alone, a bias alone', () => {
    contender.use();
    for (const wanted of [0, 1, 2]) {
      const leaves = [
        Tensor.randn([2, 3, 6, 6], { seed: 1 }),
        Tensor.randn([4, 3, 3, 3], { seed: 2 }),
        Tensor.randn([4], { seed: 3 }),
      ];
      leaves[wanted].requiresGrad = true;
      const y = ops.conv2d(leaves[0], leaves[1], leaves[2], { activation: 'relu' });
      y.backward(Tensor.ones(y.shape));
      expect(leaves.map((leaf) => leaf.grad !== null)).toEqual([0, 1, 2].map((i) => i === wanted));
    }
  });
});

test('gradients have the same bits on every backend and with any number of threads', () => {
  const before = backend.info().threads;
  for (const seed of seeds.slice(0, 20)) {
    const activation = new Random(seed).of<ActivationName>(['none', 'relu', 'silu', 'tanh']);
    const answers = contenders().flatMap((contender) => {
      contender.use();
      return (contender.name === 'reference' ? [1] : [1, 2, 3]).map((threads) => {
        if (contender.name !== 'reference') backend.setThreads(threads);
        const { x, weight, bias, params, run: _, ...layer } = drawLayer(seed);
        const leaves = bias === null ? [x, weight] : [x, weight, bias];
        for (const leaf of leaves) leaf.requiresGrad = true;
        const operation = (layer.transposed ? transposed : convolutions)[layer.rank - 1];
        const y = operation(x, weight, bias, { ...params, activation });
        y.backward(Tensor.randn(y.shape, { seed: 5 }));
        return leaves.map((leaf) => (leaf.grad === null ? null : bits(leaf.grad)));
      });
    });
    for (const answer of answers) expect(answer, `seed ${seed}`).toEqual(answers[0]);
  }
  backend.use('native');
  backend.setThreads(before);
});

test("Winograd's algorithm, asked for, computes the input's gradient too: near the direct one, the same bits everywhere", () => {
  const gradients = (algorithm: 'direct' | 'winograd') => {
    const x = Tensor.randn([2, 20, 11, 13], { seed: 1 });
    const weight = Tensor.randn([24, 20, 3, 3], { seed: 2 });
    x.requiresGrad = weight.requiresGrad = true;
    const options = { algorithm, padding: [1, [0, 3]] as [number, [number, number]], dilation: [1, 2] };
    const y = ops.conv2d(x, weight, null, options);
    y.backward(Tensor.randn(y.shape, { seed: 3 }));
    if (x.grad === null || weight.grad === null) throw new Error('no gradients');
    return [x.grad, weight.grad];
  };
  const answers = contenders().map((contender) => {
    contender.use();
    return gradients('winograd');
  });
  for (const answer of answers) expect(answer.map(bits)).toEqual(answers[0].map(bits));
  const direct = gradients('direct');
  expect(bits(direct[0])).not.toEqual(bits(answers[0][0]));
  for (const [i, gradient] of direct.entries()) {
    const [near, exact] = [answers[0][i].data, gradient.data];
    const largest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(near.every((value, k) => Math.abs(value - exact[k]) < 3e-6 * largest)).toBe(true);
  }
});

test('whole numbers give exact gradients, of many chunks of positions', () => {
  const x = wholeNumbers([3, 2, 20, 20], 1, 3);
  const weight = wholeNumbers([3, 2, 3, 3], 2, 3);
  x.requiresGrad = weight.requiresGrad = true;
  const y = ops.conv2d(x, weight, null, { padding: 1, algorithm: 'direct' });
  const upstream = wholeNumbers([...y.shape], 3, 3);
  y.backward(upstream);
  const [dx, dw] = [new Float64Array(x.data.length), new Float64Array(weight.data.length)];
  const [values, filters, arrived] = [x.data, weight.data, upstream.data];
  eachProduct(x.shape, weight.shape, y.shape, { padding: 1 }, (i, w, o) => {
    dx[i] += filters[w] * arrived[o];
    dw[w] += values[i] * arrived[o];
  });
  expect(Array.from(x.grad?.data ?? [])).toEqual(Array.from(dx));
  expect(Array.from(weight.grad?.data ?? [])).toEqual(Array.from(dw));
});

test('a layer whose weight was changed between forward and backward says so', () => {
  const layer = new nn.Conv2d(2, 3, 3);
  const x = Tensor.randn([1, 2, 5, 5], { seed: 1 });
  x.requiresGrad = true;
  const y = layer.forward(x);
  layer.weight.data[0] = 7;
  expect(() => y.backward(Tensor.ones(y.shape))).toThrow(/modified by an inplace operation: conv2d needs/);
});

test('a depthwise separable layer and a transposed one have gradients for all of their parameters', () => {
  for (const layer of [
    new nn.DepthwiseSeparableConv2d(6, 5, 3, { padding: 1, depthwiseActivation: 'relu' }),
    new nn.ConvTranspose2d(6, 4, 3, { stride: 2, outputPadding: 1, activation: 'gelu' }),
  ]) {
    const y = layer.forward(Tensor.randn([2, 6, 7, 7], { seed: 1 }));
    y.backward(Tensor.ones(y.shape));
    const parameters = layer.namedParameters();
    expect(parameters.length).toBeGreaterThan(1);
    for (const [name, parameter] of parameters) {
      expect(parameter.grad?.shape, name).toEqual(parameter.shape);
      expect(
        parameter.grad?.data.some((value) => value !== 0),
        name,
      ).toBe(true);
    }
  }
});
