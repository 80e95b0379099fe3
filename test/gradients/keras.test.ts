// Gradients through Keras's layers: under both data formats, in the foreground and in the background.

import { describe, expect, test } from 'vitest';
import { ops, Tensor } from '../../lib/index.js';
import * as keras from '../../lib/keras.js';
import { backends } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { gradcheck } from '../support/gradcheck.js';

type Weighted = InstanceType<typeof keras.Conv2D> | InstanceType<typeof keras.Dense>;

const last = [2, 6, 5, 4];
const first = [2, 4, 6, 5];

const cases: [string, () => unknown, number[]][] = [
  ['Dense', () => new keras.Dense({ units: 3 }), [2, 3, 4]],
  ['Conv1D', () => new keras.Conv1D({ filters: 3, kernelSize: 3, padding: 'causal' }), [2, 6, 4]],
  ['Conv2D', () => new keras.Conv2D({ filters: 6, kernelSize: [3, 2], groups: 2, padding: 'same' }), last],
  [
    'Conv2D, channels first',
    () => new keras.Conv2D({ filters: 3, kernelSize: 3, strides: 2, dataFormat: 'channelsFirst' }),
    first,
  ],
  ['Conv3D', () => new keras.Conv3D({ filters: 2, kernelSize: 2 }), [1, 3, 4, 3, 2]],
  ['DepthwiseConv2D', () => new keras.DepthwiseConv2D({ kernelSize: 3, depthMultiplier: 2 }), last],
  ['SeparableConv2D', () => new keras.SeparableConv2D({ filters: 3, kernelSize: 3 }), last],
  [
    'Conv2DTranspose',
    () => new keras.Conv2DTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' }),
    last,
  ],
  ['MaxPooling2D', () => new keras.MaxPooling2D(), last],
  ['AveragePooling2D', () => new keras.AveragePooling2D({ padding: 'same' }), last],
  ['GlobalAveragePooling2D', () => new keras.GlobalAveragePooling2D(), last],
  ['GlobalMaxPooling2D', () => new keras.GlobalMaxPooling2D({ dataFormat: 'channelsFirst' }), first],
  ['Flatten', () => new keras.Flatten(), last],
  ['Flatten, channels first', () => new keras.Flatten({ dataFormat: 'channelsFirst' }), first],
];

describe.each(backends())('$name', (contender) => {
  test.each(cases)('%s', async (_, make, shape) => {
    contender.use();
    const layer = make() as Weighted;
    layer.forward(Tensor.zeros(shape));
    const names = layer.namedParameters().map(([name]) => name);
    const weights = layer.parameters().map((parameter, i) => Tensor.randn(parameter.shape, { seed: i }));
    for (const x of [
      Tensor.randn(shape, { seed: 9 }),
      ...(shape.length > 3 ? [Tensor.randn(shape, { seed: 9 }).channelsLast()] : []),
    ]) {
      const apply = (t: Tensor, own: readonly Tensor[]) => {
        Object.assign(layer, Object.fromEntries(names.map((name, i) => [name, own[i]])));
        return layer.forward(t);
      };
      // A maximum is linear only where steps are small
      const small = _.includes('Max');
      gradcheck({
        name: _,
        inputs: [x, ...weights],
        forward: (t, ...own) => apply(t, own),
        truth: small
          ? (...lists) => apply(new Tensor(Float32Array.from(lists[0]), shape), []).data
          : 'linear',
        tolerance: small ? 3e-2 : 2e-5,
        checkForward: false,
        probes: 5,
      });

      const gradients = async (run: (t: Tensor) => Tensor | Promise<Tensor>) => {
        const leaf = x.detach();
        leaf.requiresGrad = true;
        for (const weight of weights) {
          weight.requiresGrad = true;
          weight.grad = null;
        }
        apply(x, weights);
        const y = await run(leaf);
        y.backward(Tensor.randn(y.shape, { seed: 5 }));
        return [leaf, ...weights].map(({ grad }) => grad && bits(grad));
      };
      expect(await gradients((t) => layer.forwardAsync(t))).toEqual(await gradients((t) => layer.forward(t)));
    }
  });

  test('a small network learns, its kernels in Keras’s order', () => {
    contender.use();
    const net = new keras.Sequential([
      new keras.Conv2D({ filters: 4, kernelSize: 3, activation: 'elu', inputShape: [6, 6, 1] }),
      new keras.MaxPooling2D(),
      new keras.Flatten(),
      new keras.Dense({ units: 1, activation: 'softplus' }),
    ]);
    net.parameters().forEach((parameter, i) => {
      parameter.data.set(Tensor.randn(parameter.shape, { seed: i }).data.map((value) => value / 3));
    });
    const x = Tensor.randn([8, 6, 6, 1], { seed: 1 });
    const wanted = Tensor.rand([8, 1], { seed: 2 });
    const losses: number[] = [];
    for (let step = 0; step < 60; step++) {
      for (const parameter of net.parameters()) parameter.grad = null;
      const error = ops.sub(net.forward(x), wanted);
      const loss = ops.mean(ops.mul(error, error));
      loss.backward();
      losses.push(loss.item());
      for (const parameter of net.parameters()) {
        const gradient = parameter.grad?.data ?? new Float32Array(0);
        parameter.data.forEach((value, i, data) => {
          data[i] = value - 0.2 * gradient[i];
        });
      }
    }
    expect(losses[59]).toBeLessThan(losses[0] / 20);
  });

  test('gradients add up over calls without a step between them', () => {
    contender.use();
    const layer = new keras.Dense({ units: 2 });
    const x = Tensor.randn([3, 4], { seed: 1 });
    ops.sum(layer.forward(x)).backward();
    const once = layer.kernel?.grad?.toArray() as number[][];
    ops.sum(ops.add(layer.forward(x), layer.forward(x))).backward();
    expect(layer.kernel?.grad?.toArray()).toEqual(
      once.map((row) => row.map((value) => Math.fround(3 * value))),
    );
  });
});
