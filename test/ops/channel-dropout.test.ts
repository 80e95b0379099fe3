// Dropout of whole channels: all of one or none, its size, its gradient, and that layouts, backends and batches do not matter.

import { describe, expect, test } from 'vitest';
import { manualSeed, nn, ops, ShapeError, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';

describe.each(contenders())('$name', ({ use }) => {
  test.each([
    [ops.dropout1d, [4, 100, 7], 7],
    [ops.dropout1d, [400, 3], 3],
    [ops.dropout2d, [4, 100, 3, 5], 15],
    [ops.dropout2d, [4, 100, 5], 5],
    [ops.dropout3d, [2, 200, 2, 3, 1], 6],
    [ops.dropout3d, [400, 2, 3, 1], 6],
  ])('a channel is dropped whole or kept whole: %#', (dropout, shape, positions) => {
    use();
    const x = Tensor.ones(shape);
    x.requiresGrad = true;
    const y = dropout(x, { p: 0.25, seed: 3 });
    const channels = Array.from({ length: 400 }, (_, c) => [
      ...new Set(y.data.subarray(c * positions, (c + 1) * positions)),
    ]);
    expect(new Set(channels.map(({ length }) => length))).toEqual(new Set([1]));
    expect(new Set(channels.flat())).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    const kept = channels.flat().filter((value) => value !== 0).length;
    expect(Math.abs(kept / 400 - 0.75)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / 400));
    y.backward(Tensor.ones(shape));
    expect(x.grad?.data).toEqual(y.data);
  });

  test('the same by layer, in the background, channels last', async () => {
    use();
    const x = Tensor.randn([3, 19, 4, 5], { seed: 1 });
    const layer = new nn.Dropout2d(0.4);
    const drawn = async (run: () => Tensor | Promise<Tensor>) => {
      manualSeed(6);
      return bits(await run());
    };
    const expected = await drawn(() => layer.forward(x));
    expect(await drawn(() => layer.forwardAsync(x))).toEqual(expected);
    expect(await drawn(() => layer.forward(x.channelsLast()))).toEqual(expected);
    expect(await drawn(() => layer.forwardAsync(x.channelsLast()))).toEqual(expected);
    expect(layer.forward(x.channelsLast()).data).toHaveLength(3 * 19 * 20);
    expect(bits(layer.eval().forward(x))).toEqual(bits(x));
    expect(new Set(new nn.Dropout3d(1).forward(Tensor.ones([2, 1, 1, 1])).data)).toEqual(new Set([0]));
    expect(new nn.Dropout1d().forward(Tensor.ones([0, 3, 4])).shape).toEqual([0, 3, 4]);
  });
});

test('every backend drops the same channels', () => {
  const x = Tensor.randn([5, 33, 9], { seed: 1 });
  const results = contenders().map(({ use }) => {
    use();
    return bits(ops.dropout1d(x, { seed: 5 }));
  });
  for (const result of results) expect(result).toEqual(results[0]);
});

test('what is wrong is refused', () => {
  expect(() => ops.dropout2d(Tensor.ones([3, 4]))).toThrow(ShapeError);
  expect(() => ops.dropout2d(Tensor.ones([3, 4]))).toThrow(
    'dropout2d: Expected [N, C, H, W] or [N, C, L] input, but received an input of size: [3, 4]',
  );
  expect(() => ops.dropout1d(Tensor.ones([3, 4, 5]), { p: 2 })).toThrow(/between 0 and 1, but got 2/);
  expect(() => new nn.Dropout2d(-0.1)).toThrow(RangeError);
  expect(() => new nn.Dropout3d().forward(Tensor.ones([2, 3]))).toThrow(/Expected 4D or 5D input/);
  expect(ops.dropout2d(Tensor.ones([1, 2, 3, 4]), { training: false }).shape).toEqual([1, 2, 3, 4]);
  expect(String(new nn.Dropout2d(0.3))).toBe('Dropout2d(p=0.3)');
});
