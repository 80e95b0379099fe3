// Keras's vocabulary: the same numbers as ops.conv2d under other names and another order of dimensions.

import { describe, expect, test } from 'vitest';
import { manualSeed, nn, ops, ShapeError, Tensor } from '../../lib/index.js';
import { Conv2D, Sequential } from '../../lib/keras.js';
import { contenders } from '../support/backends.js';

/** A tensor with its dimensions in another order, element by element. */
function permuted(x: Tensor, order: number[]): Tensor {
  const shape = order.map((axis) => x.shape[axis]);
  const strides = x.shape.map((_, axis) => x.shape.slice(axis + 1).reduce((n, size) => n * size, 1));
  const source = x.data;
  const data = source.map((_, i) => {
    let rest = i;
    let from = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += (rest % shape[axis]) * strides[order[axis]];
      rest = Math.floor(rest / shape[axis]);
    }
    return source[from];
  });
  return new Tensor(data, shape);
}

describe.each(contenders())('$name', (contender) => {
  test('computes what ops.conv2d computes, sync and async, batched or not', async () => {
    contender.use();
    const conv = new Conv2D({
      filters: 6,
      kernelSize: [3, 2],
      strides: 2,
      padding: 'same',
      groups: 2,
      activation: 'relu',
    });
    const x = Tensor.randn([2, 9, 7, 4], { seed: 1 });
    const y = conv.forward(x);
    expect(y.shape).toEqual([2, 5, 4, 6]);
    expect(conv.kernel?.shape).toEqual([3, 2, 2, 6]);
    if (!conv.kernel) return;
    const images = permuted(x, [0, 3, 1, 2]);
    const options = { stride: 2, padding: 'same', groups: 2, activation: 'relu' } as const;
    const expected = () =>
      permuted(
        ops.conv2d(images, permuted(conv.kernel ?? x, [3, 2, 0, 1]), conv.bias, options),
        [0, 2, 3, 1],
      );
    expect(y.toArray()).toEqual(expected().toArray());
    const promise = conv.forwardAsync(x);
    const before = expected().toArray();
    x.data.fill(0);
    expect((await promise).toArray()).toEqual(before);

    // A kernel that changed is seen.
    conv.kernel.data.fill(0.5);
    expect(conv.forward(permuted(images, [0, 2, 3, 1])).toArray()).toEqual(expected().toArray());
    expect(conv.forward(Tensor.ones([9, 7, 4])).shape).toEqual([5, 4, 6]);
  });
});

test('weights begin as in Keras: Glorot uniform, zero bias', () => {
  manualSeed(1);
  const conv = new Conv2D({ filters: 16, kernelSize: 3 });
  expect(conv.parameters()).toHaveLength(0);
  conv.build(8);
  expect(Object.keys(conv.stateDict())).toEqual(['kernel', 'bias']);
  const limit = Math.sqrt(6 / (9 * 24));
  const largest = (conv.kernel?.data ?? new Float32Array()).reduce(
    (most, value) => Math.max(most, Math.abs(value)),
    0,
  );
  expect(largest).toBeLessThanOrEqual(Math.fround(limit));
  expect(largest).toBeGreaterThan(0.9 * limit);
  expect(conv.bias?.data.every((value) => value === 0)).toBe(true);
  const bare = new Conv2D({ filters: 1, kernelSize: 1, useBias: false });
  bare.build(1);
  expect(bare.bias).toBeNull();
});

test('Sequential takes a list', () => {
  const net = new Sequential([new Conv2D({ filters: 8, kernelSize: 3 }), new nn.ReLU()]);
  expect(net.forward(Tensor.zeros([1, 6, 6, 3])).shape).toEqual([1, 4, 4, 8]);
  expect(() => net.forward(Tensor.zeros([1, 6, 6, 4]))).toThrow(
    /^Sequential\[0\] \(Conv2D\): Conv2D: kernel \[3, 3, 3, 8\] needs 3 input channels, but the input has 4 channels \(full input shape is \[1, 6, 6, 4\]\)/,
  );
  expect(() => Reflect.construct(Sequential, [new nn.ReLU()])).toThrow(TypeError);
});

test.each([
  [{ filters: 4 }, TypeError, 'kernelSize is missing'],
  [{ kernelSize: 4 }, TypeError, 'filters is missing'],
  [{ filters: 4, kernelSize: 1, groups: 3 }, RangeError, 'Received: groups=3, filters=4'],
  [{ filters: 4, kernelSize: 1, padding: 1 }, TypeError, 'padding must be a string, not 1'],
  [
    { filters: 4, kernelSize: 1, stride: 1 },
    TypeError,
    "there is no option 'stride'; did you mean 'strides'?",
  ],
  [{ filters: 0, kernelSize: 1 }, RangeError, 'filters must be a positive integer'],
])('Conv2D refuses %j', (options, kind, words) => {
  const make = () => Reflect.construct(Conv2D, [options]);
  expect(make).toThrow(kind);
  expect(make).toThrow(words);
});

test('input whose channels the groups do not divide, or of a wrong rank', () => {
  expect(() =>
    new Conv2D({ filters: 4, kernelSize: 1, groups: 2 }).forward(Tensor.ones([1, 2, 2, 3])),
  ).toThrow(ShapeError);
  expect(() => new Conv2D({ filters: 4, kernelSize: 1 }).forward(Tensor.ones([2, 2]))).toThrow(
    /expected input \[N, H, W, C\]/,
  );
});
