// Keras's layers on a random sweep, judged by their definition in float64 and, where it has the layer and is right, by
// TF.js. Known of TF.js 4.22: its depthwise layer ignores dilationRate, its 'same' in three dimensions errs where the stride exceeds the
// kernel, and it has no groups, no causal padding and no outputPadding.

import { describe, expect, test } from 'vitest';
import { Tensor } from '../../lib/index.js';
import {
  AveragePooling1D,
  AveragePooling2D,
  AveragePooling3D,
  Conv1D,
  Conv1DTranspose,
  Conv2D,
  Conv2DTranspose,
  Conv3D,
  Conv3DTranspose,
  Dense,
  DepthwiseConv1D,
  DepthwiseConv2D,
  Flatten,
  GlobalAveragePooling2D,
  GlobalMaxPooling2D,
  MaxPooling1D,
  MaxPooling2D,
  MaxPooling3D,
  SeparableConv1D,
  SeparableConv2D,
} from '../../lib/keras.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
import {
  conv64,
  convTranspose64,
  type Kernel,
  pool64,
  type Volume,
  volume,
  type Window,
} from '../support/keras64.js';
import { Random } from '../support/random.js';
import { type Numbers, tfjsLayer } from '../support/tfjs.js';

const UNIT = 2 ** -24;

const LAYERS = {
  Conv1D,
  Conv2D,
  Conv3D,
  DepthwiseConv1D,
  DepthwiseConv2D,
  SeparableConv1D,
  SeparableConv2D,
  Conv1DTranspose,
  Conv2DTranspose,
  Conv3DTranspose,
  MaxPooling1D,
  MaxPooling2D,
  MaxPooling3D,
  AveragePooling1D,
  AveragePooling2D,
  AveragePooling3D,
};

interface Layer {
  forward(x: Tensor): Tensor;
  build(shape: number[]): void;
  getWeights(): Tensor[];
  setWeights(weights: Tensor[]): void;
}

interface Case {
  /** The class here. */
  name: keyof typeof LAYERS;
  options: Record<string, unknown>;
  /** The factory there, or null where TF.js is no judge. */
  peer: Parameters<typeof tfjsLayer>[0] | null;
  x: Tensor;
  weights: Tensor[];
  judge(): Volume;
  /** The longest chain of roundings behind one output. */
  roundings: number;
}

/** Three numbers, those that are not there one. */
const three = (own: readonly number[]): number[] => [...new Array<number>(3 - own.length).fill(1), ...own];

const cube = (shape: readonly number[]): number[] => [
  shape[0],
  ...three(shape.slice(1, -1)),
  shape[shape.length - 1],
];

const asKernel = (tensor: Tensor): Kernel => ({
  shape: [...three(tensor.shape.slice(0, -2)), ...tensor.shape.slice(-2)],
  values: tensor.data,
});

/** Sizes in which every kernel fits, and options that a tfjs layer of that rank would take. */
function drawWindow(random: Random, rank: number, dilates: boolean) {
  const each = (draw: () => number) => Array.from({ length: rank }, draw);
  const most = rank === 3 ? 3 : 5;
  const kernelSize = each(() => random.between(1, most));
  const strided = random.once(2);
  const even = random.once(2) ? random.between(1, 3) : null;
  const strides = each(() => (strided ? (even ?? random.between(1, 3)) : 1));
  const dilationRate = each(() => (!strided && dilates ? random.between(1, 3) : 1));
  const size = each(() => 0).map(
    (_, axis) => (kernelSize[axis] - 1) * dilationRate[axis] + random.between(1, 6),
  );
  const padding = random.of(['same', 'valid']);
  const window: Window = {
    kernelSize: three(kernelSize),
    strides: three(strides),
    dilation: three(dilationRate),
    padding,
  };
  return { kernelSize, strides, dilationRate, size, padding, window };
}

const tensor = (random: Random, shape: number[]) => Tensor.randn(shape, { seed: random.between(0, 1e6) });
const count = (sizes: readonly number[]) => sizes.reduce((product, size) => product * size, 1);

