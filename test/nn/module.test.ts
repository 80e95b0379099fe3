// Modules: what they find in their fields, how they name it, save it, load it and print it.

import { describe, expect, test } from 'vitest';
import { manualSeed, nn, ops, ShapeError, Tensor } from '../../lib/index.js';

class Residual extends nn.Module {
  conv = new nn.Conv2d(2, 2, 3, { padding: 1 });
  scale = Tensor.ones([2]);
  layers = [new nn.ReLU(), new nn.Conv2d(2, 4, 1, { bias: false })];
  #memory = Tensor.zeros([1]);

  constructor() {
    super();
    this.registerBuffer('seen', Tensor.zeros([1]));
  }

  override forward(x: Tensor): Tensor {
    this.#memory = x;
    return ops.add(x, this.conv.forward(this.#memory));
  }
}

describe('fields', () => {
  test('tensors and modules get their names from fields', () => {
    const net = new nn.Sequential({ first: new Residual(), last: new nn.ReLU() });
    expect(net.namedParameters().map(([name]) => name)).toEqual([
      'first.scale',
      'first.conv.weight',
      'first.conv.bias',
      'first.layers.1.weight',
    ]);
    expect(net.namedBuffers().map(([name]) => name)).toEqual(['first.seen']);
    expect(Object.keys(net.stateDict())).toContain('first.seen');
    expect(net.namedModules().map(([name]) => name)).toEqual([
      '',
      'first',
      'first.conv',
      'first.layers.0',
      'first.layers.1',
      'last',
    ]);
    expect(net.parameters()).toHaveLength(4);
  });

  test('a module used twice counts once, and is saved under both names, as PyTorch does', () => {
    const shared = new nn.Conv2d(1, 1, 1);
    const net = new nn.Sequential(shared, new nn.ReLU(), shared);
    expect(net.parameters()).toHaveLength(2);
    expect(Object.keys(net.stateDict())).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect(net.forward(Tensor.ones([1, 1, 1, 1])).shape).toEqual([1, 1, 1, 1]);
  });

  test('a module that contains itself is an error, not an endless loop', () => {
    const net = new Residual();
    Object.assign(net, { me: net });
    expect(() => net.stateDict()).toThrow(/a module contains itself, at 'me'/);
  });

  test('train and eval reach every module below', () => {
    const net = new nn.Sequential(new Residual());
    expect(net.eval()).toBe(net);
    expect(net.namedModules().every(([, module]) => !module.training)).toBe(true);
    net.train();
    expect(net.namedModules().every(([, module]) => module.training)).toBe(true);
  });
});

describe('stateDict and loadStateDict', () => {
  const build = () => new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.ReLU(), new nn.Conv2d(2, 1, 1));

  test('round trip', () => {
    const from = build();
    const to = build();
    const x = Tensor.randn([1, 1, 5, 5], { seed: 1 });
    expect(to.forward(x).toArray()).not.toEqual(from.forward(x).toArray());
    expect(to.loadStateDict(from.stateDict())).toEqual({ missingKeys: [], unexpectedKeys: [] });
    expect(to.forward(x).toArray()).toEqual(from.forward(x).toArray());
    expect(Object.keys(from.stateDict())).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
  });

  test('copies: what was loaded from does not follow', () => {
    const to = build();
    const bias = Tensor.ones([1]);
    to.loadStateDict({ ...to.stateDict(), '2.bias': bias });
    bias.data[0] = 7;
    expect(to.stateDict()['2.bias'].item()).toBe(1);
  });

  test('nothing is copied where a later tensor has lost its memory', () => {
    const to = build();
    const before = to.stateDict()['0.weight'].toArray();
    const lost = Tensor.ones([1]);
    structuredClone(lost.data.buffer, { transfer: [lost.data.buffer as ArrayBuffer] });
    const dict = { ...to.stateDict(), '0.weight': Tensor.ones([2, 1, 3, 3]), '2.bias': lost };
    expect(() => to.loadStateDict(dict)).toThrow(
      'loadStateDict: "2.bias": the buffer of a tensor of 1 elements',
    );
    expect(to.stateDict()['0.weight'].toArray()).toEqual(before);
  });

  test('a write through the dictionary is seen by the layer', () => {
    const net = new nn.Sequential(new nn.Conv2d(1, 1, 1));
    net.forward(Tensor.ones([1, 1, 1, 1]));
    net.stateDict()['0.weight'].data[0] = 2;
    net.stateDict()['0.bias'].data[0] = 1;
    expect(net.forward(Tensor.ones([1, 1, 1, 1])).item()).toBe(3);
  });

  test('every fault is listed in the words of PyTorch, and nothing is copied', () => {
    const to = build();
    const before = to.stateDict()['2.weight'].toArray();
    const dict = {
      '0.weight': Tensor.zeros([2, 1, 5, 5]),
      '2.weight': Tensor.zeros([1, 2, 1, 1]),
      x: Tensor.ones([1]),
    };
    expect(() => to.loadStateDict(dict)).toThrowErrorMatchingInlineSnapshot(`
      [ShapeError: loadStateDict: Error(s) in loading state_dict for Sequential:
      	Missing key(s) in state_dict: "0.bias", "2.bias".
      	Unexpected key(s) in state_dict: "x".
      	size mismatch for 0.weight: copying a param with shape [2, 1, 5, 5] from checkpoint, the shape in current model is [2, 1, 3, 3].]
    `);
    expect(() => to.loadStateDict(dict)).toThrow(ShapeError);
    expect(to.stateDict()['2.weight'].toArray()).toEqual(before);
    expect(() => to.loadStateDict({})).toThrow(RangeError);
  });

  test('without strict, only sizes must agree', () => {
    const to = build();
    const faults = to.loadStateDict({ '2.bias': Tensor.ones([1]), x: Tensor.ones([1]) }, { strict: false });
    expect(faults).toEqual({ missingKeys: ['0.weight', '0.bias', '2.weight'], unexpectedKeys: ['x'] });
    expect(to.stateDict()['2.bias'].item()).toBe(1);
    expect(() => to.loadStateDict({ '2.bias': Tensor.ones([2]) }, { strict: false })).toThrow(
      /size mismatch for 2.bias/,
    );
  });

  test.each([[null], [[]], [Tensor.ones([1])], ['weights.pth']])('refuses %s for a dictionary', (dict) => {
    expect(() => Reflect.apply(build().loadStateDict, build(), [dict])).toThrow(TypeError);
  });

  test('refuses a value that is no tensor', () => {
    const load = () => Reflect.apply(nn.Module.prototype.loadStateDict, build(), [{ '0.bias': [1, 2] }]);
    expect(load).toThrow('"0.bias" must be a Tensor, not [1, 2]');
  });
});

describe('Conv2d', () => {
  test("begins within PyTorch's bounds, the same for the same seed", () => {
    manualSeed(1);
    const conv = new nn.Conv2d(8, 16, [3, 5], { groups: 2 });
    const bound = 1 / Math.sqrt(4 * 15);
    expect(conv.weight.shape).toEqual([16, 4, 3, 5]);
    for (const tensor of conv.parameters()) {
      const largest = tensor.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(largest).toBeLessThanOrEqual(Math.fround(bound));
      expect(largest).toBeGreaterThan(0.7 * bound);
    }
    manualSeed(1);
    const again = new nn.Conv2d(8, 16, [3, 5], { groups: 2 });
    expect(again.weight.toArray()).toEqual(conv.weight.toArray());
    expect(new nn.Conv2d(8, 16, [3, 5], { groups: 2 }).weight.toArray()).not.toEqual(conv.weight.toArray());
  });

  test('without bias', () => {
    const conv = new nn.Conv2d(1, 1, 1, { bias: false });
    expect(conv.bias).toBeNull();
    expect(conv.parameters()).toHaveLength(1);
  });

  test('computes what ops.conv2d computes', () => {
    const conv = new nn.Conv2d(4, 6, 3, { stride: 2, padding: 'same', groups: 2, activation: 'relu' });
    const x = Tensor.randn([2, 4, 9, 9], { seed: 1 });
    const options = { stride: 2, padding: 'same', groups: 2, activation: 'relu' } as const;
    expect(conv.forward(x).toArray()).toEqual(ops.conv2d(x, conv.weight, conv.bias, options).toArray());
    conv.weight = Tensor.zeros([6, 2, 3, 3]);
    conv.bias = Tensor.ones([6]);
    expect(conv.forward(x).data.every((value) => value === 1)).toBe(true);
  });

  const wrong: [unknown[], new () => Error, string][] = [
    [[0, 1, 1], RangeError, 'Conv2d: inChannels must be a positive integer, but got inChannels=0'],
    [['3', 1, 1], TypeError, "Conv2d: inChannels must be a number, not '3'"],
    [[1, 1.5, 1], RangeError, 'outChannels must be a whole number'],
    [[3, 4, 1, { groups: 2 }], RangeError, 'in_channels must be divisible by groups, but got 3 and groups=2'],
    [
      [4, 3, 1, { groups: 2 }],
      RangeError,
      'out_channels must be divisible by groups, but got 3 and groups=2',
    ],
    [[1, 1, 0], RangeError, 'kernel size should be greater than zero'],
    [[1, 1, [3, 3, 3]], RangeError, 'expected kernelSize to be a single number or a list of 2 numbers'],
    [[1, 1], TypeError, 'kernelSize must be a number, not undefined'],
    [[1, 1, 1, { bias: 1 }], TypeError, 'bias must be true or false, not 1'],
    [[1, 1, 1, { biass: true }], TypeError, "there is no option 'biass'; did you mean 'bias'?"],
    [[1, 1, 1, 2], TypeError, 'options must be an object, not 2'],
    [[1, 1, 1, { stride: -1 }], RangeError, 'Conv2d: non-positive stride is not supported'],
  ];
  test.each(wrong)('refuses %j', (args, kind, words) => {
    const make = () => Reflect.construct(nn.Conv2d, args);
    expect(make).toThrow(kind);
    expect(make).toThrow(words);
  });
});

test('layers of one function compute what their functions do', () => {
  const x = Tensor.randn([1, 2, 6, 6], { seed: 1 });
  const pairs: [nn.Module, Tensor][] = [
    [new nn.ReLU(), ops.relu(x)],
    [new nn.ReLU6(), ops.relu6(x)],
    [new nn.LeakyReLU({ negativeSlope: 0.2 }), ops.leakyRelu(x, { negativeSlope: 0.2 })],
    [new nn.Sigmoid(), ops.sigmoid(x)],
    [new nn.Tanh(), ops.tanh(x)],
    [new nn.SiLU(), ops.silu(x)],
    [new nn.GELU(), ops.gelu(x)],
    [new nn.Hardswish(), ops.hardswish(x)],
    [new nn.MaxPool2d(2), ops.maxPool2d(x, { kernelSize: 2 })],
    [
      new nn.AvgPool2d(3, { stride: 1, padding: 1 }),
      ops.avgPool2d(x, { kernelSize: 3, stride: 1, padding: 1 }),
    ],
    [new nn.AdaptiveAvgPool2d([1, 2]), ops.adaptiveAvgPool2d(x, { outputSize: [1, 2] })],
    [new nn.Flatten(), ops.flatten(x, { startDim: 1 })],
  ];
  for (const [module, expected] of pairs) expect(module.forward(x).toArray()).toEqual(expected.toArray());
});

test("String(module) reads like PyTorch's", () => {
  const net = new nn.Sequential({
    stem: new nn.Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false }),
    block: new nn.Sequential(
      new nn.Conv2d(64, 64, [3, 1], {
        padding: [[0, 1], 2],
        dilation: 2,
        groups: 64,
        paddingMode: 'reflect',
        activation: 'leakyRelu',
        negativeSlope: 0.1,
      }),
      new nn.Conv2d(64, 8, 1, { padding: 'same' }),
      new nn.LeakyReLU(),
      new nn.MaxPool2d(3, { stride: 2, padding: 1, ceilMode: true }),
    ),
    own: new Residual(),
    pool: new nn.AdaptiveAvgPool2d([1, null]),
    flat: new nn.Flatten(),
  });
  expect(String(net)).toMatchInlineSnapshot(`
    "Sequential(
      (stem): Conv2d(3, 64, kernelSize=[7, 7], stride=[2, 2], padding=[3, 3], bias=false)
      (block): Sequential(
        (0): Conv2d(64, 64, kernelSize=[3, 1], stride=[1, 1], padding=[[0, 1], [2, 2]], dilation=[2, 2], groups=64, paddingMode='reflect', activation='leakyRelu', negativeSlope=0.1)
        (1): Conv2d(64, 8, kernelSize=[1, 1], stride=[1, 1], padding='same')
        (2): LeakyReLU(negativeSlope=0.01)
        (3): MaxPool2d(kernelSize=[3, 3], stride=[2, 2], padding=[1, 1], ceilMode=true)
      )
      (own): Residual(
        (conv): Conv2d(2, 2, kernelSize=[3, 3], stride=[1, 1], padding=[1, 1])
        (layers.0): ReLU()
        (layers.1): Conv2d(2, 4, kernelSize=[1, 1], stride=[1, 1], bias=false)
      )
      (pool): AdaptiveAvgPool2d(outputSize=[1, null])
      (flat): Flatten(startDim=1, endDim=-1)
    )"
  `);
});

test('modules are found in lists and plain objects, nested as they are, and options are none', () => {
  class Heads extends nn.Module {
    heads = { near: new nn.Linear(2, 1), far: [new nn.Linear(2, 1), [new nn.ReLU()]] };
    sizes = { kernel: [3, 3], names: ['a'] };
    round: unknown[] = [];
    forward = (x: Tensor): Tensor => this.heads.near.forward(x);
  }
  const net = new Heads();
  net.round.push(net.round, new nn.Tanh());
  expect(net.namedModules().map(([path]) => path)).toEqual([
    ...['', 'heads.near', 'heads.far.0', 'heads.far.1.0', 'round.1'],
  ]);
  expect(Object.keys(net.stateDict())).toEqual([
    ...['heads.near.weight', 'heads.near.bias', 'heads.far.0.weight', 'heads.far.0.bias'],
  ]);
  net.eval();
  expect(net.heads.far[0]).toMatchObject({ training: false });
});
