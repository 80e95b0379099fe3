// Gradients of normalisation: finite differences with random options, fused and unfused alike, and what breaks a graph.

import { describe, expect, test } from 'vitest';
import { nn, noGrad, ops, Tensor } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { gradcheck } from '../support/gradcheck.js';
import { Random } from '../support/random.js';

interface Options {
  /** [batch, channels, positions] */
  readonly sizes: readonly [number, number, number];
  readonly groups: number;
  /** Whether all images share their statistics. */
  readonly together: boolean;
  readonly epsilon: number;
  readonly high: number;
}

/** In float64: x normalised by groups, times weight, plus bias, plus residual, clamped from 0 to `high` unless that is NaN. */
function truth({ sizes, groups, together, epsilon, high }: Options) {
  const [batch, channels, positions] = sizes;
  const width = channels / groups;
  return (
    x: Float64Array,
    weight: Float64Array,
    bias: Float64Array,
    residual?: Float64Array,
  ): Float64Array => {
    const y = new Float64Array(x.length);
    for (let image = 0; image < (together ? 1 : batch); image++) {
      for (let group = 0; group < groups; group++) {
        const own: number[] = [];
        for (let i = 0; i < x.length; i++) {
          const c = Math.floor(i / positions) % channels;
          const n = Math.floor(i / positions / channels);
          if ((together || n === image) && Math.floor(c / width) === group) own.push(i);
        }
        const mean = own.reduce((sum, i) => sum + x[i], 0) / own.length;
        const variance = own.reduce((sum, i) => sum + (x[i] - mean) ** 2, 0) / own.length;
        for (const i of own) {
          const c = Math.floor(i / positions) % channels;
          const v =
            ((x[i] - mean) / Math.sqrt(variance + epsilon)) * weight[c] + bias[c] + (residual?.[i] ?? 0);
          y[i] = Number.isNaN(high) ? v : Math.min(Math.max(v, 0), high);
        }
      }
    }
    return y;
  };
}

const HIGH = { none: Number.NaN, relu: Infinity, relu6: 6 } as const;
const draw = (shape: number[], seed: number) => Tensor.randn(shape, { seed });

