// Sequential: order, names, and errors that say in which layer.

import { describe, expect, test } from 'vitest';
import { nn, ShapeError, Tensor } from '../../lib/index.js';

const caught = (run: () => unknown): Error => {
  try {
    run();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('nothing was thrown');
};

describe('Sequential', () => {
  test('applies its modules in order, more than ten of them', () => {
    const net = new nn.Sequential(...Array.from({ length: 12 }, () => new nn.Conv2d(1, 1, 1)));
    for (const [i, [name, parameter]] of net.namedParameters().entries()) {
      expect(name).toBe(`${i >> 1}.${i % 2 ? 'bias' : 'weight'}`);
      parameter.data[0] = i % 2 ? (i + 1) / 2 : 2;
    }
    // y = 2 y + (layer + 1), twelve times from 1
    let expected = 1;
    for (let layer = 1; layer <= 12; layer++) expected = 2 * expected + layer;
    expect(net.forward(Tensor.ones([1, 1, 1, 1])).item()).toBe(expected);
  });

  test('an empty one gives back its input', () => {
    const x = Tensor.ones([1]);
    expect(new nn.Sequential().forward(x)).toBe(x);
  });

  test('names are fields', () => {
    const conv = new nn.Conv2d(1, 1, 1);
    expect(new nn.Sequential({ conv1: conv, act: new nn.ReLU() }).conv1).toBe(conv);
    expect(new nn.Sequential(new nn.ReLU(), conv)[1]).toBe(conv);
  });

  test('errors say in which layer, and keep their class and words', () => {
    const net = new nn.Sequential(new nn.Conv2d(1, 8, 3), new nn.ReLU(), new nn.Conv2d(4, 8, 3));
    const error = caught(() => net.forward(Tensor.zeros([1, 1, 8, 8])));
    expect(error.constructor).toBe(ShapeError);
    expect(error.message).toBe(
      'Sequential[2] (Conv2d): conv2d: Given groups=1, weight of size [8, 4, 3, 3], expected input[1, 8, 6, 6] to have 4 channels, but got 8 channels instead',
    );
    expect(error.cause).toBeInstanceOf(ShapeError);
    const nested = new nn.Sequential({ features: net });
    expect(caught(() => nested.forward(Tensor.zeros([1, 1, 8, 8]))).message).toMatch(
      /^Sequential\[features\] \(Sequential\): Sequential\[2\] \(Conv2d\): conv2d: /,
    );
    expect(caught(() => Reflect.apply(net.forward, net, [5])).message).toBe(
      'Sequential[0] (Conv2d): conv2d: x must be a Tensor, not 5',
    );
  });

  test('errors of other classes pass as they are', () => {
    class Odd extends Error {}
    const odd = new Odd('mine');
    class Thrower extends nn.Module {
      override forward(): Tensor {
        throw odd;
      }
    }
    expect(caught(() => new nn.Sequential(new Thrower()).forward(Tensor.ones([1])))).toBe(odd);
  });

  test.each([
    [[5], /expected a Module at '0', not 5/],
    [[new nn.ReLU(), { act: new nn.ReLU() }], /expected a Module at '1', not an object/],
    [[{ act: 'relu' }], /expected a Module at 'act', not 'relu'/],
    [[{ forward: new nn.ReLU() }], /a layer cannot be named 'forward'/],
    [[{ 'a.b': new nn.ReLU() }], /without dots/],
    [[{ conv: new nn.ReLU(), 2: new nn.ReLU() }], /JavaScript puts whole numbers first/],
    [[nn.ReLU], /not a function/],
  ])('refuses case %#', (args, words) => {
    const make = () => Reflect.construct(nn.Sequential, args);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(words);
  });
});
