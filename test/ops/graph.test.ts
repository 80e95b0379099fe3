// Graph convolution: against dense matrices in float64, by hand, under renumbering; what is kept, and what is refused.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nn, ops, ShapeError, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';

/** D^(-1/2) (A + I) D^(-1/2), dense, in float64. */
function adjacency(
  nodes: number,
  edges: readonly (readonly [number, number])[],
  weights?: ArrayLike<number>,
) {
  const a = Array.from({ length: nodes }, (_, i) => Array.from({ length: nodes }, (_, j) => Number(i === j)));
  edges.forEach(([from, to], e) => {
    a[to][from] += weights?.[e] ?? 1;
  });
  const degrees = a.map((row) => row.reduce((sum, value) => sum + value, 0));
  return a.map((row, i) => row.map((value, j) => value / Math.sqrt(degrees[i] * degrees[j])));
}

/** Its product with x weight^T, plus bias; and the same of absolute values. */
function dense(a: number[][], x: Tensor, weight: Tensor, bias: Tensor | null, f = (value: number) => value) {
  const [outputs, inputs] = weight.shape;
  const features = a.map((_, i) =>
    Array.from({ length: outputs }, (_, k) => {
      let sum = 0;
      for (let c = 0; c < inputs; c++) sum += f(x.data[i * inputs + c] * weight.data[k * inputs + c]);
      return sum;
    }),
  );
  return a.flatMap((row) =>
    Array.from({ length: outputs }, (_, k) =>
      row.reduce((sum, value, j) => sum + value * features[j][k], bias === null ? 0 : f(bias.data[k])),
    ),
  );
}

const graphs = fc.integer({ min: 1, max: 9 }).chain((nodes) =>
  fc.record({
    nodes: fc.constant(nodes),
    edges: fc.array(fc.tuple(fc.nat(nodes - 1), fc.nat(nodes - 1)), { maxLength: 20 }),
    inputs: fc.constantFrom(1, 3, 17),
    outputs: fc.constantFrom(1, 4, 33),
    weighted: fc.boolean(),
    biased: fc.boolean(),
    seed: fc.nat(1000),
  }),
);

const listOf = (edges: readonly (readonly [number, number])[]): [number[], number[]] => [
  edges.map(([from]) => from),
  edges.map(([, to]) => to),
];