describe.each(backends())('$name', ({ use }) => {
  test('batch normalisation in training', () => {
    use();
    const random = new Random(11);
    for (let round = 0; round < 16; round++) {
      const [batch, channels] = [random.between(1, 4), random.of([1, 3, 8, 17])];
      const spatial = random.of([[], [5], [3, 4], [2, 3, 2]]);
      const positions = spatial.reduce((n, size) => n * size, 1);
      if (batch * positions < 3) continue;
      const activation = random.of(['none', 'none', 'relu', 'relu6'] as const);
      const eps = random.of([1e-5, 1e-2]);
      const shape = [batch, channels, ...spatial];
      const adds = random.once(2);
      const inputs = [draw(shape, round), draw([channels], 100 + round), draw([channels], 200 + round)];
      if (adds) inputs.push(draw(shape, 300 + round));
      const laidOut =
        spatial.length > 0 && random.once(2) ? [inputs[0].channelsLast(), ...inputs.slice(1)] : inputs;
      const options: Options = {
        sizes: [batch, channels, positions],
        groups: channels,
        together: true,
        epsilon: eps,
        high: HIGH[activation],
      };
      gradcheck({
        name: `${JSON.stringify({ shape, activation, eps, adds })}`,
        inputs: laidOut,
        forward: (x, weight, bias, residual) =>
          ops.batchNorm(x, { weight, bias, residual, activation, training: true, eps }),
        truth: truth(options),
        tolerance: 1e-4,
        seed: round + 1,
      });
    }
  });

  test('batch normalisation by running statistics', () => {
    use();
    const shape = [3, 5, 4, 2];
    const runningMean = draw([5], 1);
    const runningVar = Tensor.rand([5], { seed: 2 });
    const [mean, variance] = [[...runningMean.data], [...runningVar.data]];
    for (const activation of ['none', 'relu', 'silu'] as const) {
      const end = {
        none: (v: number) => v,
        relu: (v: number) => Math.max(v, 0),
        silu: (v: number) => v / (1 + Math.exp(-v)),
      }[activation];
      gradcheck({
        name: activation,
        inputs: [draw(shape, 3), draw([5], 4), draw([5], 5), draw(shape, 6)],
        forward: (x, weight, bias, residual) =>
          ops.batchNorm(x, { weight, bias, residual, runningMean, runningVar, activation, eps: 0.1 }),
        truth: (x, weight, bias, residual) =>
          x.map((value, i) => {
            const c = Math.floor(i / 8) % 5;
            const own = ((value - mean[c]) / Math.sqrt(variance[c] + 0.1)) * weight[c];
            return end(own + bias[c] + residual[i]);
          }),
        tolerance: 1e-4,
      });
    }
  });

  test('group and instance normalisation', () => {
    use();
    const random = new Random(5);
    for (let round = 0; round < 12; round++) {
      const instances = random.once(3);
      const groups = instances ? 6 : random.of([1, 2, 3, 6]);
      const [batch, positions] = [random.between(1, 3), random.between(2, 9)];
      const options: Options = {
        sizes: [batch, 6, positions],
        groups,
        together: false,
        epsilon: 1e-5,
        high: Number.NaN,
      };
      gradcheck({
        name: JSON.stringify({ ...options, instances }),
        inputs: [draw([batch, 6, positions], round), draw([6], 100 + round), draw([6], 200 + round)],
        forward: (x, weight, bias) =>
          instances
            ? ops.instanceNorm(x, { weight, bias })
            : ops.groupNorm(x, { numGroups: groups, weight, bias }),
        truth: truth(options),
        tolerance: 2e-4,
        seed: round + 1,
      });
    }
  });

  test('fused and unfused agree bit for bit, forwards and backwards', () => {
    use();
    const shape = [2, 7, 5, 3];
    const upstream = draw(shape, 9);
    const run = (activation: 'relu' | 'relu6' | 'sigmoid', adds: boolean, fused: boolean) => {
      const inputs = [draw(shape, 1), draw([7], 2), draw([7], 3), draw(shape, 4)];
      for (const input of inputs) input.requiresGrad = true;
      const [x, weight, bias, residual] = inputs;
      const y = fused
        ? ops.batchNorm(x, { weight, bias, residual: adds ? residual : null, activation, training: true })
        : ops[activation](
            ops.batchNorm(x, { weight, bias, residual: adds ? residual : null, training: true }),
          );
      y.backward(upstream);
      return [y.toArray(), ...inputs.map((input) => input.grad?.toArray() ?? null)];
    };
    for (const activation of ['relu', 'relu6', 'sigmoid'] as const) {
      for (const adds of [false, true]) {
        expect(run(activation, adds, true)).toEqual(run(activation, adds, false));
      }
    }
  });

  test('inputs that need no gradient get none, and a changed one is an error', () => {
    use();
    const x = draw([2, 3, 4], 1);
    const weight = Tensor.ones([3]);
    weight.requiresGrad = true;
    const y = ops.batchNorm(x, { weight, training: true });
    y.backward(Tensor.ones(y.shape));
    expect(x.grad).toBeNull();
    expect(weight.grad?.shape).toEqual([3]);

    const again = ops.batchNorm(x, { weight, training: true });
    x.data[0] = 99;
    expect(() => again.backward(Tensor.ones(y.shape))).toThrow(/modified by an inplace operation: batchNorm/);
    expect(noGrad(() => ops.batchNorm(x, { weight, training: true })).requiresGrad).toBe(false);
  });

  test('the background carries gradients and brings running statistics up to date too', async () => {
    use();
    const x = draw([4, 3, 5, 5], 1);
    const layers = [
      new nn.BatchNorm2d(3, { activation: 'relu' }),
      new nn.BatchNorm2d(3, { activation: 'relu' }),
    ];
    const residual = draw([4, 3, 5, 5], 2);
    const [now, later] = [layers[0].forward(x, { residual }), await layers[1].forwardAsync(x, { residual })];
    expect(later.toArray()).toEqual(now.toArray());
    for (const y of [now, later]) y.backward(Tensor.ones(y.shape));
    const [a, b] = layers.map((layer) => ({
      state: Object.values(layer.stateDict()).map((tensor) => tensor.toArray()),
      grads: [layer.weight?.grad?.toArray(), layer.bias?.grad?.toArray()],
    }));
    expect(b).toEqual(a);
    expect(layers[1].numBatchesTracked?.item()).toBe(1);
  });

  test('an empty batch has an empty gradient and changes no statistics', () => {
    use();
    const layer = new nn.BatchNorm2d(3);
    const x = Tensor.zeros([0, 3, 4, 4]);
    x.requiresGrad = true;
    const y = layer.forward(x);
    y.backward(Tensor.zeros(y.shape));
    expect(x.grad?.shape).toEqual([0, 3, 4, 4]);
    expect(layer.weight?.grad?.toArray()).toEqual([0, 0, 0]);
    expect(layer.runningVar?.toArray()).toEqual([1, 1, 1]);
    const group = new nn.GroupNorm(3, 3).forward(Tensor.zeros([0, 3, 4, 4]));
    expect(group.shape).toEqual([0, 3, 4, 4]);
  });
});
