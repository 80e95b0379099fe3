// Softmax, losses and dropout against PyTorch, float64 and their own laws.

import { describe, expect, test } from 'vitest';
import { manualSeed, nn, ops, ShapeError, Tensor } from '../../lib/index.js';
import { backends, contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { gradcheck } from '../support/gradcheck.js';
import { vectorCases } from '../support/vectors.js';

/** Each result is a few rounded operations on numbers of about this size. */
function near(got: Tensor | null, wanted: Tensor, size = 1): void {
  if (got === null) throw new Error('nothing');
  expect(got.shape).toEqual(wanted.shape);
  got.data.forEach((value, i) => {
    expect(Math.abs(value - wanted.data[i])).toBeLessThanOrEqual(16 * size * 2 ** -24);
  });
}
const largest = (x: Tensor) => x.data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);

describe.each(contenders())('$name', ({ use }) => {
  for (const [op, apply] of [
    ['softmax', ops.softmax],
    ['log_softmax', ops.logSoftmax],
  ] as const) {
    test.each(vectorCases('pointwise', op))(`${op} $name`, (one) => {
      use();
      const x = one.tensor('x');
      x.requiresGrad = true;
      const y = apply(x, { dim: Number(one.params.dim) });
      near(y, one.tensor('y'), largest(one.tensor('y')));
      y.backward(one.tensor('grad_y'));
      near(x.grad, one.tensor('grad_x'), 2 * largest(one.tensor('grad_y')));
    });
  }

  test.each(vectorCases('pointwise', 'cross_entropy'))('crossEntropy $name', (one) => {
    use();
    const x = one.tensor('x');
    x.requiresGrad = true;
    const loss = ops.crossEntropy(x, one.tensor('target'), {
      labelSmoothing: Number(one.params.labelSmoothing),
    });
    expect(loss.shape).toEqual([]);
    near(loss.reshape([1]), one.tensor('y'), largest(one.tensor('y')));
    loss.backward();
    near(x.grad, one.tensor('grad_x'));
  });
});

const softmax64 = (row: readonly number[]): number[] => {
  const most = Math.max(...row);
  const e = row.map((value) => Math.exp(value - most));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((value) => value / sum);
};

