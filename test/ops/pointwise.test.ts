// Activations against PyTorch, sums, products, the modulus, joining and flattening: in either layout, on every backend.

import { describe, expect, test } from 'vitest';
import { ops, ShapeError, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { vectorCases } from '../support/vectors.js';

const UNIT = 2 ** -24;
const activations = {
  relu: ops.relu,
  relu6: ops.relu6,
  leaky_relu: ops.leakyRelu,
  sigmoid: ops.sigmoid,
  tanh: ops.tanh,
  silu: ops.silu,
  gelu: ops.gelu,
  hardswish: ops.hardswish,
};

describe.each(contenders())('$name', (contender) => {
  for (const [op, activation] of Object.entries(activations)) {
    test.each(vectorCases('pointwise', op))(
      `${op} $name is within 4 units in the last place of x or y`,
      (one) => {
        contender.use();
        const x = one.tensor('x');
        const y: Tensor = Reflect.apply(activation, null, [x, ...(op === 'leaky_relu' ? [one.params] : [])]);
        const expected = one.tensor('y').data;
        y.data.forEach((value, i) => {
          const size = Math.max(Math.abs(expected[i]), Math.min(1, Math.abs(x.data[i])));
          expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(8 * UNIT * size);
        });
      },
    );
  }

  test('every activation keeps layout, bits and NaN', () => {
    contender.use();
    const x = Tensor.randn([2, 3, 5, 7], { seed: 3 });
    for (const activation of Object.values(activations)) {
      expect(bits(activation(x.channelsLast()))).toEqual(bits(activation(x)));
      expect(activation(Tensor.from([Number.NaN])).item()).toBeNaN();
      expect(activation(Tensor.zeros([0, 4])).shape).toEqual([0, 4]);
    }
  });

  test('add and mul, whatever the layouts', () => {
    contender.use();
    const a = Tensor.randn([2, 3, 4, 5], { seed: 1 });
    const b = Tensor.randn([2, 3, 4, 5], { seed: 2 });
    const sum = a.data.map((value, i) => value + b.data[i]);
    const product = a.data.map((value, i) => value * b.data[i]);
    for (const left of [a, a.channelsLast()]) {
      for (const right of [b, b.channelsLast()]) {
        expect(ops.add(left, right).data).toEqual(sum);
        expect(ops.mul(left, right).data).toEqual(product);
      }
    }
    expect(() => ops.add(a, Tensor.zeros([2, 3]))).toThrow(ShapeError);
    expect(() => ops.add(a, Tensor.zeros([2, 3]))).toThrow(
      'add: The size of tensor a (5) must match the size of tensor b (3) at non-singleton dimension 3, but got [2, 3, 4, 5] and [2, 3]',
    );
    expect(() => Reflect.apply(ops.mul, null, [a, null])).toThrow('mul: b must be a Tensor, not null');
  });

  test('modulus of interleaved complex channels', () => {
    contender.use();
    const x = new Tensor(new Float32Array([3, -5, 4, 12, 0, 8, -0, 15]), [1, 4, 1, 2]);
    const y = ops.modulus(x);
    expect(y.shape).toEqual([1, 2, 1, 2]);
    expect(y.toArray()).toEqual([[[[5, 13]], [[0, 17]]]]);
    expect(bits(ops.modulus(x.channelsLast()))).toEqual(bits(y));
    expect(ops.modulus(x.reshape([4, 1, 2])).toArray()).toEqual([[[5, 13]], [[0, 17]]]);
    expect(() => ops.modulus(Tensor.zeros([1, 3, 2, 2]))).toThrow(ShapeError);
  });

  test('concat along any dimension, whatever the layouts', () => {
    contender.use();
    for (let dim = 0; dim < 4; dim++) {
      const shapes = [2, 1, 3].map((size) => [2, 3, 4, 5].with(dim, size));
      const parts = shapes.map((shape, i) => Tensor.randn(shape, { seed: i }));
      const joined = ops.concat(parts, { dim });
      expect(joined.shape).toEqual([2, 3, 4, 5].with(dim, 6));
      const mixed = ops.concat([parts[0], parts[1].channelsLast(), parts[2]], { dim: dim - 4 });
      expect(bits(mixed)).toEqual(bits(joined));

      // Element by element: which part, and where in it.
      const [n, c, h, w] = joined.shape;
      const expected = new Float32Array(n * c * h * w);
      for (let i = 0; i < expected.length; i++) {
        const at = [Math.floor(i / (c * h * w)), Math.floor(i / (h * w)) % c, Math.floor(i / w) % h, i % w];
        let part = 0;
        while (at[dim] >= shapes[part][dim]) at[dim] -= shapes[part++][dim];
        const [, pc, ph, pw] = shapes[part];
        expected[i] = parts[part].data[((at[0] * pc + at[1]) * ph + at[2]) * pw + at[3]];
      }
      expect(joined.data).toEqual(expected);
    }
    expect(ops.concat([Tensor.zeros([0, 2]), Tensor.ones([1, 2])]).toArray()).toEqual([[1, 1]]);
  });

  test('concat refuses what does not fit', () => {
    contender.use();
    const ones = Tensor.ones([1, 2]);
    expect(() => ops.concat([ones, Tensor.ones([1, 3])])).toThrow(
      /Sizes of tensors must match except in dimension 0/,
    );
    expect(() => ops.concat([])).toThrow(RangeError);
    expect(() => ops.concat([ones], { dim: 2 })).toThrow(
      /expected to be in range of \[-2, 1\], but got dim=2/,
    );
    expect(() => Reflect.apply(ops.concat, null, [ones, ones])).toThrow(TypeError);
    expect(() => Reflect.apply(ops.concat, null, [[ones, 1]])).toThrow('tensors[1] must be a Tensor, not 1');
  });

  test('flatten keeps logical order', () => {
    contender.use();
    const x = Tensor.randn([2, 3, 4, 5], { seed: 1 });
    for (const tensor of [x, x.channelsLast()]) {
      expect(ops.flatten(tensor, { startDim: 1 }).shape).toEqual([2, 60]);
      expect(ops.flatten(tensor).shape).toEqual([120]);
      expect(ops.flatten(tensor, { startDim: 1, endDim: 2 }).shape).toEqual([2, 12, 5]);
      expect(bits(ops.flatten(tensor, { startDim: -3 }))).toEqual(bits(x));
    }
    expect(ops.flatten(Tensor.from(3)).shape).toEqual([1]);
    expect(() => ops.flatten(x, { startDim: 2, endDim: 1 })).toThrow(RangeError);
    expect(() => ops.flatten(x, { startDim: 4 })).toThrow(/Dimension out of range/);
  });
});
