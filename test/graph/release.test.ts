// Weights that a session takes for itself, weights that are loaded without a copy, and first values that nobody asks for.
import { describe, expect, it } from 'vitest';
import { compile, manualSeed, nn, noGrad, Tensor } from '../../lib/index.js';
import { storageOf } from '../../lib/tensor/tensor.js';
import { backends } from '../support/backends.js';
import { bits } from '../support/bits.js';

const network = () =>
  new nn.Sequential(
    new nn.Conv2d(3, 16, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(16, { activation: 'relu' }),
    new nn.Conv2d(16, 24, 1),
    new nn.AdaptiveAvgPool2d(1),
    new nn.Flatten(),
    new nn.Linear(24, 5),
  ).eval();

describe.each(backends())('on $name', ({ use }) => {
  it('a session with released weights gives the same bits, for other batches too', async () => {
    use();
    const net = network();
    const kept = await compile(net, { inputShape: [1, 3, 8, 8] });
    const wanted = [1, 3].map((batch) => bits(kept.runSync(Tensor.randn([batch, 3, 8, 8], { seed: batch }))));
    const session = await compile(net, { inputShape: [1, 3, 8, 8], releaseWeights: true });
    for (const [i, batch] of [1, 3].entries()) {
      expect(bits(session.runSync(Tensor.randn([batch, 3, 8, 8], { seed: batch })))).toEqual(wanted[i]);
    }
    expect(bits(kept.runSync(Tensor.randn([1, 3, 8, 8], { seed: 1 })))).toEqual(wanted[0]);
  });

  it('the module that gave its weights says so, until others are loaded', async () => {
    use();
    const net = network();
    const saved = Object.fromEntries(
      Object.entries(net.stateDict()).map(([name, tensor]) => [
        name,
        new Tensor(tensor.data.slice(), tensor.shape),
      ]),
    );
    const x = Tensor.randn([1, 3, 8, 8], { seed: 7 });
    const wanted = bits(noGrad(() => net.forward(x)));
    const conv = net.namedChildren()[0][1] as nn.Conv2d;
    const alias = conv.weight.data;
    const session = await compile(net, { inputShape: x.shape, releaseWeights: true });
    const folded = bits(session.runSync(x));
    expect(alias.length).toBe(0);
    expect(() => noGrad(() => net.forward(x))).toThrow(/releaseWeights/);
    expect(() => conv.weight.data).toThrow(/load the weights again/);
    net.loadStateDict(saved);
    expect(bits(noGrad(() => net.forward(x)))).toEqual(wanted);
    session.refresh();
    expect(bits(session.runSync(x))).toEqual(folded);
  });
});

it('weights that forward does not use are neither drawn nor taken', async () => {
  class Aside extends nn.Module {
    used = new nn.Conv2d(3, 4, 1);
    unused = new nn.Linear(100, 100);
    override forward(x: Tensor): Tensor {
      return this.used.forward(x);
    }
  }
  const net = new Aside();
  await compile(net, { inputShape: [1, 3, 2, 2], releaseWeights: true });
  expect(storageOf(net.used.weight).given).toBe(true);
  expect(storageOf(net.unused.weight).pending).toBe(true);
});

it('sizes that need another algorithm are refused once weights are released', async () => {
  const net = new nn.Sequential(new nn.Conv2d(64, 64, 3, { padding: 1 })).eval();
  const session = await compile(net, { inputShape: [1, 64, 4, 4], releaseWeights: true });
  expect(session.summary().steps[0].algorithm).toBe('direct');
  expect(() => session.runSync(Tensor.zeros([1, 64, 56, 56]))).toThrow(/packed in another way/);
  expect(session.runSync(Tensor.zeros([2, 64, 4, 4])).shape).toEqual([2, 64, 4, 4]);
});

describe('loadStateDict', () => {
  it('shares the given memory with assign, and copies without', () => {
    const given = { weight: Tensor.randn([4, 3, 1, 1], { seed: 1 }), bias: Tensor.zeros([4]) };
    const copying = new nn.Conv2d(3, 4, 1);
    copying.loadStateDict(given);
    const sharing = new nn.Conv2d(3, 4, 1);
    sharing.loadStateDict(given, { assign: true });
    expect(storageOf(sharing.weight).data).toBe(storageOf(given.weight).data);
    expect(storageOf(copying.weight).data).not.toBe(storageOf(given.weight).data);
    const x = Tensor.randn([1, 3, 2, 2], { seed: 2 });
    expect(bits(sharing.forward(x))).toEqual(bits(copying.forward(x)));
  });

  it('takes weights that filters were packed of before', () => {
    const layer = new nn.Conv2d(3, 4, 1);
    const x = Tensor.randn([1, 3, 2, 2], { seed: 2 });
    layer.forward(x);
    layer.loadStateDict({ weight: Tensor.zeros([4, 3, 1, 1]), bias: Tensor.ones([4]) }, { assign: true });
    expect(layer.forward(x).data.every((value) => value === 1)).toBe(true);
  });
});

describe('first values', () => {
  it('are those of the order in which layers were made, whenever they are read', () => {
    manualSeed(3);
    const early = [new nn.Conv2d(3, 4, 3), new nn.Conv2d(3, 4, 3)];
    const wanted = early.map(({ weight }) => bits(weight));
    manualSeed(3);
    const late = [new nn.Conv2d(3, 4, 3), new nn.Conv2d(3, 4, 3)];
    expect(bits(late[1].weight)).toEqual(wanted[1]);
    expect(bits(late[0].weight)).toEqual(wanted[0]);
  });

  it('are not drawn where weights are loaded, or drawn otherwise, before anyone asks', () => {
    const layer = new nn.Conv2d(3, 4, 3);
    expect(storageOf(layer.weight).pending).toBe(true);
    nn.init.kaimingNormal(layer.weight, { seed: 5 });
    expect(storageOf(layer.weight).pending).toBe(true);
    const seen = new nn.Conv2d(3, 4, 3);
    expect(seen.weight.data.length).toBe(108);
    nn.init.kaimingNormal(seen.weight, { seed: 5 });
    expect(bits(layer.weight)).toEqual(bits(seen.weight));
    layer.loadStateDict(seen.stateDict());
    const fresh = new nn.Conv2d(3, 4, 3);
    fresh.loadStateDict(seen.stateDict());
    expect(storageOf(fresh.weight).pending).toBe(false);
    expect(bits(fresh.weight)).toEqual(bits(seen.weight));
  });
});