describe.each(backends())('$name', ({ use }) => {
  test('softmax along any dimension, in any layout', () => {
    use();
    const x = Tensor.randn([2, 5, 3, 4], { seed: 1 });
    for (const dim of [0, 1, 2, 3, -1]) {
      const axis = dim < 0 ? 3 : dim;
      const inner = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      const n = x.shape[axis];
      const truth = (values: Float64Array): Float64Array => {
        const y = new Float64Array(values.length);
        for (let at = 0; at < values.length; at++) {
          if (Math.floor(at / inner) % n !== 0) continue;
          const row = Array.from({ length: n }, (_, i) => values[at + i * inner]);
          softmax64(row).forEach((value, i) => {
            y[at + i * inner] = value;
          });
        }
        return y;
      };
      for (const input of [x, x.channelsLast()]) {
        gradcheck({ inputs: [input], forward: (t) => ops.softmax(t, { dim }), truth });
        gradcheck({
          inputs: [input],
          forward: (t) => ops.logSoftmax(t, { dim }),
          truth: (v) => truth(v).map(Math.log),
        });
      }
    }
  });

  test('softmax stays finite where e^x does not', () => {
    use();
    const x = Tensor.from([[1000, 0, -1000]]);
    expect(ops.softmax(x, { dim: 1 }).toArray()).toEqual([[1, 0, 0]]);
    expect(ops.logSoftmax(x, { dim: 1 }).toArray()).toEqual([[0, -1000, -2000]]);
  });

  test('crossEntropy with weights, smoothing, ignored rows and images', () => {
    use();
    const weight = Tensor.from([0.5, 2, 1]);
    const target = Int32Array.from([0, 2, -100, 1, 1, 0]);
    const truth =
      (reduction: string, smoothing: number) =>
      (values: Float64Array): Float64Array => {
        const w = [0.5, 2, 1];
        let total = 0;
        const losses = Float64Array.from(target, (t, at) => {
          if (t < 0) return 0;
          total += w[t];
          const [image, place] = [Math.floor(at / 3), at % 3];
          const logs = softmax64([0, 1, 2].map((c) => values[image * 9 + c * 3 + place])).map(Math.log);
          const spread = logs.reduce((sum, log, c) => sum + w[c] * log, 0);
          return -(1 - smoothing) * w[t] * logs[t] - (smoothing / 3) * spread;
        });
        const sum = losses.reduce((a, b) => a + b, 0);
        return reduction === 'none' ? losses : Float64Array.of(reduction === 'mean' ? sum / total : sum);
      };
    const x = Tensor.randn([2, 3, 3], { seed: 4 });
    for (const reduction of ['mean', 'sum', 'none'] as const) {
      for (const labelSmoothing of [0, 0.2]) {
        const targets = Tensor.from([
          [0, 2, -100],
          [1, 1, 0],
        ]);
        const forward = (t: Tensor) => ops.crossEntropy(t, targets, { weight, labelSmoothing, reduction });
        gradcheck({ inputs: [x], forward, truth: truth(reduction, labelSmoothing) });
        gradcheck({ inputs: [x.channelsLast()], forward, truth: truth(reduction, labelSmoothing) });
      }
    }
    expect(ops.crossEntropy(Tensor.from([1, 2, 3]), [2]).shape).toEqual([]);
    expect(ops.crossEntropy(Tensor.zeros([2, 4]), BigInt64Array.of(1n, 3n)).item()).toBeCloseTo(
      Math.log(4),
      6,
    );
    expect(ops.crossEntropy(Tensor.zeros([2, 4]), [-100, -100]).item()).toBeNaN();
    for (const List of [Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array]) {
      expect(ops.crossEntropy(Tensor.from([[0, 100]]), List.of(1)).item()).toBe(0);
    }
  });

  test('mseLoss and its gradients, with every reduction', () => {
    use();
    const [x, y] = [Tensor.randn([2, 3, 4], { seed: 1 }), Tensor.randn([2, 3, 4], { seed: 2 })];
    for (const reduction of ['mean', 'sum', 'none'] as const) {
      const truth = (a: Float64Array, b: Float64Array) => {
        const squares = a.map((value, i) => (value - b[i]) ** 2);
        const sum = squares.reduce((total, value) => total + value, 0);
        return reduction === 'none' ? squares : [reduction === 'mean' ? sum / a.length : sum];
      };
      gradcheck({ inputs: [x, y], forward: (a, b) => ops.mseLoss(a, b, { reduction }), truth });
    }
    expect(() => ops.mseLoss(x, Tensor.zeros([24]))).toThrow(ShapeError);
  });

  test('dropout: what is kept, its size, its gradient, and that layouts do not matter', () => {
    use();
    const x = Tensor.ones([4, 8, 25, 25]);
    x.requiresGrad = true;
    const y = ops.dropout(x, { p: 0.25, seed: 3 });
    const kept = y.data.filter((value) => value !== 0);
    expect(new Set(kept)).toEqual(new Set([Math.fround(1 / 0.75)]));
    expect(Math.abs(kept.length / 20_000 - 0.75)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / 20_000));
    y.backward(Tensor.ones(y.shape));
    expect(x.grad?.data).toEqual(y.data);
    expect(bits(ops.dropout(Tensor.ones(x.shape).channelsLast(), { p: 0.25, seed: 3 }))).toEqual(bits(y));
    expect(ops.dropout(x, { training: false })).toBe(x);
    expect(new Set(ops.dropout(x, { p: 1 }).data)).toEqual(new Set([0]));
    manualSeed(5);
    const [first, second] = [ops.dropout(x), ops.dropout(x)];
    manualSeed(5);
    expect(bits(ops.dropout(x))).toEqual(bits(first));
    expect(bits(second)).not.toEqual(bits(first));
  });

  test('layers, in the background too', async () => {
    use();
    const x = Tensor.randn([3, 4, 5], { seed: 1 });
    expect(bits(await new nn.Softmax({ dim: 2 }).forwardAsync(x))).toEqual(bits(ops.softmax(x, { dim: 2 })));
    expect(bits(new nn.LogSoftmax(1).forward(x))).toEqual(bits(ops.logSoftmax(x, { dim: 1 })));
    expect(bits(new nn.Softmax().forward(x))).toEqual(bits(ops.softmax(x, { dim: 0 })));
    const drop = new nn.Dropout(0.5);
    manualSeed(1);
    const now = drop.forward(x.channelsLast());
    manualSeed(1);
    expect(bits(await drop.forwardAsync(x))).toEqual(bits(now));
    expect(bits(drop.eval().forward(x))).toEqual(bits(x));
    expect(
      new nn.CrossEntropyLoss({ reduction: 'sum' }).forward(Tensor.zeros([2, 2]), [0, 1]).item(),
    ).toBeCloseTo(Math.log(4), 6);
    expect(new nn.MSELoss().forward(Tensor.from([1, 2]), Tensor.from([1, 4])).item()).toBe(2);
    expect(String(new nn.Softmax({ dim: 1 }))).toBe('Softmax(dim=1)');
  });
});

