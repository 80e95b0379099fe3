// Published architectures: names and sizes of their weights, parameters, multiply-accumulates, and torchvision's outputs.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { analysis, compile, models, noGrad, Tensor } from '../../lib/index.js';
import { bits } from '../support/bits.js';
import { fill, uniform } from '../support/hashed.js';

/** What scripts/model-vectors.py has found out; without `x` the names and shapes of weights alone. */
interface Case {
  name: string;
  params: number;
  keys: string;
  x?: number[];
  shape?: number[];
  step?: number;
  scale?: number;
  y?: number[];
}
const cases: Case[] = JSON.parse(readFileSync(new URL('../vectors/models.json', import.meta.url), 'utf8'));

const shown = (name: string, shape: readonly number[]): string => `${name} [${shape.join(', ')}]\n`;
const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

test.each(cases)(
  '$name has the parameters and names of weights that are published',
  ({ name, params, keys }) => {
    const net = models.byName(name);
    const lines = Object.entries(net.stateDict()).map(([key, { shape }]) => shown(key, shape));
    expect(createHash('sha256').update(lines.join('')).digest('hex')).toBe(keys);
    expect(net.parameters().reduce((sum, { shape }) => sum + elements(shape), 0)).toBe(params);
  },
);

/** Multiply-accumulates of convolutions and linear layers for one image of the published size. */
const published: Record<string, { macs: number; params: number; list: string }> = {
  alexnet: { params: 61100840, macs: 714188480, list: 'torchvision_alexnet' },
  vgg11: { params: 132863336, macs: 7609090048, list: 'torchvision_vgg11' },
  vgg16: { params: 138357544, macs: 15470264320, list: 'torchvision_vgg16' },
  vgg16_bn: { params: 138365992, macs: 15470264320, list: 'torchvision_vgg16_bn' },
  resnet18: { params: 11689512, macs: 1814073344, list: 'torchvision_resnet18' },
  resnet34: { params: 21797672, macs: 3663761408, list: 'torchvision_resnet34' },
  resnet50: { params: 25557032, macs: 4089184256, list: 'torchvision_resnet50' },
  resnet101: { params: 44549160, macs: 7801405440, list: 'torchvision_resnet101' },
  resnext50_32x4d: { params: 25028904, macs: 4230479872, list: 'torchvision_resnext50_32x4d' },
  wide_resnet50_2: { params: 68883240, macs: 11398021120, list: 'torchvision_wide_resnet50_2' },
  googlenet: { params: 13004888, macs: 1498376192, list: 'torchvision_googlenet' },
  inception_v3: { params: 27161264, macs: 5713216096, list: 'torchvision_inception_v3' },
  densenet121: { params: 7978856, macs: 2834161664, list: 'torchvision_densenet121' },
  mobilenetv1_100: { params: 4231976, macs: 568740352, list: 'timm_mobilenetv1_100' },
  mobilenet_v2: { params: 3504872, macs: 300774272, list: 'torchvision_mobilenet_v2' },
  mobilenet_v3_small: { params: 2542856, macs: 56510400, list: 'torchvision_mobilenet_v3_small' },
  efficientnet_b0: { params: 5288548, macs: 385814752, list: 'torchvision_efficientnet_b0' },
  squeezenet1_1: { params: 1235496, macs: 349151936, list: 'torchvision_squeezenet1_1' },
  shufflenet_v2_x1_0: { params: 2278604, macs: 144907992, list: 'torchvision_shufflenet_v2_x1_0' },
};

describe.each(Object.entries(published))('%s', (name, { params, macs, list }) => {
  const file = new URL(`../../../shared/reference/state-dict-keys/${list}.txt`, import.meta.url);
  const net = models.byName(name);

  test('has the published parameters and multiply-accumulates', () => {
    const { totals } = analysis.summary(net, { inputShape: models.inputShapeOf(name) });
    expect(totals.params).toBe(params);
    expect(totals.macs).toBe(macs);
  });

  test.skipIf(!existsSync(file))(
    'names its weights as published (skipped where the list is not there)',
    () => {
      const wanted = readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => {
          const [key, shape] = line.split('\t');
          return shown(key, (shape.match(/\d+/g) ?? []).map(Number));
        });
      expect(Object.entries(net.stateDict()).map(([key, { shape }]) => shown(key, shape))).toEqual(wanted);
    },
  );
});

test.each(cases.filter(({ x }) => x !== undefined))(
  '$name gives what torchvision gives, compiled too',
  { timeout: 30_000 },
  async ({ name, x: inputShape = [], shape, step = 1, scale = 0, y = [] }) => {
    const net = models.byName(name);
    fill(net);
    net.eval();
    const x = new Tensor(uniform(elements(inputShape), 1234567), inputShape);
    const output = noGrad(() => net.forward(x));
    expect(output.shape).toEqual(shape);
    const some = [...output.data].filter((_, i) => i % step === 0);
    expect(some.length).toBe(y.length);
    expect(Math.max(...some.map((value, i) => Math.abs(value - y[i])))).toBeLessThanOrEqual(2e-5 * scale);
    const single = [1, ...inputShape.slice(1)];
    const exact = await compile(net, { inputShape: single, foldBatchNorm: false });
    expect(bits(exact.runSync(x))).toEqual(bits(output));
    const folded = await compile(net, { inputShape: single });
    const close = folded.runSync(x).data;
    let furthest = 0;
    output.data.forEach((value, i) => {
      furthest = Math.max(furthest, Math.abs(value - close[i]));
    });
    expect(furthest).toBeLessThanOrEqual(2e-5 * scale);
  },
);

test('LeNet-5 has the parameters of its paper, with every map connected', () => {
  const net = models.lenet5();
  expect(net.parameters().reduce((sum, { shape }) => sum + elements(shape), 0)).toBe(61706);
  expect(net.forward(Tensor.zeros([2, 1, 28, 28])).shape).toEqual([2, 10]);
  expect(models.resnet18({ numClasses: 7 }).fc.weight.shape).toEqual([7, 512]);
  expect(() => models.vgg11({ numClasses: 0 })).toThrow(RangeError);
});
