// Laws of graph convolution: what its nodes are called does not matter.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nn, ops, Tensor } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { Random } from '../support/random.js';

const runs = { numRuns: 40 };

interface Graph {
  readonly nodes: number;
  readonly edges: [number[], number[]];
  readonly seed: number;
}

const drawnGraph: fc.Arbitrary<Graph> = fc.integer({ min: 1, max: 20 }).chain((nodes) =>
  fc.record({
    nodes: fc.constant(nodes),
    edges: fc
      .array(fc.tuple(fc.nat(nodes - 1), fc.nat(nodes - 1)), { maxLength: 60 })
      .map((list): [number[], number[]] => [list.map(([from]) => from), list.map(([, to]) => to)]),
    seed: fc.integer({ min: 1, max: 1e6 }),
  }),
);

/** Where each of n things goes: a shuffle. */
function shuffled(n: number, seed: number): number[] {
  const random = new Random(seed);
  const places = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.between(0, i);
    [places[i], places[j]] = [places[j], places[i]];
  }
  return places;
}

/** Row i of x as row places[i]. */
function rowsMoved(x: Tensor, places: readonly number[]): Tensor {
  const [, width] = x.shape;
  const moved = new Float32Array(x.data.length);
  places.forEach((place, i) => {
    moved.set(x.data.subarray(i * width, (i + 1) * width), place * width);
  });
  return new Tensor(moved, x.shape);
}

describe.each(backends())('graph convolution on $name', ({ use }) => {
  test('commutes with every permutation of the nodes, bit for bit', () => {
    use();
    const law = fc.property(drawnGraph, ({ nodes, edges, seed }) => {
      const places = shuffled(nodes, seed);
      const renamed: [number[], number[]] = [
        edges[0].map((node) => places[node]),
        edges[1].map((node) => places[node]),
      ];
      const x = Tensor.randn([nodes, 5], { seed });
      const first = new nn.GraphConv(5, 7);
      const second = new nn.GraphConv(7, 3);
      const both = (input: Tensor, list: [number[], number[]]) =>
        second.forward(ops.relu(first.forward(input, list)), list);
      expect(bits(both(rowsMoved(x, places), renamed))).toEqual(bits(rowsMoved(both(x, edges), places)));
    });
    fc.assert(law, runs);
  });

  test('hardly sees the order of the edges: within the rounding of its sums', () => {
    use();
    const law = fc.property(drawnGraph, ({ nodes, edges, seed }) => {
      const order = shuffled(edges[0].length, seed);
      const other: [number[], number[]] = [order.map((i) => edges[0][i]), order.map((i) => edges[1][i])];
      const x = Tensor.rand([nodes, 4], { seed });
      const weight = Tensor.rand([3, 4], { seed: seed + 1 });
      const [y, z] = [edges, other].map((list) => ops.graphConv(x, list, weight).data);
      // Sums of n positive numbers in two orders, each within n 2^-24 of the exact one.
      const terms = edges[0].length + 1;
      y.forEach((value, i) => {
        expect(Math.abs(value - z[i])).toBeLessThanOrEqual((2 * terms + 1) * 2 ** -24 * value);
      });
    });
    fc.assert(law, runs);
  });
});