// By torch.nn.functional.cross_entropy of PyTorch 2.13
describe('a target of the logits’ shape is the wanted distribution', () => {
  const wanted = Tensor.from([
    [0.2, 0.5, 0.3],
    [0.1, 0, 0.9],
  ]);
  const weight = Tensor.from([1, 2, 0.5]);
  test.each([
    [{}, [2.1781909], [0.2018745, -0.2349706, 0.0330961, 0.1203446, 0.2808508, -0.4011954]],
    [{ reduction: 'sum' }, [4.3563819], [0.4037489, -0.4699411, 0.0661922, 0.2406892, 0.5617016, -0.8023909]],
    [
      { reduction: 'none' },
      [2.1545968, 2.2017846],
      [0.4037489, -0.4699411, 0.0661922, 0.2406892, 0.5617016, -0.8023909],
    ],
    [
      { labelSmoothing: 0.1 },
      [2.1102741],
      [0.1952078, -0.2266372, 0.0314294, 0.108678, 0.2641841, -0.3728621],
    ],
    [
      { weight, labelSmoothing: 0.2 },
      [2.344703],
      [0.2831285, -0.446928, 0.1637996, 0.0413654, 0.1224395, -0.1638049],
    ],
  ] as const)('%o', (options, value, gradient) => {
    const logits = new Tensor(new Float32Array([1, -2, 0.5, 0.25, 0.75, -1]), [2, 3], { requiresGrad: true });
    const loss = ops.crossEntropy(logits, wanted, options);
    expect(loss.shape).toEqual(value.length === 1 ? [] : [2]);
    value.forEach((one, i) => {
      expect(loss.data[i]).toBeCloseTo(one, 5);
    });
    ops.sum(loss).backward();
    gradient.forEach((one, i) => {
      expect(logits.grad?.data[i]).toBeCloseTo(one, 6);
    });
  });

  test('of images, and with class numbers left out', () => {
    const logits = Tensor.from([
      [
        [1, 2],
        [-1, 0.5],
      ],
    ]);
    const shares = Tensor.from([
      [
        [0.25, 1],
        [0.75, 0],
      ],
    ]);
    const loss = new nn.CrossEntropyLoss({ weight: Tensor.from([3, 1]) }).forward(logits, shares);
    expect(loss.item()).toBeCloseTo(1.147316, 5);
    expect(() => ops.crossEntropy(logits, shares, { ignoreIndex: 1 })).toThrow(
      'ignoreIndex is not supported for floating point target',
    );
    shares.requiresGrad = true;
    expect(() => ops.crossEntropy(logits, shares)).toThrow('gradients do not flow to target');
  });
});

test('the same loss by another way: the hash of a large batch’s gradient holds for any number of rows', () => {
  const logits = Tensor.randn([1000, 10], { seed: 1 });
  const targets = Array.from({ length: 1000 }, (_, i) => i % 10);
  const whole = ops.crossEntropy(logits, targets, { reduction: 'none' });
  const part = ops.crossEntropy(new Tensor(logits.data.slice(0, 100), [10, 10]), targets.slice(0, 10), {
    reduction: 'none',
  });
  expect(part.data).toEqual(whole.data.slice(0, 10));
});

describe('what is wrong is refused before anything is computed', () => {
  const logits = Tensor.zeros([2, 3]);
  const call = (target: unknown, options?: unknown) => () =>
    Reflect.apply(ops.crossEntropy, null, [logits, target, options]);
  test.each([
    [[0, 3], RangeError, 'Target 3 is out of bounds.'],
    [[0, -1], RangeError, 'Target -1 is out of bounds.'],
    [[0, 1.5], RangeError, 'target 1 must be a whole number, but is 1.5'],
    [[0, '1'], TypeError, "target 1 must be a number, not '1'"],
    [[0], ShapeError, 'Expected input batch_size (2) to match target batch_size (1)'],
    [Tensor.zeros([3]), ShapeError, 'Expected target size [2], got [3]'],
    ['01', TypeError, 'target must be an Int32Array'],
    [new Float32Array(2), TypeError, 'not a Float32Array'],
    [Uint8Array.of(0, 3), RangeError, 'Target 3 is out of bounds.'],
  ])('target %s', (target, type, words) => {
    expect(call(target)).toThrow(type);
    expect(call(target)).toThrow(words);
  });

  test('options and shapes', () => {
    expect(call([0, 1], { labelSmoothing: 2 })).toThrow(RangeError);
    expect(call([0, 1], { labelsmoothing: 0 })).toThrow(/did you mean 'labelSmoothing'/);
    expect(call([0, 1], { weight: Tensor.ones([2]) })).toThrow(ShapeError);
    expect(call([0, 1], { reduction: 'avg' })).toThrow(RangeError);
    expect(() => ops.softmax(logits, { dim: 2 })).toThrow(RangeError);
    expect(() => Reflect.apply(ops.softmax, null, [logits])).toThrow(TypeError);
    expect(() => ops.dropout(logits, { p: 1.1 })).toThrow(
      'dropout probability has to be between 0 and 1, but got 1.1',
    );
    expect(() => new nn.Dropout(-1)).toThrow(RangeError);
  });

  test('backward from a loss that is no number', () => {
    const x = Tensor.from([[Number.NaN, 0]]);
    x.requiresGrad = true;
    expect(() => ops.crossEntropy(x, [0]).backward()).toThrow(/the loss is NaN/);
  });
});