function drawConv(random: Random, rank: number): Case {
  const { kernelSize, strides, dilationRate, size, padding, window } = drawWindow(random, rank, true);
  const causal = rank === 1 && random.once(4);
  if (causal) window.padding = 'causal';
  const groups = random.of([1, 1, 2, 3]);
  const [perGroup, filters] = [random.between(1, 5), groups * random.between(1, 6)];
  const x = tensor(random, [random.between(1, 2), ...size, groups * perGroup]);
  const weights = [tensor(random, [...kernelSize, perGroup, filters]), tensor(random, [filters])];
  const wrongThere =
    groups > 1 ||
    causal ||
    (rank === 3 && padding === 'same' && strides.some((step, axis) => step > kernelSize[axis]));
  const [kernel, bias] = weights;
  return {
    name: `Conv${rank as 1 | 2 | 3}D`,
    options: {
      filters,
      kernelSize,
      strides,
      dilationRate,
      padding: window.padding,
      ...(groups > 1 ? { groups } : {}),
    },
    peer: wrongThere ? null : `conv${rank as 1 | 2 | 3}d`,
    x,
    weights,
    judge: () => conv64(volume(x.data, cube(x.shape)), asKernel(kernel), bias.data, window, groups),
    roundings: count(kernelSize) * perGroup + 1,
  };
}

/** [..., C, M] as a grouped kernel [..., 1, C * M]. */
function grouped(depthwise: Tensor): Kernel {
  const { shape, values } = asKernel(depthwise);
  return { shape: [...shape.slice(0, 3), 1, shape[3] * shape[4]], values };
}

function drawDepthwise(random: Random, rank: number): Case {
  const { kernelSize, strides, dilationRate, size, padding, window } = drawWindow(
    random,
    rank,
    random.once(2),
  );
  const [channels, depthMultiplier] = [random.between(1, 9), random.between(1, 3)];
  const x = tensor(random, [random.between(1, 2), ...size, channels]);
  const weights = [
    tensor(random, [...kernelSize, channels, depthMultiplier]),
    tensor(random, [channels * depthMultiplier]),
  ];
  const [kernel, bias] = weights;
  const uneven = strides.some((step) => step !== strides[0]);
  return {
    name: `DepthwiseConv${rank as 1 | 2}D`,
    options: { kernelSize, strides, dilationRate, padding, depthMultiplier },
    peer: rank !== 2 || uneven || dilationRate.some((step) => step > 1) ? null : 'depthwiseConv2d',
    x,
    weights,
    judge: () => conv64(volume(x.data, cube(x.shape)), grouped(kernel), bias.data, window, channels),
    roundings: count(kernelSize) + 1,
  };
}

const POINTWISE: Window = {
  kernelSize: [1, 1, 1],
  strides: [1, 1, 1],
  dilation: [1, 1, 1],
  padding: 'valid',
};

function drawSeparable(random: Random, rank: number): Case {
  const { kernelSize, strides, dilationRate, size, padding, window } = drawWindow(random, rank, true);
  const [channels, depthMultiplier, filters] = [
    random.between(1, 6),
    random.between(1, 3),
    random.between(1, 9),
  ];
  const x = tensor(random, [random.between(1, 2), ...size, channels]);
  const weights = [
    tensor(random, [...kernelSize, channels, depthMultiplier]),
    tensor(random, [...kernelSize.map(() => 1), channels * depthMultiplier, filters]),
    tensor(random, [filters]),
  ];
  const uneven = strides.some((step) => step !== strides[0]);
  return {
    name: `SeparableConv${rank as 1 | 2}D`,
    options: { filters, kernelSize, strides, dilationRate, padding, depthMultiplier },
    peer: rank === 2 && !uneven ? 'separableConv2d' : null,
    x,
    weights,
    judge() {
      const image = volume(x.data, cube(x.shape));
      const between = conv64(image, grouped(weights[0]), null, window, channels);
      return conv64(between, asKernel(weights[1]), weights[2].data, POINTWISE, 1);
    },
    roundings: count(kernelSize) + channels * depthMultiplier + 2,
  };
}

