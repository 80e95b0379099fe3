// The layers of the convolution family: their names, sizes and printing, channels left to the first input, and the same
// bits in the background.

import { describe, expect, test } from 'vitest';
import { manualSeed, nn, ops, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';

const layers: [string, number[], number[], () => nn.Module][] = [
  ['Conv1d', [2, 3, 20], [2, 4, 20], () => new nn.Conv1d(3, 4, 2, { padding: 'causal', dilation: 3 })],
  [
    'Conv3d',
    [2, 3, 4, 6, 5],
    [2, 4, 4, 3, 3],
    () => new nn.Conv3d(3, 4, 3, { padding: 1, stride: [1, 2, 2] }),
  ],
  [
    'ConvTranspose1d',
    [2, 3, 7],
    [2, 4, 13],
    () => new nn.ConvTranspose1d(3, 4, 3, { stride: 2, padding: 1, activation: 'relu' }),
  ],
  [
    'ConvTranspose2d',
    [2, 6, 5, 4],
    [2, 4, 10, 8],
    () => new nn.ConvTranspose2d(6, 4, 4, { stride: 2, padding: 1, groups: 2 }),
  ],
  [
    'ConvTranspose3d',
    [2, 3, 2, 3, 4],
    [2, 4, 4, 6, 8],
    () => new nn.ConvTranspose3d(3, 4, 3, { stride: 2, padding: 1, outputPadding: 1 }),
  ],
  ['Linear', [2, 5, 3], [2, 5, 4], () => new nn.Linear(3, 4, { activation: 'tanh' })],
  [
    'DepthwiseSeparableConv2d',
    [2, 3, 9, 9],
    [2, 4, 5, 5],
    () => new nn.DepthwiseSeparableConv2d(3, 4, 3, { depthMultiplier: 2, padding: 1, stride: 2 }),
  ],
  ['MaxPool1d', [2, 3, 20], [2, 3, 10], () => new nn.MaxPool1d(2)],
  ['MaxPool3d', [2, 3, 4, 6, 6], [2, 3, 2, 3, 3], () => new nn.MaxPool3d(2)],
  ['AvgPool1d', [2, 3, 20], [2, 3, 10], () => new nn.AvgPool1d(2)],
  ['AvgPool3d', [2, 3, 4, 6, 6], [2, 3, 2, 3, 3], () => new nn.AvgPool3d(2)],
  ['AdaptiveAvgPool1d', [2, 3, 20], [2, 3, 7], () => new nn.AdaptiveAvgPool1d(7)],
  ['AdaptiveAvgPool3d', [2, 3, 4, 6, 6], [2, 3, 4, 1, 5], () => new nn.AdaptiveAvgPool3d([null, 1, 5])],
  ['AdaptiveMaxPool1d', [2, 3, 20], [2, 3, 7], () => new nn.AdaptiveMaxPool1d(7)],
  ['AdaptiveMaxPool2d', [2, 3, 6, 7], [2, 3, 2, 3], () => new nn.AdaptiveMaxPool2d([2, 3])],
  ['AdaptiveMaxPool3d', [2, 3, 4, 6, 6], [2, 3, 1, 1, 1], () => new nn.AdaptiveMaxPool3d(1)],
];

describe.each(contenders())('$name', (contender) => {
  test.each(layers)(
    '%s: sizes, one image alone, an empty batch, the background',
    async (_, shape, output, make) => {
      contender.use();
      const layer = make();
      const x = Tensor.randn(shape, { seed: 1 });
      const y = layer.forward(x);
      expect(y.shape).toEqual(output);
      expect(bits(await layer.forwardAsync(x))).toEqual(bits(y));
      const promise = layer.forwardAsync(x);
      x.data.fill(Number.NaN);
      expect(bits(await promise)).toEqual(bits(y));
      const first = Tensor.randn(shape, { seed: 1 });
      const alone = layer.forward(new Tensor(first.data.slice(0, first.data.length / 2), shape.slice(1)));
      expect(alone.shape).toEqual(output.slice(1));
      expect(bits(alone)).toEqual(bits(y).slice(0, alone.data.length));
      expect(layer.forward(Tensor.zeros([0, ...shape.slice(1)])).shape).toEqual([0, ...output.slice(1)]);
      const signal = AbortSignal.abort('enough');
      await expect(layer.forwardAsync(first, { signal })).rejects.toBe('enough');
    },
  );

  test('a separable convolution is its two convolutions', () => {
    contender.use();
    const layer = new nn.DepthwiseSeparableConv2d(3, 8, [3, 5], {
      depthMultiplier: 2,
      padding: 'same',
      depthwiseActivation: 'relu6',
      activation: 'leakyRelu',
      negativeSlope: 0.2,
    });
    const { depthwise, pointwise } = layer;
    expect(depthwise.weight.shape).toEqual([6, 1, 3, 5]);
    expect(pointwise.weight.shape).toEqual([8, 6, 1, 1]);
    const x = Tensor.randn([2, 3, 7, 9], { seed: 2 });
    const between = ops.conv2d(x, depthwise.weight, depthwise.bias, { groups: 3, padding: 'same' });
    const y = ops.conv2d(ops.relu6(between), pointwise.weight, pointwise.bias);
    expect(bits(layer.forward(x))).toEqual(bits(ops.leakyRelu(y, { negativeSlope: 0.2 })));
  });
});

test('a separable convolution names its parameters, and each step may go without a bias', () => {
  const names = (options: nn.DepthwiseSeparableConv2dOptions) =>
    Object.keys(new nn.DepthwiseSeparableConv2d(3, 8, 3, options).stateDict());
  expect(names({})).toEqual(['depthwise.weight', 'depthwise.bias', 'pointwise.weight', 'pointwise.bias']);
  expect(names({ bias: false })).toEqual(['depthwise.weight', 'pointwise.weight']);
  expect(names({ depthwiseBias: false })).toEqual(['depthwise.weight', 'pointwise.weight', 'pointwise.bias']);
  const full = 8 * 3 * 9;
  const separable = 3 * 9 + 8 * 3;
  const count = new nn.DepthwiseSeparableConv2d(3, 8, 3, { bias: false })
    .parameters()
    .reduce((total, { data }) => total + data.length, 0);
  expect(count).toBe(separable);
  expect(count / full).toBeCloseTo(1 / 8 + 1 / 9, 12);
});

test('a transposed layer takes the output size of a call, in the background too', async () => {
  const up = new nn.ConvTranspose2d(4, 2, 3, { stride: 2, padding: 1 });
  expect(up.weight.shape).toEqual([4, 2, 3, 3]);
  const x = Tensor.randn([1, 4, 8, 8], { seed: 1 });
  expect(up.forward(x).shape).toEqual([1, 2, 15, 15]);
  const y = up.forward(x, { outputSize: [16, 15] });
  expect(y.shape).toEqual([1, 2, 16, 15]);
  expect(up.forward(x).shape).toEqual([1, 2, 15, 15]);
  expect(bits(await up.forwardAsync(x, { outputSize: [16, 15] }))).toEqual(bits(y));
  const words = 'requested an output size of (30, 30), but valid sizes range from [15, 15] to [16, 16]';
  expect(() => up.forward(x, { outputSize: 30 })).toThrow(words);
  await expect(up.forwardAsync(x, { outputSize: 30 })).rejects.toThrow(words);
  await expect(Reflect.apply(up.forwardAsync, up, [x, { size: 3 }])).rejects.toThrow(
    "there is no option 'size'",
  );
});

test('layers print their sizes and options', () => {
  expect(String(new nn.ConvTranspose2d(null, 4, 3, { stride: 2, padding: 1, outputPadding: [0, 1] }))).toBe(
    'ConvTranspose2d(null, 4, kernelSize=[3, 3], stride=[2, 2], padding=[1, 1], outputPadding=[0, 1])',
  );
  expect(String(new nn.Conv1d(3, 4, 2, { padding: 'causal', dilation: 2 }))).toBe(
    "Conv1d(3, 4, kernelSize=[2], stride=[1], padding='causal', dilation=[2])",
  );
  expect(String(new nn.Conv3d(null, 4, [1, 2, 3], { bias: false }))).toBe(
    'Conv3d(null, 4, kernelSize=[1, 2, 3], stride=[1, 1, 1], bias=false)',
  );
  expect(String(new nn.Linear(3, 4, { bias: false, activation: 'relu' }))).toBe(
    "Linear(3, 4, activation='relu', bias=false)",
  );
  expect(String(new nn.MaxPool1d(3, { stride: 2 }))).toBe('MaxPool1d(kernelSize=[3], stride=[2])');
  expect(String(new nn.AdaptiveAvgPool3d([null, 1, 5]))).toBe('AdaptiveAvgPool3d(outputSize=[null, 1, 5])');
  expect(String(new nn.DepthwiseSeparableConv2d(3, 4, 3))).toBe(
    [
      'DepthwiseSeparableConv2d(',
      '  (depthwise): Conv2d(3, 3, kernelSize=[3, 3], stride=[1, 1], groups=3)',
      '  (pointwise): Conv2d(3, 4, kernelSize=[1, 1], stride=[1, 1])',
      ')',
    ].join('\n'),
  );
  expect(String(new nn.DepthwiseSeparableConv2d(null, 4, 3))).toBe(
    'DepthwiseSeparableConv2d(null, 4, kernelSize=[3, 3])',
  );
});

describe('channels left to the first input', () => {
  const lazy: [string, () => nn.Module, () => nn.Module, number[]][] = [
    ['Conv1d', () => new nn.Conv1d(null, 4, 3), () => new nn.Conv1d(6, 4, 3), [1, 6, 9]],
    [
      'Conv2d',
      () => new nn.Conv2d(null, 4, 3, { groups: 2 }),
      () => new nn.Conv2d(6, 4, 3, { groups: 2 }),
      [6, 9, 9],
    ],
    ['Conv3d', () => new nn.Conv3d(null, 4, 3), () => new nn.Conv3d(6, 4, 3), [1, 6, 3, 4, 5]],
    [
      'ConvTranspose2d',
      () => new nn.ConvTranspose2d(null, 4, 3, { groups: 2 }),
      () => new nn.ConvTranspose2d(6, 4, 3, { groups: 2 }),
      [1, 6, 3, 4],
    ],
    ['Linear', () => new nn.Linear(null, 4), () => new nn.Linear(6, 4), [2, 6]],
    [
      'DepthwiseSeparableConv2d',
      () => new nn.DepthwiseSeparableConv2d(null, 4, 3, { depthMultiplier: 2 }),
      () => new nn.DepthwiseSeparableConv2d(6, 4, 3, { depthMultiplier: 2 }),
      [1, 6, 5, 5],
    ],
  ];

  test.each(lazy)('%s becomes what it would have been', (_, make, eager, shape) => {
    const x = Tensor.randn(shape, { seed: 1 });
    manualSeed(11);
    const expected = eager();
    manualSeed(11);
    const layer = make();
    expect(layer.forward(x).toArray()).toEqual(expected.forward(x).toArray());
    expect(String(layer)).toBe(String(expected));
    expect(Object.keys(layer.stateDict())).toEqual(Object.keys(expected.stateDict()));
    expect(layer.parameters().map(({ shape }) => shape)).toEqual(
      expected.parameters().map(({ shape }) => shape),
    );
  });

  test.each(lazy)('%s takes its sizes from weights that are loaded', async (_, make, eager, shape) => {
    const x = Tensor.randn(shape, { seed: 1 });
    const expected = eager();
    const net = new nn.Sequential({ conv: make() });
    net.loadStateDict(new nn.Sequential({ conv: expected }).stateDict());
    expect((await net.forwardAsync(x)).toArray()).toEqual(expected.forward(x).toArray());
  });

  test('parameters asked for too early are a clear error', () => {
    const net = new nn.Sequential(new nn.Conv2d(null, 4, 3), new nn.ReLU());
    const words =
      "Sequential: the parameters of Conv2d at '0' are not there yet: inChannels is inferred from the first input; " +
      'run forward once, load weights, or give the number';
    expect(() => net.stateDict()).toThrow(words);
    expect(() => net.parameters()).toThrow(words);
    expect(() => net.loadStateDict({})).toThrow(words);
    const conv = new nn.Conv2d(null, 4, 3);
    expect(() => conv.weight).toThrow('Conv2d: weight is not there yet: inChannels is inferred');
    expect(() => conv.bias).toThrow('Conv2d: bias is not there yet');
    expect(() => {
      conv.weight = Tensor.zeros([4, 3, 3, 3]);
    }).toThrow(
      'Conv2d: weight is not there yet: inChannels is inferred from the first input; run forward once',
    );
    expect(() => conv.inChannels).toThrow('Conv2d: inChannels is inferred from the first input');
    expect(() => new nn.DepthwiseSeparableConv2d(null, 4, 3).depthwise).toThrow('depthwise is not there yet');
    expect(String(net)).toContain('(0): Conv2d(null, 4, kernelSize=[3, 3], stride=[1, 1])');
    expect(net.eval().namedModules()).toHaveLength(3);
  });

  test('an input that cannot be leaves the layer waiting', () => {
    const conv = new nn.Conv2d(null, 4, 3, { groups: 2 });
    expect(() => conv.forward(Tensor.zeros([3, 3]))).toThrow(
      'Expected 3D (unbatched) or 4D (batched) input to conv2d',
    );
    expect(() => conv.forward(Tensor.zeros([3, 5, 5]))).toThrow(
      'in_channels must be divisible by groups, but got 3',
    );
    expect(conv.forward(Tensor.zeros([2, 5, 5])).shape).toEqual([4, 3, 3]);
    expect(() => conv.forward(Tensor.zeros([6, 5, 5]))).toThrow('expected input[6, 5, 5] to have 2 channels');
  });

  test('a layer that began in training mode keeps its mode below', () => {
    const layer = new nn.DepthwiseSeparableConv2d(null, 4, 3).eval();
    layer.forward(Tensor.zeros([1, 2, 3, 3]));
    expect(layer.depthwise.training).toBe(false);
  });
});

const make = (name: string, ...args: unknown[]) => Reflect.construct(Reflect.get(nn, name), args);

test.each<[string, unknown[], new () => Error, string]>([
  [
    'Conv1d',
    [3, 4, 3, { groups: 2 }],
    RangeError,
    'Conv1d: in_channels must be divisible by groups, but got 3 and groups=2',
  ],
  ['Conv3d', [4, 3, 3, { groups: 2 }], RangeError, 'Conv3d: out_channels must be divisible by groups'],
  ['Conv3d', [4, 4, [3, 3]], RangeError, 'expected kernelSize to be a single number or a list of 3 numbers'],
  ['Conv1d', [4, 4, 0], RangeError, 'kernel size should be greater than zero'],
  ['Conv1d', [4, 4, 3, { stride: 0 }], RangeError, 'non-positive stride is not supported'],
  ['Conv3d', [4, 4, 3, { padding: -1 }], RangeError, 'negative padding is not supported'],
  ['Conv3d', [4, 4, 3, { dilation: 0 }], RangeError, 'dilation should be greater than zero'],
  ['Conv1d', [4, 4, 3, { groups: 0 }], RangeError, 'groups must be a positive integer'],
  ['Conv1d', [4, 4, 3, { paddingMode: 'zero' }], RangeError, 'paddingMode must be one of'],
  ['Conv1d', [undefined, 4, 3], TypeError, 'Conv1d: inChannels must be a number, not undefined'],
  ['Conv1d', [null, null, 3], TypeError, 'Conv1d: outChannels must be a number, not null'],
  [
    'ConvTranspose2d',
    [3, 4, 3, { groups: 2 }],
    RangeError,
    'ConvTranspose2d: in_channels must be divisible by groups',
  ],
  [
    'ConvTranspose1d',
    [2, 3, 3, { groups: 2 }],
    RangeError,
    'ConvTranspose1d: out_channels must be divisible by groups',
  ],
  [
    'ConvTranspose2d',
    [2, 3, 3, { outputPadding: 1 }],
    RangeError,
    'output padding must be smaller than either stride or dilation',
  ],
  [
    'ConvTranspose2d',
    [2, 3, 3, { paddingMode: 'reflect' }],
    RangeError,
    'Only "zeros" padding mode is supported for ConvTranspose2d',
  ],
  [
    'ConvTranspose3d',
    [2, 3, [3, 3]],
    RangeError,
    'expected kernelSize to be a single number or a list of 3 numbers',
  ],
  ['ConvTranspose1d', [2, 3, 3, { padding: -1 }], RangeError, 'negative padding is not supported'],
  ['GraphConv', [0, 3], RangeError, 'GraphConv: inFeatures must be a positive integer'],
  ['Linear', [0, 4], RangeError, 'Linear: inFeatures must be a positive integer'],
  ['Linear', [3, 4, { relu: true }], TypeError, "Linear: there is no option 'relu'"],
  ['DepthwiseSeparableConv2d', [3, 4, 3, { groups: 3 }], TypeError, "there is no option 'groups'"],
  [
    'DepthwiseSeparableConv2d',
    [3, 4, 3, { depthMultiplier: 0 }],
    RangeError,
    'depthMultiplier must be a positive integer',
  ],
  [
    'DepthwiseSeparableConv2d',
    [null, 4, 3, { stride: 0 }],
    RangeError,
    'DepthwiseSeparableConv2d: non-positive stride',
  ],
  [
    'DepthwiseSeparableConv2d',
    [3, 4, 3, { negativeSlope: 1 }],
    RangeError,
    "negativeSlope is read with 'leakyRelu' only",
  ],
  ['AdaptiveMaxPool2d', [0], RangeError, 'output size must be positive'],
  ['MaxPool3d', [2, { padding: 2 }], RangeError, 'pad should be at most half of effective kernel size'],
])('%s(%j)', (name, args, Class, words) => {
  const thrown = (() => {
    try {
      make(name, ...args);
    } catch (error) {
      return error;
    }
  })();
  expect(thrown).toBeInstanceOf(Class);
  expect(String(thrown)).toContain(words);
});
