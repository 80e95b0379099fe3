// What single families promise beside their outputs: classifiers on the way, stochastic depth, causality, names.

import { describe, expect, test } from 'vitest';
import { manualSeed, models, nn, noGrad, ops, Tensor } from '../../lib/index.js';
import { bits } from '../support/bits.js';
import { fill } from '../support/hashed.js';

describe('byName', () => {
  test('knows every architecture by its name and ours', () => {
    expect(models.names).toHaveLength(new Set(models.names).size);
    for (const name of models.names) {
      expect(models.byName(name)).toBeInstanceOf(nn.Module);
      expect(models.inputShapeOf(name)[0]).toBe(1);
    }
    const ours = Object.entries(models).filter(
      ([name, value]) =>
        typeof value === 'function' && /^[a-z]/.test(name) && !['byName', 'inputShapeOf'].includes(name),
    );
    expect(ours).toHaveLength(models.names.length);
    for (const [name] of ours) expect(models.byName(name), name).toBeInstanceOf(nn.Module);
    expect(models.byName('mobilenet_v2', { numClasses: 3 })).toBeInstanceOf(models.MobileNetV2);
    expect(models.inputShapeOf('inceptionV3')).toEqual([1, 3, 299, 299]);
  });

  test('names those it knows where there is none', () => {
    expect(() => models.byName('resnet51')).toThrow(RangeError);
    expect(() => models.byName('resnet51')).toThrow(
      /no model 'resnet51'; did you mean 'resnet\d+'\?.*deeplabv3_resnet50/s,
    );
    expect(() => models.byName('constructor')).toThrow(/wavenet/);
    // @ts-expect-error: no string
    expect(() => models.byName(50)).toThrow(TypeError);
    expect(() => models.byName('resnet18', { auxLogits: true })).toThrow(/auxLogits/);
  });
});

describe('classifiers on the way', () => {
  const x = Tensor.randn([2, 3, 75, 75], { seed: 1 });

  test("are GoogLeNet's and Inception's in training alone, and learn", () => {
    const net = models.googlenet({ numClasses: 4 });
    fill(net);
    const { logits, auxLogits1, auxLogits2 } = net.forwardWithAux(x);
    expect([logits, auxLogits1, auxLogits2].map((y) => y?.shape)).toEqual([
      [2, 4],
      [2, 4],
      [2, 4],
    ]);
    if (auxLogits1 === null || auxLogits2 === null) throw new Error('no classifiers on the way');
    ops.sum(ops.add(logits, ops.add(auxLogits1, auxLogits2))).backward();
    for (const [name, { grad }] of net.namedParameters()) expect(grad, name).not.toBeNull();
    expect(noGrad(() => net.eval().forwardWithAux(x)).auxLogits1).toBeNull();
    expect(models.googlenet({ auxLogits: false }).aux1).toBeNull();
    const inception = models.inceptionV3({ numClasses: 4 });
    fill(inception);
    const middle = Tensor.randn([2, 768, 17, 17], { seed: 2 });
    expect(noGrad(() => inception.AuxLogits?.forward(middle))?.shape).toEqual([2, 4]);
    expect(noGrad(() => inception.eval().forwardWithAux(x)).auxLogits).toBeNull();
  });

  test("are DeepLab's where they are asked for", () => {
    const net = models.deeplabv3Resnet50({ auxLoss: true, numClasses: 2 }).eval();
    fill(net);
    expect(Object.keys(net.stateDict())).toContain('aux_classifier.4.bias');
    const image = Tensor.randn([1, 3, 33, 40], { seed: 2 });
    const { out, aux } = noGrad(() => net.forwardWithAux(image));
    expect(aux?.shape).toEqual([1, 2, 33, 40]);
    expect(bits(out)).toEqual(bits(noGrad(() => net.forward(image))));
    expect(models.deeplabv3Resnet50().aux_classifier).toBeNull();
  });

  test("images are brought from ImageNet's means to [-1, 1] where that is asked for", () => {
    const [plain, transforming] = [false, true].map((transformInput) =>
      models.googlenet({ transformInput }).eval(),
    );
    for (const net of [plain, transforming]) fill(net);
    const [means, deviations] = [
      [0.485, 0.456, 0.406],
      [0.229, 0.224, 0.225],
    ];
    const pixels = Tensor.rand([1, 3, 32, 32], { seed: 3 });
    const by = (change: (value: number, channel: number) => number): Tensor =>
      new Tensor(
        pixels.data.map((value, i) => change(value, Math.floor(i / 1024))),
        pixels.shape,
      );
    const normalised = by((value, c) => (value - means[c]) / deviations[c]);
    const wanted = noGrad(() => plain.forward(by((value) => 2 * value - 1))).data;
    const got = noGrad(() => transforming.forward(normalised)).data;
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    got.forEach((value, i) => {
      expect(Math.abs(value - wanted[i])).toBeLessThan(1e-4 * largest);
    });
  });
});

