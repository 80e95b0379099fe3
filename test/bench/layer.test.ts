import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  bytes,
  describe as describeLayer,
  flops,
  outputSize,
  parseLayers,
  shapes,
} from '../../bench/layer.js';

const one = (line: string) => parseLayers(line, 'test').layers[0];

describe('the grammar of bench/layers', () => {
  it('reads every option, and comments and blank lines say nothing', () => {
    const { layers, targets } = parseLayers(
      '# comment\n\ntarget stem 0.9 # why\ntarget odd 1 nchw\nconv2d 2x6x9x8 12 3x5 s2x1 p1x0:2 d1x2 g3 times=4 class=odd name=n # tail\n',
      'test',
    );
    expect(targets).toEqual(
      new Map([
        ['stem', { ratio: 0.9, layout: 'channelsLast' }],
        ['odd', { ratio: 1, layout: 'nchw' }],
      ]),
    );
    expect(layers).toEqual([
      {
        name: 'n',
        class: 'odd',
        like: null,
        operation: 'conv2d',
        batch: 2,
        inChannels: 6,
        inputSize: [9, 8],
        outChannels: 12,
        kernelSize: [3, 5],
        stride: [2, 1],
        padBegin: [1, 0],
        padEnd: [1, 2],
        dilation: [1, 2],
        outputPadding: [0, 0],
        groups: 3,
        times: 4,
        set: 'test',
      },
    ]);
  });

  it.each([
    'conv2d 1x3x224x224 64 7x7 s2 p3',
    'conv2d 2x6x9x8 12 3x5 s2x1 p1x0:2 d1x2 g3',
    'conv1d 1x16x1000 32 3 p0:2 d4',
    'conv3d 1x3x16x112x112 64 3x7x7 s1x2x2 p1x3x3',
    'convTranspose2d 1x64x28x28 32 3x3 s2 p1 o1',
  ])('writes a layer as it was read: %s', (line) => {
    expect(describeLayer(one(line))).toBe(line);
  });

  it.each([
    ['conv4d 1x3x8x8 4 3x3', "unknown operation 'conv4d'"],
    ['conv2d 1x3x8 4 3x3', "'1x3x8' should be 4 whole numbers"],
    ['conv2d 1x3x8x8 4 3', "'3' should be 2 whole numbers"],
    ['conv2d 1x3x8x8 4', 'expected OPERATION INPUT CHANNELS KERNEL'],
    ['conv2d 1x3x8x8 4 3x3 q1', "unknown option 'q1'"],
    ['conv2d 1x3x8x8 4 3x3 s1 s2', "'s' is given twice"],
    ['conv2d 1x3x8x8 4 3x3 s0', "'0' should be"],
    ['conv2d 1x3x8x8 4 3x3 g2', '2 groups do not divide'],
    ['conv2d 1x3x8x8 4 9x9', 'the output is empty'],
    ['target stem', 'expected "target CLASS RATIO"'],
  ])('refuses %j, and says where', (line, reason) => {
    expect(() => parseLayers(`\n${line}`, 'file.txt')).toThrow(SyntaxError);
    expect(() => parseLayers(`\n${line}`, 'file.txt')).toThrow(`file.txt:2: ${reason}`);
  });

  it('names the set of layers after its file', () => {
    expect(parseLayers('conv2d 1x3x8x8 4 3x3', '/some/where/resnet50.txt').layers[0].set).toBe('resnet50');
  });
});

describe('the files of the benchmark', () => {
  const read = (name: string) =>
    parseLayers(readFileSync(new URL(`../../bench/layers/${name}.txt`, import.meta.url), 'utf8'), name);

  it('set a target for every class of the foundation', () => {
    const { layers, targets } = read('foundation');
    expect(layers.length).toBe(19);
    for (const kind of new Set(layers.map((layer) => layer.class)))
      expect(targets.has(kind), `a target for ${kind}`).toBe(true);
  });

  it('have names that are all different', () => {
    const names = ['foundation', 'family', ...Object.keys(GIGA_MACS)].flatMap((name) =>
      read(name).layers.map((layer) => layer.name),
    );
    expect(names.length).toBeGreaterThan(300);
    expect(new Set(names).size).toBe(names.length);
  });

  // Multiply-adds as torchvision's tables publish them, less the classifiers (and DeepLab's auxiliary head); WaveNet's by hand.
  const GIGA_MACS: Record<string, number> = {
    resnet50: 4.09,
    vgg16: 15.47 - 0.124,
    resnext50: 4.23,
    mobilenetv2: 0.3,
    efficientnet: 0.385,
    densenet121: 2.83,
    inceptionv3: 5.71,
    deeplabv3: 178.72 - 9.99,
    wavenet: (16000 * (256 * 64 * 2 + 20 * (64 * 128 * 2 + 64 * 64 + 64 * 256) + 2 * 256 * 256)) / 1e9,
  };

  it.each(Object.entries(GIGA_MACS))('hold all multiply-adds of %s', (name, published) => {
    const { layers } = read(name);
    const macs = layers.reduce((sum, layer) => sum + (layer.times * flops(layer)) / 2, 0) / 1e9;
    expect(Math.abs(macs / published - 1)).toBeLessThan(0.005);
  });

  it.each(Object.keys(GIGA_MACS))('hold no layer of %s twice', (name) => {
    const lines = read(name).layers.map(describeLayer);
    expect(new Set(lines).size).toBe(lines.length);
  });
});

describe('the arithmetic of a layer', () => {
  it("gives ResNet's stem 112 x 112 outputs, 236 MFLOP and its bytes", () => {
    const stem = one('conv2d 1x3x224x224 64 7x7 s2 p3');
    expect(outputSize(stem)).toEqual([112, 112]);
    expect(flops(stem)).toBe(2 * 112 * 112 * 64 * 3 * 49);
    expect(bytes(stem)).toBe(4 * (3 * 224 * 224 + 64 * 3 * 49 + 64 + 64 * 112 * 112));
  });

  it('counts the channels of a group only', () => {
    const depthwise = one('conv2d 1x32x112x112 32 3x3 p1 g32');
    expect(shapes(depthwise).weight).toEqual([32, 1, 3, 3]);
    expect(flops(depthwise)).toBe(2 * 112 * 112 * 32 * 9);
  });

  it('inverts the size formula for transposed layers', () => {
    const transposed = one('convTranspose2d 1x64x28x28 32 3x3 s2 p1 o1');
    expect(outputSize(transposed)).toEqual([56, 56]);
    expect(shapes(transposed).weight).toEqual([64, 32, 3, 3]);
    expect(flops(transposed)).toBe(2 * 28 * 28 * 64 * 32 * 9);
  });
});
