// Random problems at the level of the contract: geometry, data and batch, all drawn from one seed.
import type { Activation, ActivationKind, ConvGeometry, PoolGeometry, Triple } from '../../binding.js';
import { type ArithmeticProblem, drawArithmetic } from './arithmetic.js';
import { drawLoss, type Loss } from './losses.js';
import { drawNorm, type Norm } from './norms.js';
import { drawFloats, FLAVOURS, type Flavour, Random } from './random.js';
import { drawRearranging, type Rearranging } from './rearranging.js';
import { drawStep, type Step } from './steps.js';
import { drawSum, type Sum } from './sums.js';

interface Common {
  readonly seed: number;
  readonly flavour: Flavour;
}

export type Problem = Common &
  (
    | {
        readonly family: 'conv';
        readonly geometry: ConvGeometry;
        readonly batch: number;
        readonly x: Float32Array;
        readonly weight: Float32Array;
        readonly bias: Float32Array | null;
        readonly residual: Float32Array | null;
      }
    | {
        readonly family: 'weightGradient';
        readonly geometry: ConvGeometry;
        readonly images: number;
        readonly x: Float32Array;
        readonly upstream: Float32Array;
        readonly withBias: boolean;
      }
    | {
        readonly family: 'pool';
        readonly geometry: PoolGeometry;
        readonly batch: number;
        readonly x: Float32Array;
      }
    | {
        readonly family: 'poolGradient';
        readonly geometry: PoolGeometry;
        readonly batch: number;
        readonly x: Float32Array;
        readonly upstream: Float32Array;
      }
    | { readonly family: 'activate'; readonly activation: Activation; readonly x: Float32Array }
    | {
        readonly family: 'activateGradient';
        readonly activation: Activation;
        readonly values: Float32Array;
        readonly upstream: Float32Array;
      }
    | {
        readonly family: 'concat';
        readonly inputs: readonly Float32Array[];
        readonly widths: readonly number[];
        readonly rows: number;
      }
    | {
        readonly family: 'toChannelsLast' | 'toChannelsFirst';
        readonly x: Float32Array;
        readonly batch: number;
        readonly channels: number;
        readonly positions: number;
      }
    | Norm
    | ArithmeticProblem
    | Rearranging
    | Sum
    | Step
    | Loss
  );

/** 0, 1, and one below, at and above the lanes (4, 8, 16), panels (16, 32, 48, 64) and tile heights (6 to 14). */
const LENGTHS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000, 4097];
const CHANNELS = [
  1, 1, 2, 3, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100, 128,
];
const EXTENTS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 28, 29];
const KERNELS = [1, 1, 2, 3, 3, 3, 4, 5, 5, 7];
const GROUP_WIDTHS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32];
const LAYOUTS = [
  ['channelsLast', 'channelsLast'],
  ['channelsLast', 'channelsLast'],
  ['channelsFirst', 'channelsFirst'],
  ['channelsFirst', 'channelsFirst'],
  ['channelsFirst', 'channelsLast'],
  ['channelsLast', 'channelsFirst'],
] as const;
const MODES = ['zeros', 'zeros', 'zeros', 'reflect', 'replicate', 'circular'] as const;

export const ACTIVATIONS: readonly ActivationKind[] = [
  'none',
  'relu',
  'relu6',
  'leakyRelu',
  'sigmoid',
  'tanh',
  'silu',
  'gelu',
  'hardswish',
  'elu',
  'hardsigmoid',
  'softplus',
];

/** FMAs of an ordinary problem at most. One in 24 takes more, to be cut along its taps and over threads. */
const COST = 250_000;
const LARGE_COST = 5_000_000;
const MOST_WEIGHTS = 1_200_000;

