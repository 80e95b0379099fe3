// Normalisation layers: what they keep, what they print, whose statistics they use, and their errors.

import { describe, expect, test } from 'vitest';
import { backend, nn, ops, ShapeError, Tensor } from '../../lib/index.js';
import { backends } from '../support/backends.js';

const numbers = (tensor: Tensor | null): number[] => [...(tensor?.data ?? [])];
const draw = (shape: number[], seed: number) => Tensor.randn(shape, { seed });

describe('what batch normalisation keeps', () => {
  test('carries the names of PyTorch, in its order', () => {
    const norm = new nn.BatchNorm2d(3);
    const names = ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'];
    expect(Object.keys(norm.stateDict())).toEqual(names);
    expect(norm.namedParameters().map(([name]) => name)).toEqual(['weight', 'bias']);
    expect(norm.namedBuffers().map(([name]) => name)).toEqual(names.slice(2));
    expect(norm.parameters().every((parameter) => parameter.requiresGrad)).toBe(true);
    expect(norm.numBatchesTracked?.shape).toEqual([]);
    expect([numbers(norm.runningMean), numbers(norm.runningVar)]).toEqual([
      [0, 0, 0],
      [1, 1, 1],
    ]);
  });

  test('loads with the number of batches and without it, and misses everything else', () => {
    const net = new nn.Sequential(new nn.BatchNorm2d(2));
    const trained = new nn.Sequential(new nn.BatchNorm2d(2));
    trained.forward(draw([4, 2, 3, 3], 1));
    const dict = trained.stateDict();
    expect(net.loadStateDict(dict)).toEqual({ missingKeys: [], unexpectedKeys: [] });
    const norm = net.namedChildren()[0][1] as nn.BatchNorm2d;
    expect(numbers(norm.runningMean)).toEqual(numbers(dict['0.running_mean']));
    expect(norm.numBatchesTracked?.item()).toBe(1);

    const { '0.num_batches_tracked': _, ...old } = dict;
    expect(net.loadStateDict(old)).toEqual({ missingKeys: [], unexpectedKeys: [] });
    const { '0.running_var': _gone, ...lacking } = old;
    expect(() => net.loadStateDict(lacking)).toThrow('Missing key(s) in state_dict: "0.running_var".');
    expect(() => net.loadStateDict({ ...dict, '0.runningMean': dict['0.running_mean'] })).toThrow(
      'Unexpected key(s) in state_dict: "0.runningMean".',
    );
  });

  test('is less where it is told so', () => {
    const plain = new nn.BatchNorm1d(4, { affine: false });
    expect(Object.keys(plain.stateDict())).toEqual(['running_mean', 'running_var', 'num_batches_tracked']);
    const own = new nn.BatchNorm1d(4, { trackRunningStats: false });
    expect(Object.keys(own.stateDict())).toEqual(['weight', 'bias']);
    const x = draw([6, 4], 2);
    expect(own.eval().forward(x).toArray()).toEqual(own.train().forward(x).toArray());
    expect(Object.keys(new nn.InstanceNorm2d(4).stateDict())).toEqual([]);
    expect(Object.keys(new nn.GroupNorm(2, 4).stateDict())).toEqual(['weight', 'bias']);
  });

  test('prints', () => {
    expect(String(new nn.BatchNorm2d(64))).toBe(
      'BatchNorm2d(64, eps=0.00001, momentum=0.1, affine=true, trackRunningStats=true)',
    );
    expect(String(new nn.BatchNorm1d(8, { momentum: null, activation: 'relu' }))).toBe(
      "BatchNorm1d(8, eps=0.00001, momentum=null, affine=true, trackRunningStats=true, activation='relu')",
    );
    expect(String(new nn.InstanceNorm2d(3))).toBe(
      'InstanceNorm2d(3, eps=0.00001, momentum=0.1, affine=false, trackRunningStats=false)',
    );
    expect(String(new nn.GroupNorm(2, 4))).toBe('GroupNorm(2, 4, eps=0.00001, affine=true)');
  });
});

