// forwardAsync: the input is free when the promise is returned, whatever then happens to it; abortion; the event loop.

import { describe, expect, test } from 'vitest';
import { nn, ShapeError, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';

const shape = [2, 3, 20, 20];
const input = () => Tensor.randn(shape, { seed: 9 });
const layers: [string, () => nn.Module][] = [
  ['Conv2d', () => new nn.Conv2d(3, 8, 3, { padding: 1, activation: 'relu' })],
  ['a 1x1 Conv2d', () => new nn.Conv2d(3, 8, 1)],
  ['ReLU', () => new nn.ReLU()],
  ['LeakyReLU', () => new nn.LeakyReLU()],
  ['MaxPool2d', () => new nn.MaxPool2d(2)],
  ['AvgPool2d', () => new nn.AvgPool2d(3, { stride: 2 })],
  ['AdaptiveAvgPool2d', () => new nn.AdaptiveAvgPool2d(3)],
  ['Flatten', () => new nn.Flatten()],
  [
    'Sequential',
    () => new nn.Sequential(new nn.Conv2d(3, 8, 3), new nn.ReLU(), new nn.MaxPool2d(2), new nn.Flatten()),
  ],
  ['Flatten first', () => new nn.Sequential(new nn.Flatten({ startDim: 2 }), new nn.ReLU())],
];

const transfer = (tensor: Tensor): void => {
  const { buffer } = tensor.data;
  if (buffer instanceof ArrayBuffer) structuredClone(buffer, { transfer: [buffer] });
};

describe.each(contenders())('$name', (contender) => {
  describe.each(layers)('%s', (_, make) => {
    test('gives the bits of forward, in either layout, batched or not', async () => {
      contender.use();
      const layer = make();
      const expected = bits(layer.forward(input()));
      expect(bits(await layer.forwardAsync(input()))).toEqual(expected);
      expect(bits(await layer.forwardAsync(input().channelsLast()))).toEqual(expected);
      const image = Tensor.randn([3, 20, 20], { seed: 2 });
      const single = layer.forward(image);
      const background = await layer.forwardAsync(image);
      expect(background.shape).toEqual(single.shape);
      expect(bits(background)).toEqual(bits(single));
      const empty = Tensor.zeros([0, 3, 20, 20]);
      expect((await layer.forwardAsync(empty)).shape).toEqual(layer.forward(empty).shape);
    });

    test('the input may be written to and transferred at once', async () => {
      contender.use();
      const layer = make();
      const expected = bits(layer.forward(input()));
      for (const spoil of [(x: Tensor) => x.data.fill(Number.NaN), transfer]) {
        for (const x of [input(), input().channelsLast()]) {
          const promise = layer.forwardAsync(x);
          spoil(x);
          expect(bits(await promise)).toEqual(expected);
        }
      }
    });

    test('several calls share one input and one layer', async () => {
      contender.use();
      const layer = make();
      const x = input();
      const expected = bits(layer.forward(x));
      const results = await Promise.all(Array.from({ length: 8 }, () => layer.forwardAsync(x)));
      for (const result of results) expect(bits(result)).toEqual(expected);
    });

    test('an aborted signal rejects with its reason', async () => {
      contender.use();
      const layer = make();
      const reason = new RangeError('enough');
      const signal = AbortSignal.abort(reason);
      await expect(layer.forwardAsync(input(), { signal })).rejects.toBe(reason);
    });
  });

  test('aborting during the work rejects with the reason, and the next call is right', async () => {
    contender.use();
    const conv = new nn.Conv2d(16, 16, 3, { padding: 1 });
    const x = Tensor.randn([2, 16, 48, 48], { seed: 1 });
    const controller = new AbortController();
    const reason = { stop: true };
    const promise = conv.forwardAsync(x, { signal: controller.signal });
    controller.abort(reason);
    await expect(promise).rejects.toBe(reason);
    expect(bits(await conv.forwardAsync(x))).toEqual(bits(conv.forward(x)));
  });

  test('aborting between the layers of a Sequential rejects with the reason', async () => {
    contender.use();
    const controller = new AbortController();
    const reason = new TypeError("mine, not the layer's");
    class Stop extends nn.Module {
      override forward(x: Tensor): Tensor {
        return x;
      }
      override async forwardAsync(x: Tensor): Promise<Tensor> {
        controller.abort(reason);
        return x;
      }
    }
    const net = new nn.Sequential(new nn.ReLU(), new Stop(), new nn.ReLU());
    await expect(net.forwardAsync(input(), { signal: controller.signal })).rejects.toBe(reason);
  });

  test('a hundred calls share one signal without a warning of Node', async () => {
    contender.use();
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    const controller = new AbortController();
    const reason = new Error('all of you');
    const calls = Array.from({ length: 100 }, () =>
      new nn.Conv2d(3, 8, 3).forwardAsync(input(), { signal: controller.signal }),
    );
    await calls[0];
    controller.abort(reason);
    const endings = await Promise.allSettled(calls);
    expect(endings.filter((one) => one.status === 'rejected').every((one) => one.reason === reason)).toBe(
      true,
    );
    expect(endings.at(-1)?.status).toBe('rejected');
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  test('aborting after the end changes nothing', async () => {
    contender.use();
    const controller = new AbortController();
    const y = await new nn.ReLU().forwardAsync(input(), { signal: controller.signal });
    controller.abort();
    expect(bits(y)).toEqual(bits(new nn.ReLU().forward(input())));
  });

  test('weights changed after the call do not reach it', async () => {
    contender.use();
    const conv = new nn.Conv2d(3, 4, 3);
    const expected = bits(conv.forward(input()));
    const promise = conv.forwardAsync(input());
    conv.weight.data.fill(0);
    transfer(conv.weight);
    expect(bits(await promise)).toEqual(expected);
    await expect(conv.forwardAsync(input())).rejects.toThrow(/detached/);
  });

  test('the event loop goes on', async () => {
    contender.use();
    const conv = new nn.Conv2d(32, 32, 3, { padding: 1 });
    conv.forward(Tensor.zeros([1, 32, 3, 3]));
    // Enough for 40 ms on the fastest: the reference gets one image, native more than a gigaflop for each of its cores.
    const batch = contender.name === 'reference' ? 1 : 64;
    const x = Tensor.ones([batch, 32, 128, 64]).channelsLast();
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    const begun = performance.now();
    const promise = conv.forwardAsync(x);
    const returned = performance.now() - begun;
    await promise;
    const took = performance.now() - begun;
    clearInterval(ticking);
    // A blocked loop would turn no more than once, and the call would return at the end of the work.
    if (took < 40) return;
    expect(turns).toBeGreaterThan(2);
    expect(returned).toBeLessThan(took / 2);
  });

  test('wrong input rejects, and never throws', async () => {
    contender.use();
    const conv = new nn.Conv2d(4, 4, 3);
    const promise = conv.forwardAsync(input());
    await expect(promise).rejects.toThrow(ShapeError);
    const net = new nn.Sequential(new nn.ReLU(), conv);
    await expect(net.forwardAsync(input())).rejects.toThrow(
      /^Sequential\[1\] \(Conv2d\): conv2d: Given groups=1/,
    );
    const call = Reflect.apply(conv.forwardAsync, conv, [input(), { signal: 5 }]);
    await expect(call).rejects.toThrow('conv2d: signal must be an AbortSignal, not 5');
    const typo = Reflect.apply(conv.forwardAsync, conv, [input(), { signale: null }]);
    await expect(typo).rejects.toThrow("there is no option 'signale'; did you mean 'signal'?");
  });
});

test('a module with forward() only rejects and says what to do', async () => {
  class Mine extends nn.Module {
    override forward(x: Tensor): Tensor {
      return x;
    }
  }
  await expect(new Mine().forwardAsync(input())).rejects.toThrow(TypeError);
  await expect(new nn.Sequential(new Mine()).forwardAsync(input())).rejects.toThrow(
    /^Sequential\[0\] \(Mine\): Mine: this module defines forward\(\) only; give Mine a forwardAsync/,
  );
});
