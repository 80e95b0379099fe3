// Gradients of what moves elements: joining, cutting, padding, reshaping, windows and columns.

import { describe, expect, test } from 'vitest';
import { nn, ops, Tensor } from '../../lib/index.js';
import type { PadMode } from '../../lib/ops/index.js';
import { backends } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { gradcheck } from '../support/gradcheck.js';
import { Random } from '../support/random.js';

const laidOut = (tensor: Tensor, last: boolean) =>
  last && tensor.shape.length >= 3 && tensor.shape.length <= 5 ? tensor.channelsLast() : tensor;

describe('slice', () => {
  const x = Tensor.from([
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ]);

  test.each<[Parameters<typeof ops.slice>[1], unknown]>([
    [
      undefined,
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
    ],
    [{ start: 1 }, [[5, 6, 7, 8]]],
    [
      { dim: 1, start: 1, end: 3 },
      [
        [2, 3],
        [6, 7],
      ],
    ],
    [
      { dim: -1, start: -2 },
      [
        [3, 4],
        [7, 8],
      ],
    ],
    [
      { dim: 1, end: -1, step: 2 },
      [
        [1, 3],
        [5, 7],
      ],
    ],
    [
      { dim: 1, start: -9, end: 99, step: 3 },
      [
        [1, 4],
        [5, 8],
      ],
    ],
    [{ dim: 1, start: 3, end: 1 }, [[], []]],
    [
      { dim: 1, start: 2, end: Infinity },
      [
        [3, 4],
        [7, 8],
      ],
    ],
  ])('%j', (options, expected) => {
    expect(ops.slice(x, options).toArray()).toEqual(expected);
  });

  test('is a copy, and refuses what is no slice', () => {
    const copy = ops.slice(x);
    copy.data[0] = 9;
    expect(x.toArray()).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ]);
    expect(() => ops.slice(x, { step: 0 })).toThrow('slice: slice step must be positive, but got step=0');
    expect(() => ops.slice(x, { start: 0.5 })).toThrow(/start must be a whole number/);
    expect(() => ops.slice(x, { dim: 2 })).toThrow(/Dimension out of range/);
    expect(() => ops.slice(Tensor.from(1))).toThrow(/cannot be applied to a 0-dim tensor/);
  });
});

