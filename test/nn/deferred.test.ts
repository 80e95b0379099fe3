// Weights are drawn when they are first looked at, and are the same then.

import { describe, expect, test } from 'vitest';
import { analysis, compile, getRngState, manualSeed, models, nn, Tensor } from '../../lib/index.js';
import { uniformInto } from '../../lib/numerics/philox.js';
import { storageOf } from '../../lib/tensor/tensor.js';
import { bits } from '../support/bits.js';

const waiting = (net: nn.Module): string[] =>
  net
    .namedParameters()
    .filter(([, tensor]) => storageOf(tensor).pending)
    .map(([name]) => name);

describe('initial weights', () => {
  test('do not depend on when they are looked at, nor on what is drawn in between', () => {
    manualSeed(5);
    const first = new nn.Conv2d(3, 8, 3);
    const second = new nn.Linear(8, 4);
    const { drawn } = getRngState();
    expect(drawn).toBe(4);
    Tensor.rand([3]);
    const wanted = (stream: number, count: number, bound: number) => {
      const values = new Float32Array(count);
      uniformInto(values, { seed: 5, stream }, -bound, bound);
      return values;
    };
    expect(second.bias?.data).toEqual(wanted(3, 4, 1 / Math.sqrt(8)));
    expect(first.weight.data).toEqual(wanted(0, 216, 1 / Math.sqrt(27)));
  });

  test('of initialisers replace those that nobody has seen', () => {
    manualSeed(6);
    const [seen, unseen] = [new nn.Linear(4, 4), new nn.Linear(4, 4)];
    seen.weight.data; // drawn
    for (const { weight } of [seen, unseen]) nn.init.kaimingNormal(weight, { seed: 9 });
    expect(waiting(unseen)).toEqual(['weight', 'bias']);
    expect(bits(unseen.weight)).toEqual(bits(seen.weight));
  });

  test('are never drawn where weights are loaded, or sizes alone are asked for', async () => {
    const [from, to] = [models.resnet18({ numClasses: 3 }), models.resnet18({ numClasses: 3 })];
    const { macs } = analysis.summary(to, { inputShape: [1, 3, 64, 64] }).totals;
    expect(macs).toBeGreaterThan(1e8);
    const all = to.namedParameters().filter(([name]) => /conv|downsample.0|fc/.test(name)).length;
    expect(waiting(to)).toHaveLength(all);
    const dict = from.stateDict();
    to.loadStateDict(dict);
    expect(waiting(to)).toEqual([]);
    // A copy, not the same memory
    dict['fc.bias'].data.fill(1);
    expect(to.fc.bias?.data).not.toEqual(dict['fc.bias'].data);
    expect(bits(to.conv1.weight)).toEqual(bits(from.conv1.weight));
  });

  test('that a compiled network does not use stay undrawn', async () => {
    const net = models.googlenet({ numClasses: 3 });
    const session = await compile(net, { inputShape: [1, 3, 32, 32] });
    expect(session.runSync(Tensor.zeros([1, 3, 32, 32])).shape).toEqual([1, 3]);
    expect(waiting(net).every((name) => name.startsWith('aux'))).toBe(true);
    expect(waiting(net)).toContain('aux1.fc1.weight');
    await session.close();
  });
});