/** The problem of a seed. Six in ten are convolutions. */
export function problemOf(seed: number): Problem {
  const random = new Random(seed);
  const flavour = random.of(FLAVOURS);
  const common = { seed, flavour };
  const draw = (length: number) => drawFloats(random, length, flavour);
  const families = [
    'conv',
    'conv',
    'conv',
    'conv',
    'conv',
    'conv',
    'pool',
    'elements',
    'movement',
    'rearranging',
    'sum',
    'norm',
    'loss',
    'weightGradient',
    'step',
  ] as const;
  switch (random.of(families)) {
    case 'conv':
      return { ...common, ...drawConv(random, draw) };
    case 'rearranging':
      return { ...common, ...drawRearranging(random, draw) };
    case 'weightGradient':
      return { ...common, ...drawWeightGradient(random, draw) };
    case 'step':
      return { ...common, ...drawStep(random, draw) };
    case 'norm':
      return { ...common, ...drawNorm(random, draw, drawActivation(random)) };
    case 'loss':
      return { ...common, ...drawLoss(random, draw) };
    case 'sum':
      return { ...common, ...drawSum(random, draw) };
    case 'pool': {
      const pool = drawPool(random, draw);
      if (random.once(2)) return { ...common, ...pool };
      const { geometry, batch } = pool;
      const upstream = draw(batch * product(geometry.outputSize) * geometry.channels);
      return { ...common, ...pool, family: 'poolGradient', upstream };
    }
    case 'elements':
      return { ...common, ...drawElements(random, draw) };
    default:
      return { ...common, ...drawMovement(random, draw) };
  }
}

const ALGORITHMS = ['direct', 'winograd2', 'winograd4'] as const;

/** The problem by each algorithm that serves it: one, or three for 3x3 convolutions of stride 1. */
export function byEveryAlgorithm(problem: Problem): Problem[] {
  if (problem.family !== 'conv') return [problem];
  const { geometry } = problem;
  const { kernelSize, stride, groups, transposed, padBegin, padEnd } = geometry;
  const served =
    kernelSize.join() === '1,3,3' &&
    stride.join() === '1,1,1' &&
    groups === 1 &&
    !transposed &&
    padBegin[0] + padEnd[0] === 0;
  if (!served) return [problem];
  return ALGORITHMS.map((algorithm) => ({ ...problem, geometry: { ...geometry, algorithm } }));
}

type Draw = (length: number) => Float32Array;

const product = (sizes: readonly number[]) => sizes.reduce((total, size) => total * size, 1);

export function drawActivation(random: Random): Activation {
  const kind = random.of(ACTIVATIONS);
  const negativeSlope = random.of([0.01, 0.2, 0, -0.5, 1.5]);
  if (kind === 'elu') return { kind, negativeSlope, alpha: random.of([1, 1.3, 0.1, -0.5]) };
  if (kind === 'softplus')
    return { kind, negativeSlope, beta: random.of([1, 0.5, 3.1]), threshold: random.of([20, 2, 1e-3]) };
  return { kind, negativeSlope };
}

/** Sizes of an affordable convolution. */
function drawSizes(random: Random, geometryOf: (random: Random, channels: Channels) => Drawn) {
  const large = random.once(24);
  const [least, most] = large ? [COST, LARGE_COST] : [0, COST];
  for (;;) {
    // Channels come first and stay for a while, or else the cheap ones would crowd out the others.
    const channels = drawChannels(random, large);
    const batch = random.of([0, 1, 1, 1, 1, 2, 2, 2, 3, 3]);
    for (let attempt = 0; attempt < 30; attempt++) {
      const geometry = geometryOf(random, channels);
      const weights =
        (geometry.outChannels * geometry.inChannels * product(geometry.kernelSize)) / geometry.groups;
      const cost = batch * product(geometry.outputSize) * weights;
      if (cost > most || cost < least || weights > MOST_WEIGHTS) continue;
      return { geometry, batch, weights };
    }
  }
}

function drawConv(random: Random, draw: Draw) {
  const { geometry, batch, weights } = drawSizes(random, drawConvGeometry);
  const [inputLayout, outputLayout] = random.of(LAYOUTS);
  return {
    family: 'conv' as const,
    geometry: { ...geometry, inputLayout, outputLayout },
    batch,
    x: draw(batch * product(geometry.inputSize) * geometry.inChannels),
    weight: draw(weights),
    bias: random.once(4) ? null : drawBias(random, draw, geometry.outChannels),
    residual: random.once(3) ? draw(batch * product(geometry.outputSize) * geometry.outChannels) : null,
  };
}