describe.each(backends())('$name', ({ use }) => {
  test('training uses the batch, inference what was learned of batches', () => {
    use();
    const norm = new nn.BatchNorm2d(2, { momentum: 0.25, eps: 0 });
    const x = new Tensor(Float32Array.of(1, 3, 5, 7, 2, 2, 4, 4), [1, 2, 2, 2]);
    const y = norm.forward(x);
    const root5 = Math.sqrt(5);
    numbers(y).forEach((value, i) => {
      expect(value).toBeCloseTo([-3 / root5, -1 / root5, 1 / root5, 3 / root5, -1, -1, 1, 1][i], 6);
    });
    // means 4 and 3, unbiased variances 20 / 3 and 4 / 3
    expect(numbers(norm.runningMean)).toEqual([1, 0.75]);
    expect(norm.runningVar?.data[0]).toBeCloseTo(0.75 + 0.25 * (20 / 3), 6);
    expect(norm.numBatchesTracked?.item()).toBe(1);
    norm.eval();
    const before = numbers(norm.runningMean);
    const inference = numbers(norm.forward(x));
    expect(inference[0]).toBeCloseTo((1 - 1) / Math.sqrt(0.75 + 5 / 3), 6);
    expect(numbers(norm.runningMean)).toEqual(before);
    expect(norm.numBatchesTracked?.item()).toBe(1);
  });

  test('momentum null takes the mean over all batches', () => {
    use();
    const norm = new nn.BatchNorm1d(1, { momentum: null });
    const batches = [
      [1, 3],
      [10, 14],
      [4, 4.5],
    ];
    for (const [a, b] of batches) norm.forward(Tensor.from([[a], [b]]));
    expect(norm.runningMean?.item()).toBeCloseTo((2 + 12 + 4.25) / 3, 5);
    expect(norm.runningVar?.item()).toBeCloseTo((2 + 8 + 0.125) / 3, 5);
    expect(norm.numBatchesTracked?.item()).toBe(3);
  });

  test('layouts cannot matter', () => {
    use();
    const norm = new nn.BatchNorm3d(5);
    const x = draw([3, 5, 2, 4, 3], 7);
    const a = norm.forward(x);
    expect(norm.forward(x.channelsLast()).toArray()).toEqual(a.toArray());
    const group = new nn.GroupNorm(5, 5);
    expect(group.forward(x.channelsLast()).toArray()).toEqual(group.forward(x).toArray());
  });

  test('instances are batches of one image, and groups of one channel', () => {
    use();
    const x = draw([3, 4, 5, 6], 3);
    const each = ops.instanceNorm(x).toArray() as number[][][][];
    const image = (n: number) => new Tensor(x.data.slice(n * 120, (n + 1) * 120), [1, 4, 5, 6]);
    for (let n = 0; n < 3; n++) {
      expect([each[n]]).toEqual(ops.batchNorm(image(n), { training: true }).toArray());
      expect(new nn.InstanceNorm2d(4).forward(image(n).reshape([4, 5, 6])).toArray()).toEqual(each[n]);
    }
    expect(ops.groupNorm(x, { numGroups: 4 }).toArray()).toEqual(each);
  });

  test('instance normalisation can learn running statistics', () => {
    use();
    const norm = new nn.InstanceNorm1d(2, { trackRunningStats: true, momentum: 0.5, eps: 0 });
    const x = Tensor.from([
      [
        [0, 2],
        [5, 5],
      ],
      [
        [4, 8],
        [1, 3],
      ],
    ]);
    norm.forward(x);
    expect(numbers(norm.runningMean)).toEqual([1.75, 1.75]);
    expect(numbers(norm.runningVar)).toEqual([0.5 + 0.5 * 5, 0.5 + 0.5 * 1]);
    const y = norm.eval().forward(
      Tensor.from([
        [
          [1.75, 1.75 + Math.sqrt(3)],
          [1.75, 2.75],
        ],
      ]),
    );
    [0, 1, 0, 1].forEach((wanted, i) => {
      expect(y.data[i]).toBeCloseTo(wanted, 6);
    });
  });

  test('inference by the statistics of one batch agrees with training', () => {
    use();
    const x = draw([8, 3, 4, 4], 5);
    const [runningMean, runningVar] = [Tensor.zeros([3]), Tensor.zeros([3])];
    const y = ops.batchNorm(x, { training: true, runningMean, runningVar, momentum: 1 });
    // 128 numbers: Bessel's correction is taken back
    const biased = new Tensor(
      runningVar.data.map((v) => (v * 127) / 128),
      [3],
    );
    const again = ops.batchNorm(x, { runningMean, runningVar: biased });
    y.data.forEach((value, i) => {
      expect(again.data[i]).toBeCloseTo(value, 5);
    });
  });
});

