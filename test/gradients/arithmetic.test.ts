// Arithmetic on shapes that differ, sums and means along dimensions: values, layouts, and gradients.

import { describe, expect, test } from 'vitest';
import { ops, ShapeError, Tensor } from '../../lib/index.js';
import { backends, contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { gradcheck } from '../support/gradcheck.js';
import { Random } from '../support/random.js';

const COMBINE = {
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => a / b,
};
const KINDS = ['add', 'sub', 'mul', 'div'] as const;

const product = (sizes: readonly number[]) => sizes.reduce((n, size) => n * size, 1);

/** For each element of `shape`, which element of an operand it meets. */
function met(shape: readonly number[], operand: readonly number[]): number[] {
  return Array.from({ length: product(shape) }, (_, i) => {
    let rest = i;
    let at = 0;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const index = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
      const size = operand[axis - shape.length + operand.length] ?? 1;
      if (size !== 1) at += index * stride;
      stride *= size;
    }
    return at;
  });
}

/** Numbers away from 0, so that quotients stay moderate. */
function numbers(shape: readonly number[], seed: number): Tensor {
  const tensor = Tensor.randn(shape, { seed });
  tensor.data.forEach((value, i, data) => {
    data[i] = value + (value < 0 ? -0.5 : 0.5);
  });
  return tensor;
}

const laidOut = (tensor: Tensor, last: boolean) =>
  last && tensor.shape.length >= 3 && tensor.shape.length <= 5 ? tensor.channelsLast() : tensor;

const PAIRS: [number[], number[], number[]][] = [
  [[], [], []],
  [[3], [], [3]],
  [[], [2, 2], [2, 2]],
  [[2, 3], [3], [2, 3]],
  [
    [2, 1],
    [1, 3],
    [2, 3],
  ],
  [
    [4, 1, 5],
    [3, 1],
    [4, 3, 5],
  ],
  [
    [2, 8, 5, 7],
    [2, 8, 5, 7],
    [2, 8, 5, 7],
  ],
  [
    [2, 8, 5, 7],
    [8, 1, 1],
    [2, 8, 5, 7],
  ],
  [
    [2, 8, 5, 7],
    [2, 8, 1, 1],
    [2, 8, 5, 7],
  ],
  [
    [2, 8, 5, 7],
    [2, 1, 5, 7],
    [2, 8, 5, 7],
  ],
  [
    [8, 5, 7],
    [2, 1, 1, 1],
    [2, 8, 5, 7],
  ],
  [
    [1, 8, 1, 7],
    [2, 1, 5, 1],
    [2, 8, 5, 7],
  ],
  [
    [2, 3, 4, 1, 3],
    [3, 1, 5, 3],
    [2, 3, 4, 5, 3],
  ],
  [[0, 3], [1], [0, 3]],
  [
    [2, 0, 3],
    [2, 1, 1],
    [2, 0, 3],
  ],
  [[1, 1, 1, 1], [3], [1, 1, 1, 3]],
];

describe.each(contenders())('$name', (contender) => {
  test.each(PAIRS)('%j and %j meet in %j', (aShape, bShape, shape) => {
    contender.use();
    const [a, b] = [numbers(aShape, 1), numbers(bShape, 2)];
    const [ofA, ofB] = [met(shape, aShape), met(shape, bShape)];
    for (const kind of KINDS) {
      const expected = Float32Array.from(ofA, (at, i) => COMBINE[kind](a.data[at], b.data[ofB[i]]));
      for (const [x, y] of [
        [false, false],
        [true, false],
        [false, true],
        [true, true],
      ]) {
        const got = ops[kind](laidOut(a, x), laidOut(b, y));
        expect(got.shape).toEqual(shape);
        expect(got.data).toEqual(expected);
      }
    }
  });

  test('sums take chunks of 256 in logical order, whatever the layout', () => {
    contender.use();
    const x = Tensor.randn([3, 5, 40, 17], { seed: 5 });
    for (const dim of [
      [0],
      [1],
      [2],
      [3],
      [2, 3],
      [0, 2, 3],
      [1, 2, 3],
      [0, 2],
      [1, 3],
      [0, 3],
      [0, 1, 2, 3],
    ]) {
      const kept = x.shape.map((size, axis) => (dim.includes(axis) ? 1 : size));
      const place = met(x.shape, kept);
      const members = new Map<number, number[]>();
      place.forEach((at, i) => {
        members.set(at, [...(members.get(at) ?? []), x.data[i]]);
      });
      const totals = [...members.entries()]
        .sort(([p], [q]) => p - q)
        .map(([, list]) => {
          let total = 0;
          for (let first = 0; first < list.length; first += 256) {
            let chain = 0;
            for (const value of list.slice(first, first + 256)) chain = Math.fround(chain + value);
            total = Math.fround(total + chain);
          }
          return total;
        });
      const count = x.data.length / totals.length;
      for (const tensor of [x, x.channelsLast()]) {
        const total = ops.sum(tensor, { dim });
        expect(total.shape).toEqual(x.shape.filter((_, axis) => !dim.includes(axis)));
        expect(total.data, `sum along ${dim}`).toEqual(Float32Array.from(totals));
        const mean = ops.mean(tensor, { dim, keepDim: true });
        expect(mean.shape).toEqual(kept);
        expect(mean.data).toEqual(Float32Array.from(totals, (value) => value / count));
      }
    }
    expect(ops.sum(x).shape).toEqual([]);
    expect(bits(ops.sum(x))).toEqual(bits(ops.sum(x.channelsLast(), { dim: [3, 0, -2, 1] })));
    expect(ops.mean(Tensor.zeros([0, 2]), { dim: 0 }).toArray()).toEqual([Number.NaN, Number.NaN]);
    expect(ops.sum(Tensor.zeros([0, 2]), { dim: 0 }).toArray()).toEqual([0, 0]);
    expect(ops.sum(Tensor.from(7)).item()).toBe(7);
  });
});

