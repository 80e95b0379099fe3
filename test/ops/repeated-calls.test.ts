// A convolution that is called again with images of the same shape goes by what it knew. Whatever may have changed since
// shows in the result: every call has the bits of one whose tensors were never met before.

import { describe, expect, test } from 'vitest';
import { nn, noGrad, ops, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';

const options = { padding: 1 } as const;
const draw = (shape: readonly number[], seed: number) => Tensor.randn(shape, { seed });
const copy = (tensor: Tensor) =>
  new Tensor(
    noGrad(() => tensor.detach().data.slice()),
    tensor.shape,
  );
const fresh = (x: Tensor, weight: Tensor, bias: Tensor | null) =>
  bits(ops.conv2d(copy(x), copy(weight), bias && copy(bias), options));

function warm(rounds = 3) {
  const [x, weight, bias] = [draw([1, 3, 8, 8], 1), draw([4, 3, 3, 3], 2), draw([4], 3)];
  for (let i = 0; i < rounds; i++) ops.conv2d(x, weight, bias, options);
  return { x, weight, bias, call: (input = x) => ops.conv2d(input, weight, bias, options) };
}

describe.each(contenders())('$name', (contender) => {
  test('weights and biases that were written show at the next call', () => {
    contender.use();
    const { x, weight, bias, call } = warm();
    const changes: (() => void)[] = [
      () => weight.data.fill(0.5),
      () => bias.data.fill(2),
      () => x.data.fill(-1),
    ];
    for (const change of changes) {
      call();
      change();
      expect(bits(call())).toEqual(fresh(x, weight, bias));
    }
    const kept = weight.data;
    call();
    kept[0] = 7;
    weight.markChanged();
    expect(bits(call())).toEqual(fresh(x, weight, bias));
  });

  test('a layer sees loaded weights, a replaced bias and a replaced weight', () => {
    contender.use();
    const layer = new nn.Conv2d(3, 4, 3, options);
    const x = draw([1, 3, 8, 8], 1);
    const same = () => expect(bits(layer.forward(x))).toEqual(fresh(x, layer.weight, layer.bias));
    for (let i = 0; i < 3; i++) layer.forward(x);
    layer.loadStateDict({ weight: draw([4, 3, 3, 3], 5), bias: draw([4], 6) });
    same();
    layer.bias = null;
    same();
    layer.weight = draw([4, 3, 3, 3], 7);
    same();
  });

  test('images of another shape, batch or layout are not taken for the last ones', () => {
    contender.use();
    const { x, weight, bias, call } = warm();
    const others = [
      draw([1, 3, 4, 16], 4),
      draw([2, 3, 8, 8], 5),
      draw([3, 8, 8], 6),
      x.channelsLast(),
      x,
      Tensor.zeros([0, 3, 8, 8]),
      draw([3, 8, 8], 7).channelsLast(),
    ];
    for (const other of [...others, ...others]) {
      const y = call(other);
      expect(y.shape).toEqual(other.shape.with(other.shape.length - 3, 4));
      expect(bits(y)).toEqual(fresh(other, weight, bias));
    }
  });

  test('what gradients need is asked at every call', () => {
    contender.use();
    const { x, weight, call } = warm();
    expect(call().requiresGrad).toBe(false);
    weight.requiresGrad = true;
    expect(call().requiresGrad).toBe(true);
    expect(noGrad(() => call()).requiresGrad).toBe(false);
    weight.requiresGrad = false;
    expect(call().requiresGrad).toBe(false);
    x.requiresGrad = true;
    expect(call().requiresGrad).toBe(true);
  });

  test('an activation whose gradient needs its argument keeps that once gradients are asked for', () => {
    contender.use();
    const gelu = { ...options, activation: 'gelu' } as const;
    const [x, weight] = [draw([1, 3, 8, 8], 1), draw([4, 3, 3, 3], 2)];
    for (let i = 0; i < 3; i++) ops.conv2d(x, weight, null, gelu);
    const twin = copy(weight);
    for (const parameter of [weight, twin]) parameter.requiresGrad = true;
    ops.conv2d(x, weight, null, gelu).backward(Tensor.ones([1, 4, 8, 8]));
    ops.gelu(ops.conv2d(x, twin, null, options)).backward(Tensor.ones([1, 4, 8, 8]));
    if (weight.grad === null || twin.grad === null) throw new Error('no gradient');
    expect(bits(weight.grad)).toEqual(bits(twin.grad));
  });

  test('the same options object is read anew', () => {
    contender.use();
    const { x, weight, bias } = warm();
    const changing: { padding: number | number[]; stride?: number; strides?: number } = { padding: 1 };
    const call = () => ops.conv2d(x, weight, bias, changing as { padding: number }).shape;
    expect([call(), call()]).toEqual([
      [1, 4, 8, 8],
      [1, 4, 8, 8],
    ]);
    changing.padding = 0;
    expect(call()).toEqual([1, 4, 6, 6]);
    changing.stride = 2;
    expect(call()).toEqual([1, 4, 3, 3]);
    const pair = [1, 0];
    changing.padding = pair;
    expect(call()).toEqual([1, 4, 4, 3]);
    pair[1] = 1;
    expect(call()).toEqual([1, 4, 4, 4]);
    const inherited: { padding: number } = Object.create({ padding: 2 });
    expect(ops.conv2d(x, weight, bias, inherited).shape).toEqual([1, 4, 10, 10]);
    changing.strides = 2;
    expect(call).toThrow("there is no option 'strides'");
    expect(call).toThrow("there is no option 'strides'");
  });

  test('what is wrong is refused with the same words', () => {
    contender.use();
    const { x, weight, bias, call } = warm();
    const text: unknown = 'x';
    expect(() => call(text as Tensor)).toThrow("conv2d: x must be a Tensor, not 'x'");
    expect(() => call(draw([1, 2, 8, 8], 1))).toThrow('to have 3 channels, but got 2 channels instead');
    expect(() => ops.conv2d(x, weight, draw([5], 1), options)).toThrow('1-dimensional with 4 elements');
    structuredClone(null, { transfer: [x.data.buffer as ArrayBuffer] });
    expect(() => call()).toThrow('the buffer of a tensor of 192 elements has been detached');
    expect(bits(call(draw([1, 3, 8, 8], 9)))).toEqual(fresh(draw([1, 3, 8, 8], 9), weight, bias));
  });

  test('calls in the background and at once take turns', async () => {
    contender.use();
    const layer = new nn.Conv2d(3, 4, 3, options);
    const x = draw([1, 3, 8, 8], 1);
    const wanted = fresh(x, layer.weight, layer.bias);
    for (let i = 0; i < 3; i++) {
      expect(bits(layer.forward(x))).toEqual(wanted);
      const later = layer.forwardAsync(x);
      const twice = layer.forwardAsync(x);
      x.data[0] += 0;
      expect(bits(await later)).toEqual(wanted);
      expect(bits(await twice)).toEqual(wanted);
    }
    const before = layer.forwardAsync(x);
    layer.weight.data.fill(1);
    expect(bits(await before)).toEqual(wanted);
    expect(bits(await layer.forwardAsync(x))).toEqual(fresh(x, layer.weight, layer.bias));
  });
});

test('another backend makes its own', () => {
  const { call } = warm();
  const found = contenders().map((contender) => {
    contender.use();
    call();
    return bits(call());
  });
  for (const result of found) expect(result).toEqual(found[0]);
});
