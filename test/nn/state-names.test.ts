// Weights that come under other names: wrappers', older ones, another library's.

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { models, nn, ShapeError, Tensor } from '../../lib/index.js';
import { bits } from '../support/bits.js';

const small = () =>
  new nn.Sequential({
    stem: new nn.Conv2d(3, 4, 3, { bias: false }),
    norm: new nn.BatchNorm2d(4),
    head: new nn.Linear(4, 4),
  });

/** Weights of which each has a value of its own. */
function numbered(entries: [string, readonly number[]][]): nn.StateDict {
  return Object.fromEntries(entries.map(([name, shape], i) => [name, Tensor.full(shape, i + 1)]));
}
const entriesOf = (net: nn.Module): [string, readonly number[]][] =>
  Object.entries(net.stateDict()).map(([name, { shape }]) => [name, shape]);

/** That each weight of `net` has the values of the weight that is expected to be it. */
function expectLoaded(net: nn.Module, pairs: [own: string, given: Tensor][]): void {
  const own = net.stateDict();
  const ends = ({ data }: Tensor) => [data[0], data[data.length - 1], data.length];
  for (const [name, given] of pairs) expect(ends(own[name]), name).toEqual(ends(given));
}

describe('remap auto', () => {
  test.each(['module.', '_orig_mod.', 'module._orig_mod.', '_orig_mod.module.'])(
    'takes %s away',
    (prefix) => {
      const net = small();
      const dict = numbered(entriesOf(net));
      const wrapped = Object.fromEntries(
        Object.entries(dict).map(([name, tensor]) => [prefix + name, tensor]),
      );
      expect(() => net.loadStateDict(wrapped)).toThrow(
        /Missing key[\s\S]*; { remap: 'auto' } takes off what/,
      );
      expect(net.loadStateDict(wrapped, { remap: 'auto' })).toEqual({ missingKeys: [], unexpectedKeys: [] });
      expectLoaded(net, Object.entries(dict));
    },
  );

  test('takes _orig_mod. away inside too, and leaves a child called module alone', () => {
    const net = new nn.Sequential({ module: new nn.Linear(2, 2), other: new nn.Linear(2, 2) });
    const dict = numbered(entriesOf(net));
    const inside = Object.fromEntries(
      Object.entries(dict).map(([name, tensor]) => [name.replace('other.', 'other._orig_mod.'), tensor]),
    );
    net.loadStateDict(inside, { remap: 'auto' });
    expectLoaded(net, Object.entries(dict));
  });

  test('takes weights of other names in their order, without the count of batches too', () => {
    const net = small();
    const dict = numbered([
      ['a.weight', [4, 3, 3, 3]],
      ['b.weight', [4]],
      ['b.bias', [4]],
      ['b.running_mean', [4]],
      ['b.running_var', [4]],
      ['c.weight', [4, 4, 1, 1]],
      ['c.bias', [4]],
    ]);
    expect(net.loadStateDict(dict, { remap: 'auto' }).missingKeys).toEqual([]);
    const names = Object.keys(net.stateDict()).filter((name) => !name.endsWith('tracked'));
    expectLoaded(
      net,
      names.map((name, i) => [name, Object.values(dict)[i]]),
    );
    dict['b.num_batches_tracked'] = Tensor.full([], 7);
    net.loadStateDict(dict, { remap: 'auto' });
    expect(net.stateDict()['norm.num_batches_tracked'].item()).toBe(7);
  });

  test('says which weight does not fit, and changes nothing then', () => {
    const net = small();
    const before = bits(net.stateDict()['stem.weight']);
    const dict = numbered([
      ['a.weight', [4, 3, 3, 3]],
      ['b.weight', [5]],
      ['b.bias', [5]],
      ['b.running_mean', [5]],
      ['b.running_var', [5]],
      ['c.weight', [4, 4]],
      ['c.bias', [4]],
    ]);
    const load = () => net.loadStateDict(dict, { remap: 'auto' });
    expect(load).toThrow(ShapeError);
    expect(load).toThrow(
      /shapes in order do not match: 'b.weight' \[5\] .* would be 'norm.weight' \[4\] .* the 2\. of 7/,
    );
    expect(bits(net.stateDict()['stem.weight'])).toEqual(before);
    expect(() => net.loadStateDict({ 'a.weight': dict['a.weight'] }, { remap: 'auto' })).toThrow(/nothing/);
    // Nothing to guess at: the usual sentences
    expect(() => net.loadStateDict({}, { remap: 'auto' })).toThrow(/Missing key/);
    // @ts-expect-error: not one of them
    expect(() => net.loadStateDict(dict, { remap: 'always' })).toThrow(/remap/);
    // @ts-expect-error: not an option
    expect(() => net.loadStateDict(dict, { rename: 'auto' })).toThrow(/rename/);
  });
});