describe.each(contenders())('$name', (contender) => {
  test('random graphs, within the rounding of two chains', () => {
    contender.use();
    fc.assert(
      fc.property(graphs, ({ nodes, edges, inputs, outputs, weighted, biased, seed }) => {
        const x = Tensor.randn([nodes, inputs], { seed });
        const weight = Tensor.randn([outputs, inputs], { seed: seed + 1 });
        const bias = biased ? Tensor.randn([outputs], { seed: seed + 2 }) : null;
        const edgeWeight = weighted ? Tensor.rand([edges.length], { seed: seed + 3 }) : null;
        const y = ops.graphConv(x, listOf(edges), weight, bias, { edgeWeight });
        expect(y.shape).toEqual([nodes, outputs]);
        const a = adjacency(nodes, edges, edgeWeight?.data);
        const expected = dense(a, x, weight, bias);
        const sums = dense(a, x, weight, bias, Math.abs);
        // Roundings: a chain over the features, one coefficient, a chain over the edges, loop and bias
        const bound = (inputs + 1 + edges.length + 2) * 1.001 * 2 ** -24;
        y.data.forEach((value, i) => {
          expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(bound * sums[i] + 2 ** -140);
        });
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  test('by hand: a path of three nodes', () => {
    contender.use();
    const x = Tensor.from([[6], [6], [6]]);
    const edges = [
      [0, 1, 1, 2],
      [1, 0, 2, 1],
    ];
    const one = Tensor.from([[1]]);
    const [end, middle] = [6 / 2 + 6 / Math.sqrt(6), (2 * 6) / Math.sqrt(6) + 6 / 3];
    const y = ops.graphConv(x, edges, one, Tensor.from([0.5])).data;
    [end, middle, end].forEach((value, i) => {
      expect(y[i]).toBeCloseTo(value + 0.5, 5);
    });
    // A node alone keeps its features; 4 neighbours of degree 4 give exact quarters
    expect(ops.graphConv(Tensor.from([[3]]), [[], []], one).toArray()).toEqual([[3]]);
    const complete: [number, number][] = [];
    for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++) if (i !== j) complete.push([i, j]);
    const mean = ops.graphConv(Tensor.from([[1], [2], [4], [9]]), listOf(complete), one);
    expect(mean.toArray()).toEqual([[4], [4], [4], [4]]);
    // An edge points from its first node to its second
    const directed = ops.graphConv(Tensor.from([[8], [0]]), [[0], [1]], one);
    expect(directed.toArray()).toEqual([[8], [Math.fround(8 * Math.fround(1 / Math.sqrt(2)))]]);
    // A loop of the list counts beside its own, and several edges add up
    expect(ops.graphConv(Tensor.from([[3]]), [[0], [0]], one).toArray()).toEqual([[3]]);
    const twice = ops.graphConv(
      Tensor.from([[9], [0]]),
      [
        [0, 0],
        [1, 1],
      ],
      one,
    ).data[1];
    const heavy = ops.graphConv(Tensor.from([[9], [0]]), [[0], [1]], one, null, { edgeWeight: [2] }).data[1];
    expect(twice).toBeCloseTo(heavy, 5);
  });

  test('every form of the edge list is the same graph', () => {
    contender.use();
    const x = Tensor.randn([3, 5], { seed: 1 });
    const weight = Tensor.randn([2, 5], { seed: 2 });
    const flat = [0, 1, 2, 1, 2, 0];
    const forms = [
      flat,
      Int32Array.from(flat),
      BigInt64Array.from(flat, BigInt),
      new Tensor(Float32Array.from(flat), [2, 3]),
      [flat.slice(0, 3), Int32Array.from(flat.slice(3))],
      [Int32Array.from(flat.slice(0, 3)), Int32Array.from(flat.slice(3))],
    ];
    const [first, ...others] = forms.map((edges) => bits(ops.graphConv(x, edges, weight)));
    for (const other of others) expect(other).toEqual(first);
    for (const edgeWeight of [[1, 1, 1], Float32Array.of(1, 1, 1), Tensor.ones([3]), null]) {
      expect(bits(ops.graphConv(x, flat, weight, null, { edgeWeight, numNodes: 3 }))).toEqual(first);
    }
  });

  test('renumbering the nodes renumbers the result, bit for bit', () => {
    contender.use();
    const [nodes, inputs, outputs] = [7, 4, 5];
    const edges: [number, number][] = [];
    for (let i = 0; i < nodes; i++) for (const step of [1, 3]) edges.push([i, (i + step) % nodes]);
    const order = [3, 0, 6, 2, 5, 1, 4];
    const x = Tensor.randn([nodes, inputs], { seed: 3 });
    const moved = new Float32Array(nodes * inputs);
    order.forEach((to, from) => {
      moved.set(x.data.slice(from * inputs, (from + 1) * inputs), to * inputs);
    });
    const weight = Tensor.randn([outputs, inputs], { seed: 4 });
    const bias = Tensor.randn([outputs], { seed: 5 });
    const y = bits(ops.graphConv(x, listOf(edges), weight, bias));
    const renamed = edges.map(([from, to]): [number, number] => [order[from], order[to]]);
    const z = bits(ops.graphConv(new Tensor(moved, [nodes, inputs]), listOf(renamed), weight, bias));
    order.forEach((to, from) => {
      expect(z.slice(to * outputs, (to + 1) * outputs)).toEqual(
        y.slice(from * outputs, (from + 1) * outputs),
      );
    });
  });

  test('an edge list that changes is seen, though the matrix of an unchanged one is kept', () => {
    contender.use();
    const layer = new nn.GraphConv(2, 3);
    const x = Tensor.randn([3, 2], { seed: 1 });
    const edges = Int32Array.of(0, 1, 1, 2);
    const before = bits(layer.forward(x, edges));
    expect(bits(layer.forward(x, edges))).toEqual(before);
    edges[3] = 0;
    const after = bits(layer.forward(x, edges));
    expect(after).not.toEqual(before);
    expect(after).toEqual(bits(layer.forward(x, [0, 1, 1, 0])));
    expect(bits(layer.forward(x, edges, { edgeWeight: [1, 0.5] }))).not.toEqual(after);
  });

  test('in the background the same bits, from the input as it was', async () => {
    contender.use();
    const layer = new nn.GraphConv(3, 40);
    const x = Tensor.randn([50, 3], { seed: 1 });
    const edges = Int32Array.from({ length: 200 }, (_, i) => (i * 7) % 50);
    const edgeWeight = Float32Array.from({ length: 100 }, (_, i) => 1 + i / 100);
    const y = bits(layer.forward(x, edges, { edgeWeight }));
    const promise = layer.forwardAsync(x, edges, { edgeWeight });
    x.data.fill(Number.NaN);
    edges.fill(0);
    edgeWeight.fill(9);
    expect(bits(await promise)).toEqual(y);
    const signal = AbortSignal.abort('enough');
    await expect(layer.forwardAsync(x, edges, { signal })).rejects.toBe('enough');
    await expect(layer.forwardAsync(x, [5000, 0])).rejects.toThrow('but got 5000 at edge 0');
    expect(layer.forward(Tensor.zeros([0, 3]), [[], []]).shape).toEqual([0, 40]);
  });
});

test('the layer has a weight and a bias, and prints its sizes', () => {
  const layer = new nn.GraphConv(16, 4);
  expect(layer.namedParameters().map(([name, { shape }]) => [name, shape])).toEqual([
    ['weight', [4, 16]],
    ['bias', [4]],
  ]);
  expect(String(new nn.GraphConv(16, 4, { bias: false }))).toBe('GraphConv(16, 4, bias=false)');
});

const x = Tensor.zeros([3, 2]);
const weight = Tensor.zeros([4, 2]);

test.each<[string, unknown[], new () => Error, string]>([
  [
    'x',
    [Tensor.zeros([3]), [[], []], weight],
    ShapeError,
    'x must be [nodes, features], but got input of size: [3]',
  ],
  [
    'features',
    [Tensor.zeros([3, 5]), [[], []], weight],
    ShapeError,
    'mat1 and mat2 shapes cannot be multiplied (3x5 and 2x4)',
  ],
  [
    'node',
    [x, [[0], [3]], weight],
    RangeError,
    'edges must name nodes by whole numbers from 0 to 2, but got 3 at edge 0',
  ],
  [
    'node',
    [
      x,
      [
        [0, 1],
        [1, -1],
      ],
      weight,
    ],
    RangeError,
    'but got -1 at edge 1',
  ],
  ['node', [x, [[0.5], [1]], weight], RangeError, 'but got 0.5 at edge 0'],
  ['node', [x, [['0'], [1]], weight], TypeError, "edges must be numbers of nodes, not '0', at edge 0"],
  ['edges', [x, [[0, 1], [1]], weight], ShapeError, 'edges must be [2, E]: two lists as long as each other'],
  ['edges', [x, [[0, 1]], weight], ShapeError, 'edges must be [2, E]'],
  ['edges', [x, Int32Array.of(0, 1, 2), weight], ShapeError, 'edges must be [2, E], but got 3 numbers'],
  [
    'edges',
    [x, Tensor.zeros([4, 2]), weight],
    ShapeError,
    'edges must be [2, E], but got edges of size: [4, 2]',
  ],
  [
    'edges',
    [x, undefined, weight],
    TypeError,
    'edges must be two lists of nodes, an Int32Array or a Tensor, not undefined',
  ],
  [
    'weights',
    [x, [[0], [1]], weight, null, { edgeWeight: [1, 2] }],
    ShapeError,
    'edgeWeight must be [1], one number an edge, but got [2]',
  ],
  [
    'weights',
    [x, [[0], [1]], weight, null, { edgeWeight: 2 }],
    TypeError,
    'edgeWeight must be a Tensor, an array or null, not 2',
  ],
  [
    'weights',
    [x, [[0], [1]], weight, null, { edgeWeight: [-1] }],
    RangeError,
    'the weights of the edges that arrive at node 1, and of its loop, must sum to a positive number, but sum to 0',
  ],
  [
    'numNodes',
    [x, [[0], [1]], weight, null, { numNodes: 4 }],
    ShapeError,
    'numNodes is 4, but x [3, 2] has 3 nodes',
  ],
  [
    'bias',
    [x, [[0], [1]], weight, Tensor.zeros([3])],
    ShapeError,
    'expected bias to be 1-dimensional with 4 elements',
  ],
  [
    'weight of no dimension',
    [x, [[0], [1]], Tensor.from(3)],
    ShapeError,
    'weight must be [outFeatures, inFeatures], but got weight of size: []',
  ],
])('wrong %s', (_, args, Class, words) => {
  const run = () => Reflect.apply(ops.graphConv, null, args);
  expect(run).toThrow(Class);
  expect(run).toThrow('graphConv: ');
  expect(run).toThrow(words);
});