function drawWeightGradient(random: Random, draw: Draw) {
  const { geometry, batch } = drawSizes(random, (_, channels) =>
    channels.groups === 1 && random.once(3)
      ? { ...drawWinograd(random, channels, false), algorithm: 'winograd4' }
      : drawGeometry(random, channels),
  );
  return {
    family: 'weightGradient' as const,
    geometry: { ...geometry, inputLayout: 'channelsLast', outputLayout: 'channelsLast' } as const,
    images: batch,
    x: draw(batch * product(geometry.inputSize) * geometry.inChannels),
    upstream: draw(batch * product(geometry.outputSize) * geometry.outChannels),
    withBias: random.once(2),
  };
}

/** A bias of -0 counts as +0, which shows where a sum has vanished from below. */
function drawBias(random: Random, draw: Draw, length: number): Float32Array {
  return random.once(5) ? new Float32Array(length).fill(-0) : draw(length);
}

function drawChannels(random: Random, large: boolean) {
  const kinds = ['dense', 'dense', 'dense', 'depthwise', 'grouped', 'deep'] as const;
  switch (large ? random.of(['grouped', 'deep', 'deep', 'deep'] as const) : random.of(kinds)) {
    case 'depthwise': {
      const groups = random.of(CHANNELS);
      return { inChannels: groups, outChannels: groups * random.of([1, 1, 1, 2, 3]), groups };
    }
    case 'grouped': {
      const groups = random.of([2, 3, 4, 5, 8, 16, 32]);
      const inChannels = groups * random.of(GROUP_WIDTHS);
      return {
        inChannels,
        outChannels: random.once(2) ? inChannels : groups * random.of(GROUP_WIDTHS),
        groups,
      };
    }
    case 'deep': {
      const outChannels = large ? random.of([129, 200, 256, 300]) : random.of(CHANNELS);
      return { inChannels: random.of([129, 255, 256, 257, 520, 1030]), outChannels, groups: 1 };
    }
    default:
      return { inChannels: random.of(CHANNELS), outChannels: random.of(CHANNELS), groups: 1 };
  }
}

type Channels = ReturnType<typeof drawChannels>;
type Drawn = Omit<ConvGeometry, 'inputLayout' | 'outputLayout'>;

function drawGeometry(random: Random, channels: Channels): Drawn {
  const paddingMode = random.of(MODES);
  const dimensions = random.of([1, 2, 2, 2, 2, 3]);
  const axes = [3, 2, 1].map((axis) => drawAxis(random, paddingMode, axis > dimensions));
  return {
    ...channels,
    ...sizesOf(axes),
    paddingMode,
    activation: random.once(2) ? { kind: 'none', negativeSlope: 0 } : drawActivation(random),
    algorithm: 'direct',
    transposed: false,
  };
}

interface DrawnAxis {
  readonly input: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padBegin: number;
  readonly padEnd: number;
  readonly output: number;
}

/** The sizes of a geometry from its three axes. */
function sizesOf(axes: readonly DrawnAxis[]) {
  const triple = (name: keyof DrawnAxis): Triple => [axes[0][name], axes[1][name], axes[2][name]];
  return {
    inputSize: triple('input'),
    kernelSize: triple('kernel'),
    stride: triple('stride'),
    dilation: triple('dilation'),
    padBegin: triple('padBegin'),
    padEnd: triple('padEnd'),
    outputSize: triple('output'),
  };
}

/** A 1x1 convolution; planes of 256 positions and their multiples among them. */
function drawPointwise(random: Random, channels: Channels): Drawn {
  const dimensions = random.of([1, 2, 2, 2, 3]);
  const axes = [3, 2, 1].map((axis) => {
    const unit = { input: 1, kernel: 1, stride: 1, dilation: 1, padBegin: 0, padEnd: 0, output: 1 };
    if (axis > dimensions) return unit;
    const input = random.of([1, 3, 4, 7, 8, 9, 13, 14, 16, 17, 28, 32]);
    const stride = random.once(3) ? random.of([2, 3]) : 1;
    return { ...unit, input, stride, output: Math.floor((input - 1) / stride) + 1 };
  });
  return {
    ...channels,
    ...sizesOf(axes),
    paddingMode: random.of(MODES),
    activation: random.once(2) ? { kind: 'none', negativeSlope: 0 } : drawActivation(random),
    algorithm: 'direct',
    transposed: false,
  };
}

