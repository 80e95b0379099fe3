// Costs against the worked examples of the literature, against counting, and against layers.
import { describe, expect, it } from 'vitest';
import { analysis, nn, ops, Tensor } from '../../lib/index.js';

describe('the literature', () => {
  it('(3 * 3 * 64 + 1) * 128 = 73,856 parameters', () => {
    expect(analysis.parameterCount({ inChannels: 64, outChannels: 128, kernelSize: 3 })).toBe(73_856);
    expect(analysis.parameterCount(new nn.Conv2d(64, 128, 3))).toBe(73_856);
  });

  it('one 3x3 filter on a 5x5 image makes 81 multiply-adds, and the edge shows in rows of 3, 3, 0', () => {
    const filter = { inChannels: 1, outChannels: 1, kernelSize: 3 };
    expect(analysis.macs({ ...filter, inputSize: 5 })).toBe(81);
    expect(analysis.macs({ ...filter, outputSize: [3, 3] })).toBe(81);
    expect(analysis.flops({ ...filter, inputSize: 5 })).toBe(162);
    const rows = (values: number[], width: number) =>
      Tensor.from([[values.map((value) => new Array<number>(width).fill(value))]]);
    const step = rows([0, 0, 1, 1, 1], 5);
    const horizontal = rows([-1, 0, 1], 3);
    expect(ops.conv2d(step, horizontal).toArray()).toEqual(rows([3, 3, 0], 3).toArray());
  });

  it('[[1, 0], [0, -1]] over 1..9 gives -4 everywhere', () => {
    const image = Tensor.from([
      [
        [
          [1, 2, 3],
          [4, 5, 6],
          [7, 8, 9],
        ],
      ],
    ]);
    const kernel = Tensor.from([
      [
        [
          [1, 0],
          [0, -1],
        ],
      ],
    ]);
    expect(ops.conv2d(image, kernel).toArray()).toEqual([
      [
        [
          [-4, -4],
          [-4, -4],
        ],
      ],
    ]);
  });

  it('three 3x3 layers need 27 weights a channel pair where one 7x7 needs 49', () => {
    const weights = (kernelSize: number) =>
      analysis.parameterCount({ inChannels: 1, outChannels: 1, kernelSize, bias: false });
    expect(3 * weights(3)).toBe(27);
    expect(weights(7)).toBe(49);
  });

  it('32 x 32 x 64 to 128 dense outputs costs over 8 million', () => {
    const cost = analysis.denseEquivalent({ inputShape: [64, 32, 32], outputs: 128 });
    expect(cost).toEqual({
      inFeatures: 65_536,
      outFeatures: 128,
      params: 8_388_736,
      macs: 8_388_608,
      flops: 16_777_216,
    });
  });
});

describe('parameterCount', () => {
  it('agrees with layers of every kind', () => {
    for (const groups of [1, 2, 4]) {
      for (const bias of [true, false]) {
        const description = { inChannels: 8, outChannels: 12, groups, bias };
        for (const [Conv, kernelSize] of [
          [nn.Conv1d, [5]],
          [nn.Conv2d, [5, 3]],
          [nn.Conv3d, [1, 2, 3]],
        ] as const) {
          const layer = new Conv(8, 12, kernelSize, { groups, bias });
          expect(analysis.parameterCount({ ...description, kernelSize })).toBe(
            analysis.parameterCount(layer),
          );
        }
      }
    }
    expect(analysis.parameterCount({ inFeatures: 10, outFeatures: 3 })).toBe(33);
    expect(analysis.parameterCount(new nn.Linear(10, 3, { bias: false }))).toBe(30);
  });

  it('counts a shared layer once', () => {
    const shared = new nn.Conv2d(2, 2, 3);
    expect(analysis.parameterCount(new nn.Sequential(shared, new nn.ReLU(), shared))).toBe(38);
  });

  it('refuses groups that do not divide, and unknown names', () => {
    const odd = { inChannels: 3, outChannels: 4, kernelSize: 3, groups: 2 };
    expect(() => analysis.parameterCount(odd)).toThrow(
      'parameterCount: in_channels must be divisible by groups, but got 3 and groups=2',
    );
    const misspelt = { inChannel: 3, outChannels: 4, kernelSize: 3 };
    expect(() => Reflect.apply(analysis.parameterCount, null, [misspelt])).toThrow(
      "did you mean 'inChannels'?",
    );
    expect(() => Reflect.apply(analysis.parameterCount, null, [7])).toThrow(TypeError);
  });
});