describe.each(backends())('$name', (contender) => {
  test('random slices', () => {
    contender.use();
    const random = new Random(2);
    for (let round = 0; round < 60; round++) {
      const shape = Array.from({ length: random.between(1, 5) }, () => random.between(1, 6));
      const dim = random.between(0, shape.length - 1);
      const options = {
        dim,
        start: random.between(-shape[dim] - 1, shape[dim]),
        end: random.between(-shape[dim] - 1, shape[dim] + 1),
        step: random.between(1, 3),
      };
      const x = laidOut(Tensor.randn(shape, { seed: round }), random.once(2));
      gradcheck({
        name: JSON.stringify([shape, options]),
        inputs: [x],
        forward: (t) => ops.slice(t, options),
        truth: 'linear',
      });
    }
  });

  test('random pads, in every mode, cropping too', () => {
    contender.use();
    const random = new Random(3);
    const modes: readonly PadMode[] = ['constant', 'reflect', 'replicate', 'circular'];
    for (let round = 0; round < 80; round++) {
      const mode = random.of(modes);
      const shape = Array.from({ length: random.between(1, 5) }, () => random.between(1, 6));
      const padding = shape.slice(random.between(0, shape.length - 1)).map((size): [number, number] => {
        const most = { constant: 3, reflect: size - 1, replicate: 3, circular: size }[mode];
        const least = random.once(4) ? -Math.floor((size - 1) / 2) : 0;
        return [random.between(least, most), random.between(least, most)];
      });
      const options = mode === 'constant' ? { padding, mode, value: 0 } : { padding, mode };
      const x = laidOut(Tensor.randn(shape, { seed: round }), random.once(2));
      gradcheck({
        name: JSON.stringify([shape, options]),
        inputs: [x],
        forward: (t) => ops.pad(t, options),
        truth: 'linear',
      });
    }
  });

  test('joining any parts along any dimension', () => {
    contender.use();
    const random = new Random(4);
    for (let round = 0; round < 40; round++) {
      const shape = Array.from({ length: random.between(1, 5) }, () => random.between(1, 5));
      const dim = random.between(0, shape.length - 1);
      const parts = Array.from({ length: random.between(1, 4) }, (_, i) =>
        laidOut(
          Tensor.randn(shape.with(dim, random.between(0, 4)), { seed: 10 * round + i }),
          random.once(2),
        ),
      );
      const needs = parts.map((_, i) => i === 0 || !random.once(3));
      gradcheck({
        name: JSON.stringify([parts.map((part) => part.shape), dim]),
        inputs: parts,
        needs,
        forward: (...all) => ops.concat(all, { dim }),
        truth: 'linear',
        probes: 4,
      });
    }
  });

  test('one tensor joined to itself', () => {
    contender.use();
    const x = new Tensor(new Float32Array([1, 2]), [2], { requiresGrad: true });
    ops.concat([x, x]).backward(Tensor.from([1, 2, 10, 20]));
    expect(x.grad?.toArray()).toEqual([11, 22]);
  });

  test('flatten, in the foreground and in the background', async () => {
    contender.use();
    for (const x of [
      Tensor.randn([2, 3, 4, 5], { seed: 1 }),
      Tensor.randn([2, 3, 4, 5], { seed: 1 }).channelsLast(),
    ]) {
      gradcheck({ inputs: [x], forward: (t) => ops.flatten(t, { startDim: 1, endDim: 2 }), truth: 'linear' });
      const leaf = x.detach();
      leaf.requiresGrad = true;
      const y = await new nn.Flatten().forwardAsync(leaf);
      y.backward(Tensor.from(Array.from({ length: 2 }, () => Array.from({ length: 60 }, (_, i) => i))));
      expect(leaf.grad?.reshape([2, 60]).toArray()).toEqual(
        Array.from({ length: 2 }, () => Array.from({ length: 60 }, (_, i) => i)),
      );
    }
  });

  test('unfold and fold are each the other’s gradient', async () => {
    contender.use();
    const random = new Random(5);
    for (let round = 0; round < 30; round++) {
      const options = {
        kernelSize: [random.between(1, 3), random.between(1, 3)],
        stride: [random.between(1, 3), random.between(1, 3)],
        padding: [random.between(0, 2), random.between(0, 2)],
        dilation: [random.between(1, 2), random.between(1, 2)],
      };
      const outputSize = [random.between(5, 8), random.between(5, 8)];
      const x = laidOut(Tensor.randn([2, 3, ...outputSize], { seed: round }), random.once(2));
      gradcheck({ inputs: [x], forward: (t) => ops.unfold(t, options), truth: 'linear', probes: 4 });
      const columns = Tensor.randn(ops.unfold(x, options).shape, { seed: round });
      const fold = { ...options, outputSize };
      gradcheck({ inputs: [columns], forward: (t) => ops.fold(t, fold), truth: 'linear', probes: 4 });
    }
    const x = Tensor.randn([1, 2, 4, 4], { seed: 1 });
    x.requiresGrad = true;
    const y = await new nn.Unfold(2).forwardAsync(x);
    y.backward(Tensor.ones(y.shape));
    expect(x.grad?.toArray()).toEqual(
      Array.from({ length: 1 }, () =>
        Array.from({ length: 2 }, () => [
          [1, 2, 2, 1],
          [2, 4, 4, 2],
          [2, 4, 4, 2],
          [1, 2, 2, 1],
        ]),
      ),
    );
  });

  test('padding layers carry gradients off the event loop', async () => {
    contender.use();
    const x = new Tensor(new Float32Array([1, 2, 3]), [1, 1, 3], { requiresGrad: true });
    const y = await new nn.ReflectionPad1d(2).forwardAsync(x);
    y.backward(new Tensor(new Float32Array([1, 10, 100, 1000, 1e4, 1e5, 1e6]), [1, 1, 7]));
    expect(x.grad?.toArray()).toEqual([[[1000100, 101010, 10001]]]);
  });

  test('the modulus, 0 where it is 0', () => {
    contender.use();
    for (const last of [false, true]) {
      gradcheck({
        inputs: [laidOut(Tensor.randn([2, 6, 3, 5], { seed: 6 }), last)],
        forward: ops.modulus,
        truth: (x) =>
          Float64Array.from({ length: 90 }, (_, i) => {
            const at = Math.floor(i / 15) * 30 + (i % 15);
            return Math.hypot(x[at], x[at + 15]);
          }),
      });
    }
    const x = new Tensor(new Float32Array([0, -0, 3e-18, -4e-18]), [2, 2, 1, 1], { requiresGrad: true });
    ops.sum(ops.modulus(x)).backward();
    const gradient = x.grad?.reshape([4]).data ?? [];
    expect([gradient[0], gradient[1]]).toEqual([0, 0]);
    expect(gradient[2]).toBeCloseTo(0.6, 6);
    expect(gradient[3]).toBeCloseTo(-0.8, 6);
  });
});

test('gradients have the same bits in either layout', () => {
  const gradient = (last: boolean) => {
    const x = laidOut(Tensor.randn([2, 4, 6, 5], { seed: 1 }), last);
    x.requiresGrad = true;
    const padded = ops.pad(x, { padding: [2, 3, 1, 2], mode: 'circular' });
    ops.sum(ops.modulus(ops.concat([padded, ops.mul(padded, padded)], { dim: 1 }))).backward();
    if (x.grad === null) throw new Error('no gradient');
    return bits(x.grad);
  };
  expect(gradient(true)).toEqual(gradient(false));
});