function drawTransposed(random: Random, rank: number): Case {
  const { kernelSize, strides, dilationRate, size, padding, window } = drawWindow(
    random,
    rank,
    random.once(3),
  );
  const [channels, filters] = [random.between(1, 6), random.between(1, 6)];
  const outputPadding = random.once(3) ? strides.map((step) => random.between(0, step - 1)) : null;
  const x = tensor(random, [random.between(1, 2), ...size, channels]);
  const weights = [tensor(random, [...kernelSize, filters, channels]), tensor(random, [filters])];
  const [kernel, bias] = weights;
  const added = outputPadding === null ? null : [...new Array<number>(3 - rank).fill(0), ...outputPadding];
  const overstepped =
    rank === 3 && padding === 'same' && strides.some((step, axis) => step > kernelSize[axis]);
  const wrongThere =
    rank === 1 || outputPadding !== null || overstepped || dilationRate.some((step) => step > 1);
  return {
    name: `Conv${rank as 1 | 2 | 3}DTranspose`,
    options: {
      filters,
      kernelSize,
      strides,
      dilationRate,
      padding,
      ...(outputPadding === null ? {} : { outputPadding }),
    },
    peer: wrongThere ? null : `conv${rank as 2 | 3}dTranspose`,
    x,
    weights,
    judge: () => convTranspose64(volume(x.data, cube(x.shape)), asKernel(kernel), bias.data, window, added),
    roundings: count(kernelSize) * channels + 1,
  };
}

function drawPooling(random: Random, rank: number): Case {
  const { kernelSize, strides, size, padding, window } = drawWindow(random, rank, false);
  const kind = random.of(['max', 'average'] as const);
  const x = tensor(random, [random.between(1, 2), ...size, random.between(1, 9)]);
  const [name, peer] = (
    {
      max: [`MaxPooling${rank as 1 | 2 | 3}D`, `maxPooling${rank as 1 | 2 | 3}d`],
      average: [`AveragePooling${rank as 1 | 2 | 3}D`, `averagePooling${rank as 1 | 2 | 3}d`],
    } as const
  )[kind];
  return {
    name,
    options: { poolSize: kernelSize, strides, padding },
    peer:
      rank === 3 && padding === 'same' && strides.some((step, axis) => step > kernelSize[axis]) ? null : peer,
    x,
    weights: [],
    judge: () => pool64(volume(x.data, cube(x.shape)), kind, window),
    roundings: kind === 'max' ? 0 : count(kernelSize) + 1,
  };
}

const made = ({ name, options, x, weights }: Pick<Case, 'name' | 'options' | 'x' | 'weights'>): Layer => {
  const layer: Layer = Reflect.construct(LAYERS[name], [options]);
  layer.build([...x.shape]);
  layer.setWeights(weights);
  return layer;
};

const DRAWS = 24;
const families = [
  ['Conv1D', drawConv, 1],
  ['Conv2D', drawConv, 2],
  ['Conv3D', drawConv, 3],
  ['DepthwiseConv1D', drawDepthwise, 1],
  ['DepthwiseConv2D', drawDepthwise, 2],
  ['SeparableConv1D', drawSeparable, 1],
  ['SeparableConv2D', drawSeparable, 2],
  ['Conv1DTranspose', drawTransposed, 1],
  ['Conv2DTranspose', drawTransposed, 2],
  ['Conv3DTranspose', drawTransposed, 3],
  ['Pooling1D', drawPooling, 1],
  ['Pooling2D', drawPooling, 2],
  ['Pooling3D', drawPooling, 3],
] as const;

const cases = families.map(([title, draw, rank], family) => ({
  title,
  cases: Array.from({ length: DRAWS }, (_, i) => draw(new Random(1000 * (family + 1) + i), rank)),
}));

