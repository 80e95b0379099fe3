// Gradients of signals and of graphs: kernels that are learned, features that are mixed along edges.

import { describe, expect, test } from 'vitest';
import { nn, ops, Tensor } from '../../lib/index.js';
import { backends, contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
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

  test('weights of edges, through the degrees too', () => {
    contender.use();
    const random = new Random(5);
    for (let round = 0; round < 20; round++) {
      const nodes = random.between(1, 9);
      const [inputs, outputs] = [random.between(1, 5), random.of([1, 3, 16, 300])];
      const count = random.between(1, 20);
      const ends = () => Array.from({ length: count }, () => random.between(0, nodes - 1));
      const edges = [ends(), ends()];
      const edgeWeight = Tensor.from(Array.from({ length: count }, () => random.between(1, 9) / 4));
      const x = Tensor.randn([nodes, inputs], { seed: round });
      const weight = Tensor.randn([outputs, inputs], { seed: round + 1 });
      const bias = random.once(2) ? null : Tensor.randn([outputs], { seed: round + 2 });
      gradcheck({
        inputs: [edgeWeight, x, weight],
        needs: [true, !random.once(2), !random.once(2)],
        forward: (own, t, w) => ops.graphConv(t, edges, w, bias, { edgeWeight: own }),
        truth: (own, t, w) => {
          const degrees = new Float64Array(nodes).fill(1);
          edges[1].forEach((node, e) => {
            degrees[node] += own[e];
          });
          const h = (node: number, k: number) => {
            let sum = 0;
            for (let c = 0; c < inputs; c++) sum += t[node * inputs + c] * w[k * inputs + c];
            return sum;
          };
          const y = new Float64Array(nodes * outputs);
          for (let k = 0; k < outputs; k++) {
            for (let node = 0; node < nodes; node++) {
              y[node * outputs + k] += h(node, k) / degrees[node] + (bias?.data[k] ?? 0);
            }
            edges[0].forEach((from, e) => {
              const to = edges[1][e];
              y[to * outputs + k] += (own[e] * h(from, k)) / Math.sqrt(degrees[from] * degrees[to]);
            });
          }
          return y;
        },
      });
    }
  });

  test('weights of edges that only an array gives are constants; no edges have no gradient', () => {
    contender.use();
    const x = Tensor.ones([2, 1]);
    const weight = Tensor.ones([1, 1]);
    expect(ops.graphConv(x, [[0], [1]], weight, null, { edgeWeight: [2] }).requiresGrad).toBe(false);
    const none = new Tensor(new Float32Array(0), [0], { requiresGrad: true });
    ops.sum(ops.graphConv(x, [[], []], weight, null, { edgeWeight: none })).backward();
    expect(none.grad?.shape).toEqual([0]);
  });
});

test('the gradient of edges has the same bits on every backend', () => {
  const random = new Random(9);
  const ends = () => Array.from({ length: 500 }, () => random.between(0, 99));
  const edges = [ends(), ends()];
  const [x, weight] = [Tensor.randn([100, 33], { seed: 1 }), Tensor.randn([300, 33], { seed: 2 })];
  const results = contenders().map(({ use }) => {
    use();
    const edgeWeight = Tensor.rand([500], { seed: 3 });
    edgeWeight.requiresGrad = true;
    const y = ops.graphConv(x, edges, weight, null, { edgeWeight });
    y.backward(Tensor.randn(y.shape, { seed: 4 }));
    return bits(edgeWeight.grad ?? edgeWeight);
  });
  for (const result of results) expect(result).toEqual(results[0]);
});