const lists = new URL('../../../shared/reference/state-dict-keys/', import.meta.url);
const listed = (file: string): [string, number[]][] =>
  readFileSync(new URL(`${file}.txt`, lists), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [name, shape] = line.split('\t');
      return [name, (shape.match(/\d+/g) ?? []).map(Number)];
    });

describe.skipIf(!existsSync(lists))("timm's files (skipped where the lists are not there)", () => {
  test.each([
    ['timm_resnet18', 'resnet18'],
    ['timm_mobilenetv1_100', 'mobilenetv1_100'],
    ['timm_mobilenetv2_100', 'mobilenet_v2'],
    ['timm_mobilenetv3_small_100', 'mobilenet_v3_small'],
    ['timm_efficientnet_b0', 'efficientnet_b0'],
    ['timm_densenet121', 'densenet121'],
  ])('%s are %s, in their own order and in the order of the alphabet', (file, name) => {
    const entries = listed(file);
    const dict = numbered(entries);
    // Of both files the lines stand for one another
    const own = Object.keys(models.byName(name).stateDict());
    const pairs = own.map((key, i): [string, Tensor] => [key, Object.values(dict)[i]]);
    const sorted = Object.fromEntries(Object.entries(dict).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    for (const given of [dict, sorted]) {
      const net = models.byName(name);
      expect(net.loadStateDict(given, { remap: 'auto' })).toEqual({ missingKeys: [], unexpectedKeys: [] });
      expectLoaded(net, pairs);
    }
  });

  test("VGG's linear layers are convolutions there, Inception has no classifier on the way", () => {
    const shapes = listed('timm_vgg16').filter(([name]) => name.startsWith('head') || name.includes('fc2'));
    const net = new nn.Sequential({ fc2: new nn.Linear(4096, 4096), head: new nn.Linear(4096, 1000) });
    const dict = numbered(shapes);
    net.loadStateDict(dict, { remap: 'auto' });
    expectLoaded(net, [['fc2.weight', dict['pre_logits.fc2.weight']]]);
    const inception = models.inceptionV3({ auxLogits: false });
    expect(entriesOf(inception)).toEqual(listed('timm_inception_v3'));
  });
});

test('DenseNet understands the names of its published checkpoints', () => {
  const net = new nn.Sequential(models.densenet121({ numClasses: 2 }));
  const dict = numbered(entriesOf(net));
  const former = Object.fromEntries(
    Object.entries(dict)
      .filter(([name]) => !name.endsWith('tracked'))
      .map(([name, tensor]) => [name.replace(/(denselayer\d+\.(?:norm|conv))([12])/, '$1.$2'), tensor]),
  );
  expect(Object.keys(former)).toContain('0.features.denseblock1.denselayer1.norm.1.weight');
  expect(net.loadStateDict(former)).toEqual({ missingKeys: [], unexpectedKeys: [] });
  expectLoaded(
    net,
    Object.entries(dict).filter(([name]) => !name.endsWith('tracked')),
  );
});