/** Asserts that numbers are within `steps` roundings of what the definition adds up. */
function expectNear(got: Numbers, judged: Volume, steps: number, what: string): void {
  expect(got.shape.length === 5 ? got.shape : cube(got.shape), what).toEqual(judged.shape);
  for (let i = 0; i < judged.values.length; i++) {
    const error = Math.abs(got.data[i] - judged.values[i]);
    const bound = steps * UNIT * 1.001 * judged.sizes[i];
    if (!(error <= bound)) {
      throw new Error(`${what}: element ${i} is ${got.data[i]}, not ${judged.values[i]} ± ${bound}`);
    }
  }
}

const describeCase = ({ name, options, x }: Case) => `${name} ${JSON.stringify(options)} of [${x.shape}]`;

/** What the first contender, the reference, gave. */
const first = new Map<Case, Uint32Array>();

describe.each(contenders())('$name: the definition, and the same bits', (contender) => {
  test.each(cases)('$title', ({ cases }) => {
    contender.use();
    for (const one of cases) {
      const y = made(one).forward(one.x);
      const known = first.get(one);
      if (known === undefined) first.set(one, bits(y));
      else expect(bits(y), describeCase(one)).toEqual(known);
      expectNear({ data: y.data, shape: [...y.shape] }, one.judge(), one.roundings, describeCase(one));
    }
  });
});

const numbers = ({ data, shape }: Tensor): Numbers => ({ data, shape: [...shape] });