describe('errors', () => {
  backend.use('reference');
  test('of sizes', () => {
    const one = Tensor.zeros([1, 3]);
    expect(() => new nn.BatchNorm1d(3).forward(one)).toThrow(ShapeError);
    expect(() => new nn.BatchNorm1d(3).forward(one)).toThrow(
      'batchNorm: Expected more than 1 value per channel when training, got input size [1, 3]',
    );
    expect(() => new nn.BatchNorm2d(3).forward(Tensor.zeros([1, 3, 1, 1]))).toThrow(
      /Expected more than 1 value/,
    );
    expect(new nn.BatchNorm1d(3).eval().forward(one).toArray()).toEqual([[0, 0, 0]]);
    expect(() => new nn.BatchNorm2d(3).forward(Tensor.zeros([2, 3, 4]))).toThrow(
      'BatchNorm2d: expected 4D input (got 3D input of size [2, 3, 4])',
    );
    expect(() => new nn.BatchNorm1d(3).forward(Tensor.zeros([2, 3, 4, 4]))).toThrow(
      'BatchNorm1d: expected 2D or 3D input (got 4D input of size [2, 3, 4, 4])',
    );
    expect(() => new nn.BatchNorm2d(3).forward(Tensor.zeros([2, 4, 4, 4]))).toThrow(
      /num_features \(3\), but got: 4/,
    );
    expect(() => new nn.InstanceNorm2d(3).forward(Tensor.zeros([2, 3, 1, 1]))).toThrow(
      'Expected more than 1 spatial element when training, got input size [2, 3, 1, 1]',
    );
    expect(() => new nn.GroupNorm(2, 4).forward(Tensor.zeros([2, 6, 4, 4]))).toThrow(/\[N, 4, \.\.\.\]/);
    expect(() => ops.groupNorm(Tensor.zeros([2, 6, 4]), { numGroups: 4 })).toThrow(
      'Expected number of channels in input to be divisible by num_groups, but got input of shape [2, 6, 4] and num_groups=4',
    );
    expect(() => ops.batchNorm(Tensor.zeros([2, 3]), { weight: Tensor.ones([4]), training: true })).toThrow(
      'batchNorm: weight should contain 3 elements not 4',
    );
    expect(() =>
      ops.batchNorm(Tensor.zeros([2, 3]), { residual: Tensor.ones([2, 4]), training: true }),
    ).toThrow(/residual and x must have the same shape/);
    expect(() => ops.batchNorm(Tensor.zeros([3]), { training: true })).toThrow(/x must be \[N, C, \.\.\.\]/);
  });

  test('of options', () => {
    expect(() => ops.batchNorm(Tensor.zeros([2, 3]))).toThrow(
      'Expected running_mean and running_var to be defined when training=False',
    );
    expect(() => new nn.GroupNorm(3, 4)).toThrow('GroupNorm: num_channels must be divisible by num_groups');
    expect(() => new nn.BatchNorm2d(0)).toThrow(/numFeatures must be a positive integer/);
    expect(() => new nn.BatchNorm2d(3, { eps: -1 })).toThrow(/eps must be finite and not negative/);
    expect(() => Reflect.construct(nn.BatchNorm2d, [3, { momentum: 'a' }])).toThrow(TypeError);
    expect(() => Reflect.construct(nn.BatchNorm2d, [3, { epsilon: 1 }])).toThrow(/known are 'eps'/);
    expect(() => Reflect.construct(nn.BatchNorm2d, [3, { affine: 1 }])).toThrow(TypeError);
    expect(() => Reflect.apply(ops.groupNorm, null, [Tensor.zeros([2, 4])])).toThrow(
      /numGroups must be a number/,
    );
  });
});