function drawConvGeometry(random: Random, channels: Channels): Drawn {
  if (random.once(8)) return drawPointwise(random, channels);
  if (random.once(5)) return drawTransposed(random, channels);
  if (channels.groups === 1 && random.once(4)) return drawWinograd(random, channels);
  return drawGeometry(random, channels);
}

/** 3x3 of stride 1 over a few planes, any padding and dilation; transposed now and then. */
function drawWinograd(random: Random, channels: Channels, transposed = random.once(4)): Drawn {
  const paddingMode = transposed ? 'zeros' : random.of(MODES);
  const planes = random.of([1, 1, 1, 2]);
  const axes = [0, 1].map(() => {
    for (;;) {
      const input = random.of(EXTENTS);
      const dilation = random.of([1, 1, 1, 2, 3]);
      const most = { zeros: 4, replicate: 4, reflect: input - 1, circular: input }[paddingMode];
      const padBegin = random.between(0, Math.min(4, most));
      const padEnd = random.once(3) ? random.between(0, Math.min(4, most)) : padBegin;
      const more = transposed ? random.between(0, dilation - 1) : 0;
      const output = transposed
        ? input - padBegin - padEnd + 2 * dilation + more
        : input + padBegin + padEnd - 2 * dilation;
      if (output > 0) return { input, dilation, padBegin, padEnd, output };
    }
  });
  const [h, w] = axes;
  return {
    ...channels,
    inputSize: [planes, h.input, w.input],
    kernelSize: [1, 3, 3],
    stride: [1, 1, 1],
    dilation: [1, h.dilation, w.dilation],
    padBegin: [0, h.padBegin, w.padBegin],
    padEnd: [0, h.padEnd, w.padEnd],
    outputSize: [planes, h.output, w.output],
    paddingMode,
    activation: random.once(2) ? { kind: 'none', negativeSlope: 0 } : drawActivation(random),
    algorithm: random.of(['winograd2', 'winograd4']),
    transposed,
  };
}

function drawTransposed(random: Random, channels: Channels): Drawn {
  const dimensions = random.of([1, 2, 2, 2, 3]);
  const axes = [3, 2, 1].map((axis) => drawTransposedAxis(random, axis > dimensions));
  return {
    ...channels,
    ...sizesOf(axes),
    paddingMode: 'zeros',
    activation: random.once(2) ? { kind: 'none', negativeSlope: 0 } : drawActivation(random),
    algorithm: 'direct',
    transposed: true,
  };
}

/** Draws until the padding leaves an output. */
function drawTransposedAxis(random: Random, unit: boolean) {
  if (unit) return { input: 1, kernel: 1, stride: 1, dilation: 1, padBegin: 0, padEnd: 0, output: 1 };
  for (;;) {
    const input = random.of([1, 2, 3, 4, 5, 6, 7, 8, 13, 14]);
    const kernel = random.of(KERNELS);
    const stride = random.of([1, 1, 2, 2, 3, 4]);
    const dilation = random.of([1, 1, 1, 2, 3]);
    const padBegin = random.between(0, 3);
    const padEnd = random.once(2) ? padBegin : random.between(0, 3);
    const outputPadding = random.once(2) ? 0 : random.between(0, Math.max(stride, dilation) - 1);
    const output = (input - 1) * stride - padBegin - padEnd + dilation * (kernel - 1) + 1 + outputPadding;
    if (output > 0 && output <= 40) return { input, kernel, stride, dilation, padBegin, padEnd, output };
  }
}

