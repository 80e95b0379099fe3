// Gradients of signals and of graphs: kernels that are learned, features that are mixed along edges.

import { describe, expect, test } from 'vitest';
import { nn, ops, Tensor } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { gradcheck } from '../support/gradcheck.js';
import { Random } from '../support/random.js';

describe.each(backends())('$name', (contender) => {
  test.each(['convolve1d', 'correlate1d', 'convolve2d', 'correlate2d'] as const)('%s', (name) => {
    contender.use();
    const rank = name.endsWith('1d') ? 1 : 2;
    for (const mode of ['full', 'same', 'valid'] as const) {
      for (const size of [1, 2, 3, 4]) {
        const kernel = Tensor.randn([size, 3].slice(2 - rank), { seed: size });
        for (const needs of [
          [true, true],
          [false, true],
          [true, false],
        ]) {
          gradcheck({
            name: `${name} ${mode} ${size}`,
            inputs: [Tensor.randn([2, 5, 7], { seed: 3 }), kernel],
            needs,
            forward: (x, k) => ops[name](x, k, { mode }),
            truth: 'linear',
            probes: 4,
          });
        }
      }
    }
  });

  test('a kernel is learned: the flipped one that made a signal', () => {
    contender.use();
    const x = Tensor.randn([200], { seed: 1 });
    const wanted = ops.convolve1d(x, Tensor.from([0.5, -1, 2]), { mode: 'same' });
    const kernel = new Tensor(new Float32Array(3), [3], { requiresGrad: true });
    for (let step = 0; step < 100; step++) {
      kernel.grad = null;
      const error = ops.sub(ops.convolve1d(x, kernel, { mode: 'same' }), wanted);
      ops.mean(ops.mul(error, error)).backward();
      const gradient = (kernel.grad as Tensor | null)?.toArray() as number[];
      kernel.data.forEach((value, i, data) => {
        data[i] = value - 0.2 * gradient[i];
      });
    }
    expect(Array.from(kernel.data, (value) => Math.round(value * 1e4) / 1e4)).toEqual([0.5, -1, 2]);
  });

  test('graph convolution', () => {
    contender.use();
    const random = new Random(7);
    for (let round = 0; round < 20; round++) {
      const nodes = random.between(1, 12);
      const [inputs, outputs] = [random.between(1, 9), random.between(1, 20)];
      const count = random.between(0, 20);
      const ends = () => Array.from({ length: count }, () => random.between(0, nodes - 1));
      const edges = [ends(), ends()];
      const edgeWeight = random.once(2)
        ? null
        : Array.from({ length: count }, () => random.between(1, 9) / 4);
      const x = Tensor.randn([nodes, inputs], { seed: round });
      const weight = Tensor.randn([outputs, inputs], { seed: round + 1 });
      const bias = Tensor.randn([outputs], { seed: round + 2 });
      const bare = random.once(3);
      gradcheck({
        inputs: bare ? [x, weight] : [x, weight, bias],
        needs: [true, !random.once(3), !random.once(3)].slice(0, bare ? 2 : 3),
        forward: (t, w, b) => ops.graphConv(t, edges, w, b ?? null, { edgeWeight }),
        truth: 'linear',
        probes: 6,
      });
    }
  });

  test('graph layers carry gradients off the event loop', async () => {
    contender.use();
    const layer = new nn.GraphConv(3, 2);
    const x = Tensor.randn([4, 3], { seed: 1 });
    const edges = [
      [0, 1, 1, 2],
      [1, 0, 2, 1],
    ];
    const gradients = async (y: Promise<Tensor> | Tensor) => {
      for (const parameter of layer.parameters()) parameter.grad = null;
      ops.sum(ops.relu(await y)).backward();
      return layer.parameters().map((parameter) => parameter.grad?.toArray());
    };
    expect(await gradients(layer.forwardAsync(x, edges))).toEqual(await gradients(layer.forward(x, edges)));
  });

  test('weights of edges that require gradients are refused: none would flow', () => {
    contender.use();
    const edgeWeight = new Tensor(new Float32Array([1]), [1], { requiresGrad: true });
    expect(() =>
      ops.graphConv(Tensor.ones([2, 1]), [[0], [1]], Tensor.ones([1, 1]), null, { edgeWeight }),
    ).toThrow(/gradients do not flow to edgeWeight.*edgeWeight\.detach\(\)/);
  });
});