describe.each(backends())('$name', (contender) => {
  test.each(PAIRS)('gradients of %j and %j', (aShape, bShape, shape) => {
    contender.use();
    const [ofA, ofB] = [met(shape, aShape), met(shape, bShape)];
    for (const kind of KINDS) {
      for (const [x, y] of [
        [false, false],
        [true, false],
        [false, true],
      ]) {
        for (const needs of [
          [true, true],
          [true, false],
          [false, true],
        ]) {
          gradcheck({
            name: kind,
            inputs: [laidOut(numbers(aShape, 1), x), laidOut(numbers(bShape, 2), y)],
            needs,
            forward: (a, b) => ops[kind](a, b),
            truth: (a, b) => ofA.map((at, i) => COMBINE[kind](a[at], b[ofB[i]])),
            probes: 4,
          });
        }
      }
    }
  });

  test('random sums and means', () => {
    contender.use();
    const random = new Random(8);
    for (let round = 0; round < 60; round++) {
      const shape = Array.from({ length: random.between(0, 5) }, () => random.of([1, 2, 3, 5, 7]));
      const dim = shape.flatMap((_, axis) => (random.once(2) ? [axis] : []));
      const kept = shape.map((size, axis) => (dim.length === 0 || dim.includes(axis) ? 1 : size));
      const place = met(shape, kept);
      const count = product(shape) / product(kept);
      const x = laidOut(Tensor.randn(shape, { seed: round }), random.once(2));
      for (const kind of ['sum', 'mean'] as const) {
        gradcheck({
          name: `${kind} of [${shape}] along [${dim}]`,
          inputs: [x],
          forward: (t) => ops[kind](t, { dim, keepDim: random.once(2) }),
          truth: (v) => {
            const totals = new Float64Array(product(kept));
            place.forEach((at, i) => {
              totals[at] += v[i] / (kind === 'mean' ? count : 1);
            });
            return totals;
          },
          probes: 3,
        });
      }
    }
  });

  test('a tensor that meets itself gets both gradients', () => {
    contender.use();
    const x = Tensor.from([1, 2, 3]);
    x.requiresGrad = true;
    ops.sum(ops.mul(ops.add(x, x), ops.sub(x, Tensor.from([1])))).backward(); // 2x(x - 1)
    expect(x.grad?.toArray()).toEqual([2, 6, 10]);
  });
});

test('what does not fit is refused', () => {
  expect(() => ops.add(Tensor.zeros([2, 3]), Tensor.zeros([4]))).toThrow(ShapeError);
  expect(() => ops.div(Tensor.zeros([2, 3]), Tensor.zeros([2]))).toThrow(
    'div: The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1, but got [2, 3] and [2]',
  );
  expect(() => Reflect.apply(ops.sub, null, [Tensor.zeros([1]), '1'])).toThrow(
    "sub: b must be a Tensor, not '1'",
  );
  const x = Tensor.zeros([2, 3]);
  expect(() => ops.sum(x, { dim: 2 })).toThrow(/Dimension out of range.*dim=2/);
  expect(() => ops.sum(x, { dim: [0, -2] })).toThrow(/dim 0 appears multiple times in the list of dims/);
  expect(() => Reflect.apply(ops.mean, null, [x, { dim: 'all' }])).toThrow(/dim must be a number or a list/);
  expect(() => Reflect.apply(ops.mean, null, [x, { dims: 0 }])).toThrow(/did you mean 'dim'/);
});

describe.each(contenders())('$name, one operand a number', ({ use }) => {
  test.each(KINDS)('%s gives the bits of a tensor of that number, and its gradient', (kind) => {
    use();
    const x = numbers([2, 8, 5, 7], 3).channelsLast();
    const other = Tensor.full([], 0.3);
    for (const apply of [
      (a: Tensor, b: Tensor | number) => ops[kind](a, b),
      (a: Tensor, b: Tensor | number) => ops[kind](b, a),
    ]) {
      const [left, right] = [0.3, other].map((number) => {
        const leaf = x.detach();
        leaf.requiresGrad = true;
        const y = apply(leaf, number);
        y.backward(Tensor.randn(y.shape, { seed: 4 }));
        return [bits(y), bits(leaf.grad ?? y)];
      });
      expect(left).toEqual(right);
    }
    expect(ops[kind](Tensor.from([6, 9]), 3).toArray()).toEqual(
      [6, 9].map((value) => COMBINE[kind](value, 3)),
    );
    expect(ops[kind](Tensor.zeros([0]), 3).shape).toEqual([0]);
  });
});

test('two numbers are no operation, nor is a list', () => {
  expect(() => Reflect.apply(ops.add, null, [1, 2])).toThrow('add: b must be a Tensor, not 2');
  expect(() => Reflect.apply(ops.mul, null, [Tensor.ones([1]), [2]])).toThrow(
    /b must be a Tensor, not \[2\]; use Tensor.from/,
  );
});
