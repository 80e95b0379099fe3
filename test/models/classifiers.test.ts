// Published architectures: names and sizes of their weights, parameters, multiply-accumulates, and torchvision's outputs.

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { analysis, compile, models, type nn, noGrad, Tensor } from '../../lib/index.js';
import { bits } from '../support/bits.js';
import { fill, uniform } from '../support/hashed.js';

/** Parameters, and multiply-accumulates of convolutions and linear layers for one image of 224x224. */
const published: Record<string, { make: () => nn.Module; params: number; macs: number; keys: string }> = {
  alexnet: { make: models.alexnet, params: 61100840, macs: 714188480, keys: 'torchvision_alexnet' },
  vgg11: { make: models.vgg11, params: 132863336, macs: 7609090048, keys: 'torchvision_vgg11' },
  vgg16: { make: models.vgg16, params: 138357544, macs: 15470264320, keys: 'torchvision_vgg16' },
  vgg16Bn: { make: models.vgg16Bn, params: 138365992, macs: 15470264320, keys: 'torchvision_vgg16_bn' },
  resnet18: { make: models.resnet18, params: 11689512, macs: 1814073344, keys: 'torchvision_resnet18' },
  resnet34: { make: models.resnet34, params: 21797672, macs: 3663761408, keys: 'torchvision_resnet34' },
  resnet50: { make: models.resnet50, params: 25557032, macs: 4089184256, keys: 'torchvision_resnet50' },
  resnet101: { make: models.resnet101, params: 44549160, macs: 7801405440, keys: 'torchvision_resnet101' },
  resnext50_32x4d: {
    make: models.resnext50_32x4d,
    params: 25028904,
    macs: 4230479872,
    keys: 'torchvision_resnext50_32x4d',
  },
  wideResnet50_2: {
    make: models.wideResnet50_2,
    params: 68883240,
    macs: 11398021120,
    keys: 'torchvision_wide_resnet50_2',
  },
  mobilenetV1: { make: models.mobilenetV1, params: 4231976, macs: 568740352, keys: 'timm_mobilenetv1_100' },
  mobilenetV2: {
    make: models.mobilenetV2,
    params: 3504872,
    macs: 300774272,
    keys: 'torchvision_mobilenet_v2',
  },
  squeezenet1_1: {
    make: models.squeezenet1_1,
    params: 1235496,
    macs: 349151936,
    keys: 'torchvision_squeezenet1_1',
  },
};

describe.each(Object.entries(published))('%s', (_, { make, params, macs, keys }) => {
  const list = new URL(`../../../shared/reference/state-dict-keys/${keys}.txt`, import.meta.url);
  const net = make();

  test('has the published parameters and multiply-accumulates', () => {
    const { totals } = analysis.summary(net, { inputShape: [1, 3, 224, 224] });
    expect(totals.params).toBe(params);
    expect(totals.macs).toBe(macs);
  });

  test.skipIf(!existsSync(list))(
    'names its weights as published (skipped where the list is not there)',
    () => {
      const wanted = readFileSync(list, 'utf8')
        .trim()
        .split('\n')
        .map((line) => {
          const [name, shape] = line.split('\t');
          return `${name} [${shape
            .replaceAll(/[(),]+/g, ' ')
            .trim()
            .split(/\s+/)
            .filter(Boolean)
            .join(', ')}]`;
        });
      const own = Object.entries(net.stateDict()).map(([name, { shape }]) => `${name} [${shape.join(', ')}]`);
      expect(own).toEqual(wanted);
    },
  );
});

interface Case {
  name: string;
  size: number;
  scale: number;
  y: number[];
}
const cases: Case[] = JSON.parse(readFileSync(new URL('../vectors/models.json', import.meta.url), 'utf8'));

test.each(cases)('$name gives what torchvision gives, compiled too', async ({ name, size, scale, y }) => {
  const net = published[name].make();
  fill(net);
  net.eval();
  const x = new Tensor(uniform(2 * 3 * size * size, 1234567), [2, 3, size, size]);
  const output = noGrad(() => net.forward(x));
  expect(output.shape).toEqual([2, 1000]);
  const every = [...output.data].filter((_, i) => (i % 1000) % 25 === 0);
  every.forEach((value, i) => {
    expect(Math.abs(value - y[i])).toBeLessThanOrEqual(2e-5 * scale);
  });
  const exact = await compile(net, { inputShape: [1, 3, size, size], foldBatchNorm: false });
  expect(bits(exact.runSync(x))).toEqual(bits(output));
  const folded = await compile(net, { inputShape: [1, 3, size, size] });
  const close = folded.runSync(x).data;
  output.data.forEach((value, i) => {
    expect(Math.abs(value - close[i])).toBeLessThanOrEqual(2e-5 * scale);
  });
});

test('LeNet-5 has the parameters of its paper, with every map connected', () => {
  const net = models.lenet5();
  expect(net.parameters().reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)).toBe(61706);
  expect(net.forward(Tensor.zeros([2, 1, 28, 28])).shape).toEqual([2, 10]);
  expect(models.resnet18({ numClasses: 7 }).fc.weight.shape).toEqual([7, 512]);
  expect(() => models.vgg11({ numClasses: 0 })).toThrow(RangeError);
});
