// Losses element by element and of classes' logarithms: PyTorch's answers (2.13), float64 and finite differences, one result
// on every backend, and what is refused.

import { describe, expect, test } from 'vitest';
import { compile, nn, ops, ShapeError, Tensor } from '../../lib/index.js';
import { backends, contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { gradcheck } from '../support/gradcheck.js';

const NONE = { reduction: 'none' } as const;

/** What F.<name>(x, target, reduction='none') gives, and its sum's gradient. */
const PYTORCH: readonly {
  readonly name: string;
  readonly x: readonly number[];
  readonly target: readonly number[];
  readonly loss: (x: Tensor, target: Tensor) => Tensor;
  readonly losses: readonly number[];
  readonly gradient: readonly number[];
}[] = [
  {
    name: 'l1_loss',
    x: [0.5, -2, 0, 3, -0.75, 1.5],
    target: [0, 1, 0, 2.9, 0, 0],
    loss: (x, target) => ops.l1Loss(x, target, NONE),
    losses: [0.5, 3, 0, 0.099999905, 0.75, 1.5],
    gradient: [1, -1, 0, 1, -1, 1],
  },
  {
    name: 'smooth_l1_loss(beta=0.75)',
    x: [0.5, -2, 0, 3, -0.75, 1.5],
    target: [0, 1, 0, 2.9, 0, 0],
    loss: (x, target) => ops.smoothL1Loss(x, target, { beta: 0.75, ...NONE }),
    losses: [0.166666672, 2.625, 0, 0.006666654, 0.375, 1.125],
    gradient: [0.666666687, -1, 0, 0.133333206, -1, 1],
  },
  {
    name: 'huber_loss(delta=1.5)',
    x: [0.5, -2, 0, 3, -0.75, 1.5],
    target: [0, 1, 0, 2.9, 0, 0],
    loss: (x, target) => ops.huberLoss(x, target, { delta: 1.5, ...NONE }),
    losses: [0.125, 3.375, 0, 0.004999991, 0.28125, 1.125],
    gradient: [0.5, -1.5, 0, 0.099999905, -0.75, 1.5],
  },
  {
    name: 'binary_cross_entropy',
    x: [0, 1, 0.25, 0.9, 1, 1e-30],
    target: [0, 1, 0.5, 0.1, 0, 1],
    loss: (x, target) => ops.binaryCrossEntropy(x, target, NONE),
    losses: [0, 0, 0.836988211, 2.082862377, 100, 69.077552795],
    gradient: [0, 0, -1.333333373, 8.888886452, 999999995904, -999999995904],
  },
  {
    name: 'binary_cross_entropy_with_logits(weight, pos_weight)',
    x: [0.3, -1.25, 2.5, 0, 100, -100],
    target: [1, 0.25, 0, 0.5, 1, 1],
    loss: (x, target) =>
      ops.binaryCrossEntropyWithLogits(x.reshape([2, 3]), target.reshape([2, 3]), {
        weight: Tensor.from([[2], [0.5]]),
        posWeight: Tensor.from([1, 3, 0.5]),
        ...NONE,
      }),
    losses: [1.108710408, 2.630786896, 5.157779694, 0.346573591, 0, 25],
    gradient: [-0.851114988, -0.831899583, 1.848283648, 0, 0, -0.25],
  },
];

const near = (got: ArrayLike<number>, wanted: readonly number[]) => {
  expect(got.length).toBe(wanted.length);
  wanted.forEach((value, i) => {
    expect(Math.abs(got[i] - value), `${got[i]} for ${value}`).toBeLessThan(
      1e-6 * Math.max(1, Math.abs(value)),
    );
  });
};

describe.each(contenders())('$name', ({ use }) => {
  test.each(PYTORCH)('$name as in PyTorch', ({ x, target, loss, losses, gradient }) => {
    use();
    const leaf = new Tensor(Float32Array.from(x), [x.length], { requiresGrad: true });
    const y = loss(leaf, Tensor.from(target));
    near(y.data, losses);
    ops.sum(y).backward();
    near(leaf.grad?.data ?? [], gradient);
  });

  test('nll_loss as in PyTorch, and crossEntropy in two steps', () => {
    use();
    const x = new Tensor(Float32Array.of(-1, -2, -3, -0.5, -0.25, -4), [2, 3], { requiresGrad: true });
    const loss = ops.nllLoss(x, [2, 0], { weight: Tensor.from([1, 2, 3]) });
    expect(loss.item()).toBe(2.375);
    loss.backward();
    expect(x.grad?.toArray()).toEqual([
      [0, 0, -0.75],
      [-0.25, 0, 0],
    ]);
    const logits = Tensor.randn([5, 7], { seed: 1 });
    const options = { weight: Tensor.rand([7], { seed: 2 }), ignoreIndex: 3 };
    const target = [6, 3, 0, 2, 1];
    expect(ops.nllLoss(ops.logSoftmax(logits, { dim: 1 }), target, options).item()).toBe(
      ops.crossEntropy(logits, target, options).item(),
    );
  });
});

describe.each(backends())('$name', ({ use }) => {
  const sizes = [[0], [1], [15], [16], [17], [257], [2, 3, 5, 4]];
  const signed = (shape: number[], seed: number) => Tensor.randn(shape, { seed });
  const shares = (shape: number[], seed: number) => Tensor.rand(shape, { seed });
  const mean = (losses: Float64Array, reduction: string) => {
    const sum = losses.reduce((a, b) => a + b, 0);
    return reduction === 'none' ? losses : [reduction === 'mean' ? sum / losses.length : sum];
  };
  const away = (d: number, from: number) => Math.abs(Math.abs(d) - from) > 1e-3;

  test.each(['mean', 'sum', 'none'] as const)('gradients by differences, %s', (reduction) => {
    use();
    for (const [round, shape] of sizes.entries()) {
      if (shape[0] === 0) continue;
      const [x, t] = [signed(shape, round), signed(shape, round + 50)];
      // No corner within a difference's reach
      t.data.forEach((value, i, data) => {
        while (!away(x.data[i] - data[i], 0) || !away(x.data[i] - data[i], 0.6)) data[i] = value + 0.1;
      });
      const layout = shape.length === 4 ? x.channelsLast() : x;
      const cost = (penalty: (d: number) => number) => (a: Float64Array, b: Float64Array) =>
        mean(
          a.map((value, i) => penalty(value - b[i])),
          reduction,
        );
      const bent = (d: number) => (Math.abs(d) < 0.6 ? (d * d) / 2 : 0.6 * (Math.abs(d) - 0.3));
      const inputs = [layout, t];
      gradcheck({ inputs, forward: (a, b) => ops.l1Loss(a, b, { reduction }), truth: cost(Math.abs) });
      gradcheck({
        inputs,
        forward: (a, b) => ops.huberLoss(a, b, { delta: 0.6, reduction }),
        truth: cost(bent),
      });
      gradcheck({
        inputs,
        forward: (a, b) => ops.smoothL1Loss(a, b, { beta: 0.6, reduction }),
        truth: cost((d) => bent(d) / 0.6),
      });

      const target = shares(shape, round);
      const wanted = Float64Array.from(target.data);
      const [weight, posWeight] = [shares([shape.at(-1) ?? 1], 3), shares(shape.with(0, 1), 4)];
      const of = (small: Tensor, i: number) =>
        small === weight
          ? small.data[i % weight.data.length]
          : small.data[i % Math.max(1, posWeight.data.length)];
      gradcheck({
        inputs: [layout],
        forward: (a) => ops.binaryCrossEntropyWithLogits(a, target, { weight, posWeight, reduction }),
        truth: (a) =>
          mean(
            a.map((value, i) => {
              const yes = of(posWeight, i) * wanted[i] * Math.log1p(Math.exp(-value));
              return of(weight, i) * (yes + (1 - wanted[i]) * Math.log1p(Math.exp(value)));
            }),
            reduction,
          ),
      });
      const probabilities = shares(shape, round + 9);
      probabilities.data.forEach((p, i, data) => {
        data[i] = 0.05 + 0.9 * p;
      });
      gradcheck({
        inputs: [probabilities],
        forward: (a) => ops.binaryCrossEntropy(a, target, { weight, reduction }),
        truth: (a) =>
          mean(
            a.map((p, i) => -of(weight, i) * (wanted[i] * Math.log(p) + (1 - wanted[i]) * Math.log(1 - p))),
            reduction,
          ),
      });
    }
  });

  test.each(['mean', 'sum', 'none'] as const)('nllLoss by differences, of images too, %s', (reduction) => {
    use();
    const weight = Tensor.from([0.5, 2, 1]);
    const target = [0, 2, -100, 1, 1, 0];
    const truth = (values: Float64Array) => {
      let total = 0;
      const losses = Float64Array.from(target, (t, at) => {
        if (t < 0) return 0;
        total += weight.data[t];
        return -weight.data[t] * values[Math.floor(at / 3) * 9 + t * 3 + (at % 3)];
      });
      const sum = losses.reduce((a, b) => a + b, 0);
      return reduction === 'none' ? losses : [reduction === 'mean' ? sum / total : sum];
    };
    const x = signed([2, 3, 3], 4);
    const targets = Tensor.from([target.slice(0, 3), target.slice(3)]);
    for (const input of [x, x.channelsLast()]) {
      const forward = (t: Tensor) => ops.nllLoss(t, targets, { weight, reduction });
      gradcheck({ inputs: [input], forward, truth });
    }
  });

  test('no elements: nothing in sum, and no mean', () => {
    use();
    const [x, t] = [Tensor.zeros([0]), Tensor.zeros([0])];
    for (const loss of [ops.l1Loss, ops.huberLoss, ops.smoothL1Loss, ops.binaryCrossEntropyWithLogits]) {
      expect(loss(x, t).item()).toBeNaN();
      expect(loss(x, t, { reduction: 'sum' }).item()).toBe(0);
    }
  });
});

test('every backend gives the same bits, gradients included', () => {
  const shape = [3, 7, 19];
  const [x, t] = [Tensor.randn(shape, { seed: 1 }), Tensor.rand(shape, { seed: 2 })];
  const p = Tensor.rand(shape, { seed: 3 });
  const run = () =>
    [
      (a: Tensor) => ops.l1Loss(a, t),
      (a: Tensor) => ops.smoothL1Loss(a, t, { beta: 0.3 }),
      (a: Tensor) => ops.huberLoss(a, t, { delta: 0.7 }),
      (a: Tensor) => ops.binaryCrossEntropyWithLogits(a, t, { posWeight: p }),
      (a: Tensor) =>
        ops.nllLoss(
          a.reshape([57, 7]),
          Array.from({ length: 57 }, (_, i) => i % 7),
        ),
    ]
      .map((loss) => [loss, x] as const)
      .concat([[(a: Tensor) => ops.binaryCrossEntropy(a, t), p]])
      .map(([loss, input]) => {
        const leaf = input.detach();
        leaf.requiresGrad = true;
        const y = loss(leaf);
        y.backward();
        return [bits(y), bits(leaf.grad ?? leaf)];
      });
  const results = contenders().map(({ use }) => {
    use();
    return run();
  });
  for (const result of results) expect(result).toEqual(results[0]);
});

describe('as layers', () => {
  test('they print themselves and compute the same', () => {
    const [x, t] = [Tensor.from([0.25, 0.5]), Tensor.from([0, 1])];
    const pairs = [
      [new nn.L1Loss({ reduction: 'sum' }), ops.l1Loss(x, t, { reduction: 'sum' }), 'L1Loss(reduction=sum)'],
      [new nn.SmoothL1Loss(), ops.smoothL1Loss(x, t), 'SmoothL1Loss(beta=1, reduction=mean)'],
      [
        new nn.HuberLoss({ delta: 2 }),
        ops.huberLoss(x, t, { delta: 2 }),
        'HuberLoss(delta=2, reduction=mean)',
      ],
      [new nn.BCELoss(), ops.binaryCrossEntropy(x, t), 'BCELoss(reduction=mean)'],
      [
        new nn.BCEWithLogitsLoss({ posWeight: Tensor.from([2]) }),
        ops.binaryCrossEntropyWithLogits(x, t, { posWeight: Tensor.from([2]) }),
        'BCEWithLogitsLoss(reduction=mean)',
      ],
      [new nn.MSELoss(), ops.mseLoss(x, t), 'MSELoss(reduction=mean)'],
    ] as const;
    for (const [layer, expected, printed] of pairs) {
      expect(layer.forward(x, t).item()).toBe(expected.item());
      expect(String(layer)).toBe(printed);
      expect(layer.parameters()).toEqual([]);
    }
    expect(new nn.NLLLoss().forward(Tensor.from([[-1, -2]]), [1]).item()).toBe(2);
  });
});

describe('what is wrong is refused', () => {
  const [x, t] = [Tensor.from([0.5, 0.5]), Tensor.from([1, 0])];
  const learned = new Tensor(new Float32Array(2), [2], { requiresGrad: true });
  const binary = ops.binaryCrossEntropyWithLogits;
  test.each<[string, () => unknown, typeof RangeError | typeof TypeError | typeof ShapeError, RegExp]>([
    [
      'shapes',
      () => ops.l1Loss(x, Tensor.zeros([3])),
      ShapeError,
      /^l1Loss: x and target must have the same/,
    ],
    ['beta', () => ops.smoothL1Loss(x, t, { beta: -1 }), RangeError, /beta must be a finite float32/],
    ['beta too small', () => ops.smoothL1Loss(x, t, { beta: 1e-60 }), RangeError, /beta must be/],
    ['delta', () => ops.huberLoss(x, t, { delta: 0 }), RangeError, /delta must be greater than 0/],
    ['delta’s kind', () => new nn.HuberLoss(JSON.parse('{"delta":"1"}')), TypeError, /not '1'/],
    [
      'an option',
      () => ops.l1Loss(x, t, JSON.parse('{"reducton":1}')),
      TypeError,
      /did you mean 'reduction'/,
    ],
    [
      'what is no probability',
      () => ops.binaryCrossEntropy(Tensor.from([0.5, 1.5]), t),
      RangeError,
      /all elements of input should be between 0 and 1, but element 1 is 1.5; apply a sigmoid/,
    ],
    ['targets that learn', () => binary(x, learned), TypeError, /gradients do not flow to target.*detach/],
    ['weights that learn', () => binary(x, t, { weight: learned }), TypeError, /flow to weight/],
    ['a larger weight', () => binary(x, t, { weight: Tensor.ones([3, 2]) }), ShapeError, /does not repeat/],
    [
      'posWeight of another size',
      () => binary(x, t, { posWeight: Tensor.ones([3]) }),
      ShapeError,
      /size of tensor/,
    ],
    [
      'classes out of range',
      () => ops.nllLoss(x.reshape([1, 2]), [2]),
      RangeError,
      /Target 2 is out of bounds/,
    ],
    [
      'too many classes',
      () => ops.nllLoss(x.reshape([1, 2]), [0, 1]),
      ShapeError,
      /to match target batch_size \(2\)/,
    ],
    ['a backward without a graph', () => ops.l1Loss(x, t).backward(), TypeError, /does not require grad/],
  ])('%s', (_, call, type, words) => {
    expect(call).toThrow(type);
    expect(call).toThrow(words);
  });

  test('an output that changed between forward and backward', () => {
    const leaf = new Tensor(Float32Array.of(0.5, 0.5), [2], { requiresGrad: true });
    const loss = ops.binaryCrossEntropy(leaf, t);
    leaf.data[0] = 0.75;
    expect(() => loss.backward()).toThrow(/modified by an inplace operation: binaryCrossEntropy/);
  });

  test('a compiled network: losses are for training', async () => {
    class Trained extends nn.Module {
      constructor(readonly loss: (output: Tensor) => Tensor) {
        super();
      }
      forward(input: Tensor): Tensor {
        return this.loss(ops.sigmoid(input));
      }
    }
    for (const loss of [
      (a: Tensor) => ops.binaryCrossEntropy(a, t, NONE),
      (a: Tensor) => binary(a, t, NONE),
      (a: Tensor) => ops.l1Loss(a, t),
    ]) {
      await expect(
        compile(new Trained(loss), { inputShape: [2] }).then((session) => session.runSync(x)),
      ).rejects.toThrow();
    }
  });

  test('targets may be written to: the gradient is of what they were', () => {
    const leaf = new Tensor(new Float32Array(2), [2], { requiresGrad: true });
    const target = Tensor.from([1, 0]);
    const loss = binary(leaf, target, { reduction: 'sum' });
    target.data.fill(7);
    loss.backward();
    expect(leaf.grad?.toArray()).toEqual([-0.5, 0.5]);
  });
});