describe('TF.js', () => {
  test.each(cases)('$title', ({ title, cases }) => {
    const judgeable = cases.filter(({ peer }) => peer !== null);
    // TF.js has neither of these two layers, and no transposed convolution of sequences.
    const absent = ['DepthwiseConv1D', 'SeparableConv1D', 'Conv1DTranspose'].includes(title);
    expect(judgeable.length).toBeGreaterThanOrEqual(absent ? 0 : 5);
    for (const one of judgeable) {
      const { peer } = one;
      if (peer === null) continue;
      const y = made(one).forward(one.x);
      const theirs = tfjsLayer(peer, one.options, numbers(one.x), one.weights.map(numbers));
      expect(theirs.shape, describeCase(one)).toEqual(y.shape);
      // Both within the bound of the truth, so within twice of each other.
      const { sizes } = one.judge();
      const truth = { shape: cube(y.shape), values: Float64Array.from(y.data), sizes };
      expectNear(theirs, truth, 2 * one.roundings, describeCase(one));
    }
  });

  test('even kernels at stride 2, both paddings, odd and even sizes', () => {
    for (const size of [4, 5, 6, 7])
      for (const kernelSize of [2, 4])
        for (const padding of ['same', 'valid']) {
          for (const [name, peer, shape] of [
            ['Conv2D', 'conv2d', [kernelSize, kernelSize, 3, 4]],
            ['Conv2DTranspose', 'conv2dTranspose', [kernelSize, kernelSize, 4, 3]],
          ] as const) {
            const random = new Random(size * 10 + kernelSize);
            const x = tensor(random, [1, size, size, 3]);
            const weights = [tensor(random, [...shape]), tensor(random, [4])];
            const options = { filters: 4, kernelSize, strides: 2, padding };
            const y = made({ name, options, x, weights }).forward(x);
            const theirs = tfjsLayer(peer, options, numbers(x), weights.map(numbers));
            expect(y.shape).toEqual(theirs.shape);
            const window = {
              kernelSize: [1, kernelSize, kernelSize],
              strides: [1, 2, 2],
              dilation: [1, 1, 1],
              padding,
            };
            const image = volume(x.data, cube(x.shape));
            const [kernel, bias] = weights;
            const truth =
              name === 'Conv2D'
                ? conv64(image, asKernel(kernel), bias.data, window, 1)
                : convTranspose64(image, asKernel(kernel), bias.data, window, null);
            const steps = kernelSize * kernelSize * 3 + 1;
            expectNear({ data: y.data, shape: [...y.shape] }, truth, steps, `${name} ${size}`);
            expectNear(theirs, truth, steps, `TF.js ${name} ${size}`);
          }
        }
  });

  test('errs where the definition judges alone', () => {
    const random = new Random(7);
    const of = (name: Case['name'], options: Case['options'], x: Tensor, weights: Tensor[]) =>
      made({ name, options, x, weights }).forward(x);
    const image = tensor(random, [1, 9, 9, 2]);
    const depthwise = [tensor(random, [3, 3, 2, 1]), tensor(random, [2])];
    const dilated = { kernelSize: 3, dilationRate: 2, padding: 'valid' };
    expect(of('DepthwiseConv2D', dilated, image, depthwise).shape).toEqual([1, 5, 5, 2]);
    expect(tfjsLayer('depthwiseConv2d', dilated, numbers(image), depthwise.map(numbers)).shape).toEqual([
      1, 7, 7, 2,
    ]);

    const clip = tensor(random, [1, 5, 5, 5, 2]);
    const kernel = [tensor(random, [1, 1, 1, 2, 3]), tensor(random, [3])];
    const sparse = { filters: 3, kernelSize: 1, strides: 3, padding: 'same' };
    const theirs = tfjsLayer('conv3d', sparse, numbers(clip), kernel.map(numbers));
    const ours = of('Conv3D', sparse, clip, kernel);
    expect(theirs.shape).toEqual(ours.shape);
    expect(Math.max(...ours.data.map((value, i) => Math.abs(value - theirs.data[i])))).toBeGreaterThan(0.1);
  });

  test('global pooling, Dense on the last axis of three, Flatten', () => {
    const x = Tensor.randn([2, 5, 7, 3], { seed: 4 });
    const image = numbers(x);
    const all: Window = {
      kernelSize: [1, 5, 7],
      strides: [1, 1, 1],
      dilation: [1, 1, 1],
      padding: 'valid',
    };
    for (const [layer, peer, kind] of [
      [new GlobalAveragePooling2D(), 'globalAveragePooling2d', 'average'],
      [new GlobalMaxPooling2D(), 'globalMaxPooling2d', 'max'],
    ] as const) {
      const y = layer.forward(x);
      const theirs = tfjsLayer(peer, {}, image, []);
      expect(y.shape).toEqual(theirs.shape);
      const truth = pool64(volume(x.data, cube(x.shape)), kind, all);
      for (const data of [y.data, theirs.data])
        expectNear({ data, shape: [2, 1, 1, 1, 3] }, truth, kind === 'max' ? 0 : 36, peer);
    }
    const flat = tfjsLayer('flatten', {}, image, []);
    expect([...new Flatten().forward(x).data]).toEqual(Array.from(flat.data));
    const first = tfjsLayer('flatten', { dataFormat: 'channelsFirst' }, image, []);
    expect([...new Flatten({ dataFormat: 'channelsFirst' }).forward(x).data]).toEqual(Array.from(first.data));

    const sequence = Tensor.randn([2, 4, 6], { seed: 8 });
    const dense = new Dense({ units: 5, activation: 'relu' });
    const ours = dense.forward(sequence);
    const theirs = tfjsLayer(
      'dense',
      { units: 5, activation: 'relu' },
      numbers(sequence),
      dense.getWeights().map(numbers),
    );
    expect(ours.shape).toEqual(theirs.shape);
    const [kernel] = dense.getWeights();
    const truth = conv64(
      volume(sequence.data, [2, 1, 1, 4, 6]),
      { shape: [1, 1, 1, 6, 5], values: kernel.data },
      null,
      POINTWISE,
      1,
    );
    truth.values.forEach((value, i) => {
      truth.values[i] = Math.max(0, value);
    });
    expectNear({ data: ours.data, shape: [2, 1, 1, 4, 5] }, truth, 7, 'Dense');
    expectNear({ data: theirs.data, shape: [2, 1, 1, 4, 5] }, truth, 7, 'TF.js Dense');
  });
});