/** Draws until the axis has an output. An input of 0 positions needs zero padding to have one. */
function drawAxis(random: Random, mode: ConvGeometry['paddingMode'], unit: boolean) {
  if (unit) return { input: 1, kernel: 1, stride: 1, dilation: 1, padBegin: 0, padEnd: 0, output: 1 };
  for (;;) {
    const kernel = random.of(KERNELS);
    const stride = random.of([1, 1, 1, 2, 2, 3, 4]);
    const dilation = random.of([1, 1, 1, 2, 3]);
    const input = mode === 'zeros' && random.once(40) ? 0 : random.of(EXTENTS);
    const reach = dilation * (kernel - 1) + 1;
    const most = { zeros: reach + 2, replicate: reach + 2, reflect: input - 1, circular: input }[mode];
    const pad = () => (random.once(3) ? 0 : random.between(0, Math.min(most, reach)));
    const [padBegin, padEnd] = random.once(3) ? [pad(), pad()] : Array<number>(2).fill(pad());
    const room = input + padBegin + padEnd - reach;
    if (room >= 0)
      return { input, kernel, stride, dilation, padBegin, padEnd, output: Math.floor(room / stride) + 1 };
  }
}

function drawPool(random: Random, draw: Draw) {
  const dimensions = random.of([1, 2, 2, 3]);
  const adaptive = random.once(4);
  const axes = [3, 2, 1].map((axis) => drawWindows(random, axis > dimensions, adaptive));
  const geometry: PoolGeometry = {
    kind: random.of(['max', 'average']),
    channels: random.of(CHANNELS),
    inputSize: [axes[0].size, axes[1].size, axes[2].size],
    outputSize: [axes[0].begin.length, axes[1].begin.length, axes[2].begin.length],
    dilation: [axes[0].dilation, axes[1].dilation, axes[2].dilation],
    begin: [axes[0].begin, axes[1].begin, axes[2].begin],
    end: [axes[0].end, axes[1].end, axes[2].end],
    span: [axes[0].span, axes[1].span, axes[2].span],
  };
  const batch = random.between(0, 3);
  return {
    family: 'pool' as const,
    geometry,
    batch,
    x: draw(batch * product(geometry.inputSize) * geometry.channels),
  };
}

/** Windows of one axis; now and then one window over all of it, so that more than 256 taps are averaged. */
function drawWindows(random: Random, unit: boolean, adaptive: boolean) {
  const size = unit ? 1 : random.of(EXTENTS);
  const dilation = unit || adaptive ? 1 : random.of([1, 1, 2]);
  const count = unit ? 1 : random.of([1, 1, 2, 3, 6, 7, 8, 15]);
  const begin = new Int32Array(count);
  const end = new Int32Array(count);
  const span = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    begin[i] = adaptive ? Math.floor((i * size) / count) : random.between(0, size - 1);
    end[i] = adaptive ? Math.ceil(((i + 1) * size) / count) : random.between(begin[i] + 1, size);
    span[i] = random.once(2) ? end[i] - begin[i] : random.between(1, 9);
  }
  return { size, dilation, begin, end, span };
}

function drawElements(random: Random, draw: Draw) {
  const length = random.of(LENGTHS);
  switch (random.of(['activate', 'activate', 'activateGradient', 'arithmetic', 'arithmetic', 'arithmetic'])) {
    case 'activate': {
      const scale = 2 ** random.between(-3, 4);
      return {
        family: 'activate' as const,
        activation: drawActivation(random),
        x: draw(length).map((v) => v * scale),
      };
    }
    case 'activateGradient': {
      const scale = 2 ** random.between(-3, 4);
      return {
        family: 'activateGradient' as const,
        activation: drawActivation(random),
        values: draw(length).map((v) => v * scale),
        upstream: draw(length),
      };
    }
    default:
      return drawArithmetic(random, draw, LENGTHS);
  }
}

function drawMovement(random: Random, draw: Draw) {
  if (random.once(3)) {
    const rows = random.of([0, 1, 5, 64, 300]);
    const widths = Array.from({ length: random.between(1, 4) }, () => random.of([0, 1, 3, 8, 17, 40]));
    return { family: 'concat' as const, inputs: widths.map((width) => draw(rows * width)), widths, rows };
  }
  const batch = random.between(0, 3);
  const channels = random.of(CHANNELS);
  const positions = random.of([0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 49, 100, 257]);
  const family = random.of(['toChannelsLast', 'toChannelsFirst'] as const);
  return { family, batch, channels, positions, x: draw(batch * channels * positions) };
}
