// Whatever is thrown at the API, the process survives: the answer is right on every backend, or a typed error of one class.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BackendError, nn, ops, ShapeError, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';

const TYPED: unknown[] = [TypeError, RangeError, ShapeError, BackendError];
const backends = contenders();

/** Values near what options expect, and far from it. None of them asks for gigabytes of honest work. */
const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    0,
    1,
    2,
    3,
    5,
    -0,
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -(2 ** 31),
    2 ** 31,
    2 ** 53,
    1e300,
  ),
  fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    false,
    '',
    '1',
    'same',
    'valid',
    'SAME',
    'zeros',
    'reflect',
    'circular',
    'replicate',
    'relu',
    'gelu',
    'leakyRelu',
    'direct',
    'winograd',
  ),
  fc.constantFrom<unknown>(
    [],
    {},
    [1],
    [1, 2],
    [2, 1],
    [0, 0],
    [1, 2, 3],
    [
      [1, 2],
      [0, 1],
    ],
    [[1], [2]],
    [1, [0, 2]],
    ['1', '2'],
    [Number.NaN, 1],
    [null, 1],
  ),
  fc.constantFrom<unknown>(
    1n,
    Symbol('s'),
    () => 1,
    new Map(),
    new Float32Array(2),
    new Date(0),
    Object.create(null),
    new Proxy({}, {}),
    new Array(2),
  ),
  fc.anything({ maxDepth: 1 }).filter((value) => !hasLargeNumber(value)),
);

/** Sizes between a thousand and the engine's limit would be refused by nobody, and computed for hours. */
function hasLargeNumber(value: unknown): boolean {
  if (typeof value === 'number') return Math.abs(value) > 20 && Math.abs(value) < 2 ** 31;
  return typeof value === 'object' && value !== null && Object.values(value).some(hasLargeNumber);
}

/** What each option expects, so that a good part of the calls comes through to the engine. */
const fit: Record<string, unknown[]> = {
  stride: [1, 2, [1, 2]],
  padding: [0, 1, [1, 0], [[0, 1], 1], 'same', 'valid'],
  dilation: [1, 2, [2, 1]],
  groups: [1],
  paddingMode: ['zeros', 'reflect', 'replicate', 'circular'],
  activation: ['relu', 'gelu', 'leakyRelu', null],
  algorithm: ['auto', 'direct', 'winograd'],
  kernelSize: [1, 2, [2, 1]],
  ceilMode: [true, false],
  countIncludePad: [true, false],
  outputSize: [1, [2, null]],
  dim: [0, 1, -1],
  startDim: [0, 1],
  endDim: [-1, 1],
  negativeSlope: [0.1],
};
const convNames = ['stride', 'padding', 'dilation', 'groups', 'paddingMode', 'activation', 'algorithm'];
const poolNames = ['kernelSize', 'stride', 'padding', 'ceilMode'];
const optionsOf = (known: readonly string[], always: Record<string, unknown> = {}): fc.Arbitrary<unknown> => {
  const entry = fc
    .constantFrom(...known)
    .chain((name) =>
      fc
        .oneof({ weight: 5, arbitrary: fc.constantFrom(...fit[name]) }, { weight: 1, arbitrary: odd })
        .map((value) => [name, value]),
    );
  const mostly = fc
    .array(entry, { maxLength: 4 })
    .map((list) => ({ ...always, ...Object.fromEntries(list) }));
  return fc.oneof(
    { weight: 12, arbitrary: mostly },
    { weight: 1, arbitrary: fc.dictionary(fc.string({ maxLength: 12 }), odd, { maxKeys: 3 }) },
    { weight: 1, arbitrary: odd },
  );
};

const sizes = (rank: number, most: number) =>
  fc.array(fc.integer({ min: 0, max: most }), { minLength: rank, maxLength: rank });
/** Batch, channels, height, width; the same few channels as the weights below have. */
const likely = fc.tuple(
  fc.integer({ min: 1, max: 3 }),
  fc.constantFrom(2, 2, 2, 4),
  fc.integer({ min: 1, max: 9 }),
  fc.integer({ min: 1, max: 9 }),
);
const weights: fc.Arbitrary<unknown> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.integer({ min: 1, max: 3 }),
        fc.constant(2),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
      )
      .map((shape) => Tensor.randn([...shape], { seed: 4 })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(
      Tensor.ones([2, 2]),
      Tensor.ones([0, 2, 1, 1]),
      Tensor.ones([1, 2, 0, 1]),
      null,
      1,
    ),
  },
);
const tensors: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: likely.map((shape) => Tensor.randn([...shape], { seed: 1 })) },
  {
    weight: 2,
    arbitrary: fc
      .integer({ min: 0, max: 5 })
      .chain((rank) => sizes(rank, 4))
      .map((shape) => Tensor.randn(shape, { seed: 2 })),
  },
  { weight: 1, arbitrary: likely.map((shape) => Tensor.randn([...shape], { seed: 3 }).channelsLast()) },
  { weight: 1, arbitrary: odd },
);

