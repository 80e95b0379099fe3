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
  expect(conv.getWeights()).toHaveLength(0);
  expect(() => conv.parameters()).toThrow(
    /not there yet: the input channels are inferred from the first input/,
  );
  conv.build([null, 28, 28, 8]);
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
  bare.build([null, null, null, 1]);
  expect(bare.bias).toBeNull();
});

test('Sequential takes a list', () => {
  const net = new Sequential([new Conv2D({ filters: 8, kernelSize: 3 }), new nn.ReLU()]);
  expect(net.forward(Tensor.zeros([1, 6, 6, 3])).shape).toEqual([1, 4, 4, 8]);
  expect(() => net.forward(Tensor.zeros([1, 6, 6, 4]))).toThrow(
    /^Sequential\[0\] \(Conv2D\): Conv2D: Input 0 is incompatible with the layer: expected axis -1 of input shape to have value 3, as kernel \[3, 3, 3, 8\] needs, but received input with shape \[1, 6, 6, 4\]$/,
  );
  expect(() => Reflect.construct(Sequential, [new nn.ReLU()])).toThrow(TypeError);
});

test.each([
  [{ filters: 4 }, TypeError, 'kernelSize is missing'],
  [{ kernelSize: 4 }, TypeError, 'filters is missing'],
  [{ filters: 4, kernelSize: 1, groups: 3 }, RangeError, 'Received: groups=3, filters=4'],
  [{ filters: 4, kernelSize: 1, padding: 'causal' }, RangeError, "padding must be one of {'valid', 'same'}"],
  [{ filters: 4, kernelSize: 1, padding: 1 }, TypeError, 'padding must be a string, not 1'],
  [
    { filters: 4, kernelSize: 1, stride: 1 },
    TypeError,
    "there is no option 'stride'; did you mean 'strides'?",
  ],
  [
    { filters: 4, kernelSize: 3, strides: 2, dilationRate: [1, 2] },
    RangeError,
    'strides > 1 not supported in conjunction with dilationRate > 1. Received: strides=2 and dilationRate=[1, 2]',
  ],
  [{ filters: 4, kernelSize: 0 }, RangeError, 'Invalid value for argument kernelSize'],
  [{ filters: 4, kernelSize: [1, 2, 3] }, RangeError, 'a list of 2 numbers'],
  [{ filters: 4, kernelSize: 1, activation: 'softmax' }, RangeError, 'activation must be one of'],
  [{ filters: 4, kernelSize: 1, dataFormat: 'NHWC' }, RangeError, 'dataFormat must be one of'],
  [{ filters: 4, kernelSize: 1, kernelInitializer: 'heNorml' }, RangeError, "did you mean 'heNormal'?"],
  [{ filters: 4, kernelSize: 1, kernelInitializer: 3 }, TypeError, 'must be a name or an initializer, not 3'],
  [{ filters: 4, kernelSize: 1, inputShape: 3 }, TypeError, 'inputShape must be an array of sizes'],
  [
    { filters: 4, kernelSize: 1, inputShape: [8, 8, null] },
    RangeError,
    'The channel dimension of the inputs should be defined. Received: inputShape=[null, 8, 8, null]',
  ],
  [
    { filters: 4, kernelSize: 1, inputShape: [8, 3] },
    RangeError,
    'an input has 4 dimensions, batch included. Received: inputShape=[null, 8, 3]',
  ],
  [{ filters: 4, kernelSize: 1, name: 'a.b' }, RangeError, 'without dots'],
  [
    { filters: 0, kernelSize: 1 },
    RangeError,
    'Invalid value for argument filters. Expected a strictly positive value, but got filters=0',
  ],
])('Conv2D refuses %j', (options, kind, words) => {
  const make = () => Reflect.construct(Conv2D, [options]);
  expect(make).toThrow(kind);
  expect(make).toThrow(words);
});

test('input whose channels the groups do not divide, or of a wrong rank', () => {
  expect(() =>
    new Conv2D({ filters: 4, kernelSize: 1, groups: 2 }).forward(Tensor.ones([1, 2, 2, 3])),
  ).toThrow('Received: groups=2, but the input has 3 channels (full input shape is [1, 2, 2, 3])');
  expect(() => new Conv2D({ filters: 4, kernelSize: 5 }).forward(Tensor.ones([1, 2, 2, 3]))).toThrow(
    ShapeError,
  );
  expect(() => new Conv2D({ filters: 4, kernelSize: 1 }).forward(Tensor.ones([2, 2]))).toThrow(
    /expected ndim=4, \[N, H, W, C\], or \[H, W, C\] of one image, found ndim=2\. Full shape received: \[2, 2\]/,
  );
});
