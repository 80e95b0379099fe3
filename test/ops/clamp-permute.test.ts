// Elements kept within bounds, and dimensions in another order: values, gradients and layouts.

import { describe, expect, test } from 'vitest';
import { compile, nn, ops, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { gradcheck } from '../support/gradcheck.js';

const orders = (rank: number): number[][] =>
  rank === 0
    ? [[]]
    : orders(rank - 1).flatMap((order) =>
        Array.from({ length: rank }, (_, at) => order.toSpliced(at, 0, rank - 1)),
      );

/** Element by element, as the definition says. */
function permutedByHand(x: Tensor, dims: readonly number[]): number[] {
  const data = [...x.data];
  const stride = (axis: number) => x.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const sizes = dims.map((axis) => x.shape[axis]);
  return data.map((_, index) => {
    let [place, rest] = [0, index];
    for (let i = dims.length - 1; i >= 0; i--) {
      place += (rest % sizes[i]) * stride(dims[i]);
      rest = Math.floor(rest / sizes[i]);
    }
    return data[place];
  });
}

describe.each(contenders())('$name', ({ use }) => {
  test('every order of up to four dimensions, in both layouts', () => {
    use();
    for (const shape of [[], [5], [3, 4], [2, 3, 4], [2, 3, 4, 5], [2, 1, 4, 1], [0, 3, 2]]) {
      const x = Tensor.randn(shape, { seed: 3 });
      const kinds = shape.length === 3 || shape.length === 4 ? [x, x.channelsLast()] : [x];
      for (const kind of kinds) {
        for (const dims of orders(shape.length)) {
          const y = ops.permute(kind, { dims });
          expect(y.shape).toEqual(dims.map((axis) => shape[axis]));
          expect([...y.data]).toEqual(permutedByHand(x, dims));
        }
      }
    }
  });

  test('a permuted tensor is a copy, whatever the layouts', () => {
    use();
    for (const x of [
      Tensor.randn([2, 3, 4, 5], { seed: 1 }),
      Tensor.randn([2, 3, 4, 5], { seed: 1 }).channelsLast(),
    ]) {
      for (const dims of [
        [0, 2, 3, 1],
        [0, 3, 1, 2],
        [0, 1, 2, 3],
        [3, 1, 0, 2],
      ]) {
        const before = x.toArray();
        ops.permute(x, { dims }).data.fill(7);
        expect(x.toArray()).toEqual(before);
      }
    }
  });

  test('gradients of permuting go back to their places', () => {
    use();
    for (const dims of orders(4)) {
      gradcheck({
        inputs: [Tensor.randn([2, 3, 4, 5], { seed: 2 })],
        forward: (x) => ops.permute(x, { dims }),
        truth: 'linear',
      });
    }
    gradcheck({
      inputs: [Tensor.randn([2, 3, 4, 5], { seed: 2 }).channelsLast()],
      forward: (x) => ops.permute(x, { dims: [0, 2, 3, 1] }),
      truth: 'linear',
    });
  });

  test('clamp keeps within both bounds, either or none, and NaN as it is', () => {
    use();
    const x = Tensor.from([-Infinity, -2, -0.5, 0, 1, 3, Infinity, Number.NaN]);
    const clamped = (options: ops.ClampOptions) => [...ops.clamp(x, options).data];
    expect(clamped({ min: -1, max: 2 })).toEqual([-1, -1, -0.5, 0, 1, 2, 2, Number.NaN]);
    expect(clamped({ min: 0.25 })).toEqual([0.25, 0.25, 0.25, 0.25, 1, 3, Infinity, Number.NaN]);
    expect(clamped({ max: 0.25 })).toEqual([-Infinity, -2, -0.5, 0, 0.25, 0.25, 0.25, Number.NaN]);
    expect(clamped({})).toEqual([...x.data]);
  });

  test('the gradient of clamp is the upstream one between the bounds', () => {
    use();
    const bounds = [{ min: -0.5, max: 0.75 }, { min: 0 }, { max: 0.5 }, {}];
    for (const options of bounds) {
      for (const x of [
        Tensor.randn([2, 3, 4, 5], { seed: 4 }),
        Tensor.randn([2, 3, 4, 5], { seed: 5 }).channelsLast(),
      ]) {
        gradcheck({
          inputs: [x],
          forward: (tensor) => ops.clamp(tensor, options),
          truth: (values) =>
            values.map((value) =>
              Math.min(Math.max(value, options.min ?? -Infinity), options.max ?? Infinity),
            ),
        });
      }
    }
  });

  test('both are compiled, bit for bit', async () => {
    use();
    class Net extends nn.Module {
      conv = new nn.Conv2d(3, 4, 3);
      override forward(x: Tensor): Tensor {
        const y = ops.permute(ops.clamp(this.conv.forward(x), { min: -0.5, max: 0.5 }), {
          dims: [0, 2, 3, 1],
        });
        return ops.permute(ops.clamp(y, { max: 0.25 }), { dims: [3, 0, 1, 2] });
      }
    }
    const net = new Net();
    const x = Tensor.randn([2, 3, 6, 7], { seed: 6 });
    const session = await compile(net, { inputShape: x.shape });
    expect(session.runSync(x).data).toEqual(net.forward(x).data);
  });
});

test('bounds and dimensions that are none are refused', () => {
  const x = Tensor.zeros([2, 3]);
  expect(() => ops.permute(x, { dims: [0, 0] })).toThrow(
    'permute: dims must name each of 2 dimensions once, but got dims=[0, 0]',
  );
  expect(() => ops.permute(x, { dims: [0] })).toThrow(RangeError);
  expect(() => ops.permute(x, { dims: [0, 2] })).toThrow('Dimension out of range');
  expect(() => ops.clamp(x, { min: Number.NaN })).toThrow('clamp: min must be a number, but got min=NaN');
  expect(() => Reflect.apply(ops.clamp, null, [x, { min: '0' }])).toThrow(TypeError);
});