/** The bits and shape of a result, or the class of a typed error; anything else fails the test. */
function outcome(run: () => unknown): unknown {
  try {
    const y = run();
    return y instanceof Tensor ? [y.shape, ...bits(y)] : y;
  } catch (error) {
    const kind = error instanceof Error ? error.constructor : undefined;
    if (!TYPED.includes(kind)) throw error;
    return kind;
  }
}

function sameEverywhere(run: () => unknown): { computed: boolean } {
  const outcomes = backends.map((backend) => {
    backend.use();
    return outcome(run);
  });
  for (const one of outcomes) expect(one).toEqual(outcomes[0]);
  return { computed: Array.isArray(outcomes[0]) };
}

function assertSurvival(property: fc.IProperty<[unknown[]]>): void {
  fc.assert(property, { numRuns: 1500, seed: 4, endOnFailure: true });
}

test('conv2d', () => {
  let computed = 0;
  const args = fc.tuple(
    tensors,
    weights,
    fc.oneof({ weight: 6, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: tensors }),
    optionsOf(convNames),
  );
  assertSurvival(
    fc.property(
      args.map((list): unknown[] => list),
      (list) => {
        if (sameEverywhere(() => Reflect.apply(ops.conv2d, null, list)).computed) computed++;
      },
    ),
  );
  expect(computed).toBeGreaterThan(200);
});

test('pooling', () => {
  let computed = 0;
  const pools = [ops.maxPool2d, ops.avgPool2d, ops.adaptiveAvgPool2d];
  const args = fc.tuple(
    tensors,
    optionsOf([...poolNames, 'dilation', 'countIncludePad', 'outputSize'], { kernelSize: 2 }),
    fc.integer({ min: 0, max: 2 }),
  );
  assertSurvival(
    fc.property(
      args.map((list): unknown[] => list),
      ([x, options, which]) => {
        if (sameEverywhere(() => Reflect.apply(pools[Number(which)], null, [x, options])).computed)
          computed++;
      },
    ),
  );
  expect(computed).toBeGreaterThan(50);
});

test('pointwise, joining and flattening', () => {
  let computed = 0;
  const functions = [
    ops.relu,
    ops.leakyRelu,
    ops.gelu,
    ops.add,
    ops.mul,
    ops.modulus,
    ops.flatten,
    ops.concat,
  ];
  const args = fc.tuple(
    fc.oneof(tensors, fc.array(tensors, { maxLength: 3 })),
    fc.oneof(tensors, optionsOf(['dim', 'startDim', 'endDim', 'negativeSlope'])),
    fc.nat(7),
  );
  assertSurvival(
    fc.property(
      args.map((list): unknown[] => list),
      ([x, second, which]) => {
        if (sameEverywhere(() => Reflect.apply(functions[Number(which)], null, [x, second])).computed)
          computed++;
      },
    ),
  );
  expect(computed).toBeGreaterThan(50);
});

test('layers', () => {
  const kinds = [
    nn.Conv2d,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.Flatten,
    nn.LeakyReLU,
    nn.Sequential,
  ];
  const args = fc.tuple(
    fc.nat(kinds.length - 1),
    fc.array(fc.oneof(odd, optionsOf([...convNames, ...poolNames])), { maxLength: 4 }),
    tensors,
  );
  assertSurvival(
    fc.property(
      args.map((list): unknown[] => list),
      ([which, rest, x]) => {
        sameEverywhere(() => {
          const layer = Reflect.construct(kinds[Number(which)], Array.isArray(rest) ? rest : []);
          for (const [, parameter] of layer.namedParameters()) parameter.data.fill(1);
          // An empty Sequential gives back what it was given.
          return layer.namedChildren().length === 0 && layer instanceof nn.Sequential
            ? null
            : Reflect.apply(layer.forward, layer, [x]);
        });
      },
    ),
  );
});

test('tensors', () => {
  const makers = [Tensor.zeros, Tensor.ones, Tensor.full, Tensor.randn, Tensor.from];
  const args = fc.tuple(fc.nat(makers.length), odd, odd);
  assertSurvival(
    fc.property(
      args.map((list): unknown[] => list),
      ([which, first, second]) => {
        const run = () =>
          Number(which) === makers.length
            ? Reflect.construct(Tensor, [first, second])
            : Reflect.apply(makers[Number(which)], Tensor, [first, which === 3 ? { seed: second } : second]);
        outcome(run);
        const x = Tensor.ones([2, 3]);
        outcome(() => Reflect.apply(x.reshape, x, [first]));
      },
    ),
  );
});