describe('macs', () => {
  it('counts one per weight and output position, for the whole batch of a module', () => {
    const layer = new nn.Conv2d(4, 6, [3, 2], { stride: 2, padding: 1, groups: 2 });
    const [, , height, width] = layer.forward(Tensor.zeros([1, 4, 9, 8])).shape;
    const one = height * width * 6 * 2 * 3 * 2;
    expect(analysis.macs(layer, { inputShape: [5, 4, 9, 8] })).toBe(5 * one);
    const description = { inChannels: 4, outChannels: 6, kernelSize: [3, 2], groups: 2 };
    expect(analysis.macs({ ...description, inputSize: [9, 8], stride: 2, padding: 1 })).toBe(one);
    expect(analysis.flops(layer, { inputShape: [5, 4, 9, 8] })).toBe(10 * one);
  });

  it('counts a fully connected layer at each of its rows', () => {
    expect(analysis.macs(new nn.Linear(8, 10), { inputShape: [3, 8] })).toBe(240);
    expect(analysis.macs({ inFeatures: 8, outFeatures: 10 })).toBe(80);
  });

  it('counts a transposed convolution at each of its inputs', () => {
    const up = { inChannels: 16, outChannels: 8, kernelSize: 4, transposed: true };
    expect(analysis.macs({ ...up, inputSize: 8 })).toBe(64 * 16 * 8 * 16);
    const layer = new nn.ConvTranspose2d(16, 8, 4, { stride: 2, padding: 1 });
    expect(analysis.macs(layer, { inputShape: [1, 16, 8, 8] })).toBe(64 * 16 * 8 * 16);
    expect(analysis.parameterCount(up)).toBe(analysis.parameterCount(layer));
    expect(() => analysis.macs({ ...up, outputSize: 16 })).toThrow(
      'a transposed convolution needs its inputSize',
    );
  });

  it('sees operations called as functions', () => {
    class Functional extends nn.Module {
      override forward(x: Tensor): Tensor {
        return ops.relu(ops.conv2d(x, Tensor.zeros([2, 1, 3, 3])));
      }
    }
    expect(analysis.macs(new Functional(), { inputShape: [1, 1, 5, 5] })).toBe(162);
  });

  it('wants to know how large the image is', () => {
    const conv = { inChannels: 1, outChannels: 1, kernelSize: 3 };
    expect(() => analysis.macs(conv)).toThrow(
      "macs: the image's size is missing; give inputSize or outputSize",
    );
    expect(() => Reflect.apply(analysis.macs, null, [new nn.ReLU()])).toThrow('macs: inputShape is missing');
  });
});

describe('the alternatives', () => {
  it('a separable convolution saves 1 / C_out + 1 / K^2, as its layers do', () => {
    const inputShape = [1, 32, 16, 16];
    for (const [outChannels, kernelSize, depthMultiplier] of [
      [64, 3, 1],
      [16, 5, 2],
    ]) {
      const separable = new nn.DepthwiseSeparableConv2d(32, outChannels, kernelSize, {
        padding: 'same',
        depthMultiplier,
      });
      const full = new nn.Conv2d(32, outChannels, kernelSize, { padding: 'same' });
      const share = analysis.macs(separable, { inputShape }) / analysis.macs(full, { inputShape });
      expect(analysis.separableSaving({ outChannels, kernelSize, depthMultiplier })).toBeCloseTo(share, 12);
    }
  });

  it('a dense layer between the same shapes connects everything', () => {
    const conv = new nn.Conv2d(3, 64, 3, { padding: 1 });
    const cost = analysis.denseEquivalent(conv, { inputShape: [2, 3, 32, 32] });
    expect(cost.macs).toBe(3 * 1024 * 64 * 1024);
    expect(analysis.denseEquivalent({ inputShape: [3, 32, 32], outputShape: [64, 32, 32] })).toEqual(cost);
    expect(() => analysis.denseEquivalent({ inputShape: [3] })).toThrow('one of outputShape and outputs');
  });
});
