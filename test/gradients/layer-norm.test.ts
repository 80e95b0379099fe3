// Layer normalisation: PyTorch's answers (2.13), float64, differences, one result on every backend, what is refused.

import { describe, expect, test } from 'vitest';
import { analysis, compile, nn, ops, ShapeError, Tensor } from '../../lib/index.js';
import { backends, contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { gradcheck } from '../support/gradcheck.js';

const truth = (length: number, eps: number) => (x: Float64Array, w?: Float64Array, b?: Float64Array) => {
  const y = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += length) {
    const row = x.subarray(at, at + length);
    const mean = row.reduce((sum, value) => sum + value, 0) / length;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / length;
    row.forEach((value, i) => {
      y[at + i] = ((value - mean) / Math.sqrt(variance + eps)) * (w?.[i] ?? 1) + (b?.[i] ?? 0);
    });
  }
  return y;
};

describe.each(backends())('$name', ({ use }) => {
  test('gradients by differences, over one dimension and several', () => {
    use();
    const cases: [number[], number[]][] = [
      [[3, 4], [4]],
      [[5, 17], [17]],
      [[2, 3, 33], [33]],
      [[300, 6], [6]],
      [
        [2, 3, 4, 5],
        [3, 4, 5],
      ],
      [
        [2, 3, 4, 5],
        [4, 5],
      ],
      [[9], [9]],
    ];
    for (const [shape, normalizedShape] of cases) {
      const length = normalizedShape.reduce((a, b) => a * b, 1);
      const x = Tensor.randn(shape, { seed: length });
      const inputs = [
        shape.length === 4 ? x.channelsLast() : x,
        Tensor.randn(normalizedShape, { seed: 1 }),
        Tensor.randn(normalizedShape, { seed: 2 }),
      ];
      const eps = 1e-2;
      const forward = (t: Tensor, weight: Tensor, bias: Tensor) =>
        ops.layerNorm(t, { normalizedShape, weight, bias, eps });
      gradcheck({ inputs, forward, truth: truth(length, eps) });
      gradcheck({ inputs, needs: [false, true, false], forward, truth: truth(length, eps) });
      gradcheck({
        inputs: inputs.slice(0, 1),
        forward: (t) => ops.layerNorm(t, { normalizedShape, eps }),
        truth: truth(length, eps),
      });
    }
  });

  test('as in PyTorch', () => {
    use();
    const x = new Tensor(Float32Array.of(1, 2, 4, 8, -1, 0), [2, 3], { requiresGrad: true });
    const layer = new nn.LayerNorm(3);
    layer.weight?.data.set([1, 2, -1]);
    layer.bias?.data.set([0, 0.5, 1]);
    const y = layer.forward(x);
    const near = (got: Tensor | null | undefined, wanted: number[]) => {
      wanted.forEach((value, i) => {
        expect(Math.abs((got?.data[i] ?? Number.NaN) - value)).toBeLessThan(2e-6);
      });
    };
    near(y, WANTED.y);
    y.backward(
      Tensor.from([
        [1, 2, 3],
        [-1, 0.5, 0.25],
      ]),
    );
    near(x.grad, WANTED.x);
    near(layer.weight?.grad, WANTED.weight);
    near(layer.bias?.grad, [0, 2.5, 3.25]);
  });

  test('rows of one place are the bias; no rows are none', () => {
    use();
    const bias = Tensor.from([3]);
    expect(ops.layerNorm(Tensor.from([[7], [9]]), { normalizedShape: 1, bias, eps: 1 }).toArray()).toEqual([
      [3],
      [3],
    ]);
    expect(ops.layerNorm(Tensor.zeros([0, 4]), { normalizedShape: 4 }).shape).toEqual([0, 4]);
  });

  test('in the background, and compiled, the same bits', async () => {
    use();
    const net = new nn.Sequential(new nn.Linear(6, 20), new nn.LayerNorm(20), new nn.ReLU());
    const x = Tensor.randn([7, 6], { seed: 1 });
    const expected = bits(net.forward(x));
    expect(bits(await net.forwardAsync(x))).toEqual(expected);
    const session = await compile(net, { inputShape: [7, 6] });
    expect(bits(session.runSync(x))).toEqual(expected);
    await session.close();
  });
});

/** F.layer_norm's result and gradients. */
const WANTED = {
  y: [-1.06904137, -0.0345205665, -0.336301804, 1.40692949, -1.15521133, 1.57932401],
  x: [-1.4890101, 2.23353577, -0.744525433, 0.0157300383, 0.125841483, -0.141571522],
  weight: [-2.47597075, -0.948323429, 3.86407447],
};

test('every backend gives the same bits', () => {
  const x = Tensor.randn([5, 7, 300], { seed: 1 });
  const results = contenders().map(({ use }) => {
    use();
    const layer = new nn.LayerNorm([7, 300]);
    const leaf = x.detach();
    leaf.requiresGrad = true;
    const y = layer.forward(leaf);
    y.backward(Tensor.randn(y.shape, { seed: 2 }));
    return [y, leaf.grad, layer.weight?.grad, layer.bias?.grad].map((own) => bits(own ?? x));
  });
  for (const result of results) expect(result).toEqual(results[0]);
});

test('it prints and counts itself', () => {
  expect(String(new nn.LayerNorm([2, 3]))).toBe('LayerNorm([2, 3], eps=0.00001, elementwiseAffine=true)');
  expect(String(new nn.LayerNorm(4, { bias: false }))).toMatch(/bias=false\)$/);
  expect(new nn.LayerNorm(4, { elementwiseAffine: false }).parameters()).toEqual([]);
  expect(Object.keys(new nn.LayerNorm(4).stateDict())).toEqual(['weight', 'bias']);
  const net = new nn.Sequential(new nn.Linear(6, 20), new nn.LayerNorm(20));
  expect(analysis.summary(net, { inputShape: [1, 6] }).totals.params).toBe(6 * 20 + 20 + 40);
});

test('what is wrong is refused', () => {
  const x = Tensor.zeros([2, 3]);
  expect(() => ops.layerNorm(x, { normalizedShape: [2] })).toThrow(ShapeError);
  expect(() => ops.layerNorm(x, { normalizedShape: [2] })).toThrow(
    /expected input with shape \[\*, 2\], but got input of size \[2, 3\]/,
  );
  expect(() => ops.layerNorm(x, { normalizedShape: 3, weight: Tensor.ones([2]) })).toThrow(
    /Expected weight to be of same shape as normalized_shape/,
  );
  expect(() => new nn.LayerNorm([])).toThrow(TypeError);
  expect(() => new nn.LayerNorm(0)).toThrow(RangeError);
  expect(() => Reflect.apply(ops.layerNorm, null, [x])).toThrow(/normalizedShape must be a number/);
});