test('EfficientNet leaves blocks out in training, by the seed, image by image', () => {
  const net = models.efficientnetB0({ numClasses: 3 });
  net.classifier = new nn.Sequential(new nn.Linear(1280, 3)); // without dropout
  fill(net);
  // Batch normalisation by running statistics, so that only what is left out tells runs apart
  for (const [, module] of net.namedModules()) module.training = !(module instanceof nn.BatchNorm2d);
  const x = Tensor.randn([1, 3, 32, 32], { seed: 4 });
  const run = (seed: number) => {
    manualSeed(seed);
    return bits(noGrad(() => net.forward(x))).join();
  };
  expect(run(1)).toBe(run(1));
  expect(new Set([1, 2, 3, 4, 5, 6, 7, 8].map(run)).size).toBeGreaterThan(3);
  net.eval();
  expect(run(1)).toBe(run(2));
});

describe('WaveNet', () => {
  const net = models.wavenet({ levels: 5, residualChannels: 4, skipChannels: 6, blocks: 3, stacks: 2 });

  test('sees the samples up to its own, as far back as it says', () => {
    fill(net);
    expect(net.receptiveField).toBe(16);
    expect(models.wavenet().receptiveField).toBe(3071);
    const x = Tensor.randn([1, 5, 40], { seed: 5 });
    const changed = new Tensor(x.data.slice(), [1, 5, 40]);
    changed.data[20] += 3;
    const [y, z] = [x, changed].map((input) => noGrad(() => net.forward(input)).data);
    const touched = Array.from({ length: 40 }, (_, t) =>
      [0, 1, 2, 3, 4].some((level) => y[level * 40 + t] !== z[level * 40 + t]),
    );
    expect(touched).toEqual(Array.from({ length: 40 }, (_, t) => t >= 20 && t < 36));
  });

  test('trains every parameter, and refuses sizes that are none', () => {
    ops.sum(net.forward(Tensor.randn([2, 5, 30], { seed: 6 }))).backward();
    for (const [name, { grad }] of net.namedParameters()) expect(grad, name).not.toBeNull();
    expect(() => models.wavenet({ blocks: 0 })).toThrow(RangeError);
    expect(() => models.wavenet({ blocks: 40 })).toThrow(/stacks/);
  });
});

test('channelShuffle deals groups out, in any layout, and its gradient back', () => {
  const x = Tensor.randn([2, 6, 3, 2], { seed: 7 });
  const wanted = [0, 3, 1, 4, 2, 5];
  for (const laidOut of [x, x.channelsLast()]) {
    const y = ops.channelShuffle(laidOut, 2).data;
    const source = (i: number) => Math.floor(i / 36) * 36 + wanted[Math.floor(i / 6) % 6] * 6 + (i % 6);
    y.forEach((value, i) => {
      expect(value).toBe(x.data[source(i)]);
    });
  }
  const leaf = new Tensor(new Float32Array(6), [1, 6], { requiresGrad: true });
  ops.channelShuffle(leaf, 2).backward(Tensor.from([[1, 2, 3, 4, 5, 6]]));
  expect(leaf.grad?.toArray()).toEqual([[1, 3, 5, 2, 4, 6]]);
  expect(() => ops.channelShuffle(x, 4)).toThrow(/divisible/);
  expect(() => ops.channelShuffle(Tensor.zeros([4]), 2)).toThrow(RangeError);
});
