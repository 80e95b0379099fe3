// One fixed computation through every path that a layer can take, and the SHA-256 that its outputs have on every
// backend, instruction set and thread count. It draws its own data and knows nothing of what runs underneath.

import { createHash } from 'node:crypto';
import * as nn from '../nn/index.js';
import * as ops from '../ops/index.js';
import { Tensor } from '../tensor/tensor.js';

/** What {@link selfTest} gives for numerics version 4. It changes with that version, and where the test comes to cover more. */
export const PINNED = '3445c6f9fc7458fd9625e653c7e441e15dbf1dad4819e1962e2a4f1bbb1c9973';

interface ConvCase {
  /** [N, C, H, W] */
  readonly x: readonly [number, number, number, number];
  readonly outChannels: number;
  readonly kernel: readonly [number, number];
  readonly options: ops.ConvOptions;
}

const conv = (
  x: ConvCase['x'],
  outChannels: number,
  kernel: ConvCase['kernel'],
  options: ops.ConvOptions = {},
): ConvCase => ({ x, outChannels, kernel, options });

/** Channel counts around the widths of the register tiles, grouped widths, every option and activation. */
const CONVOLUTIONS: readonly ConvCase[] = [
  // Dense: whole tiles, tails in channels and in positions, more than one image
  conv([1, 16, 9, 9], 64, [3, 3], { padding: 1 }),
  conv([2, 5, 7, 6], 70, [3, 3], { padding: 1, activation: 'relu' }),
  conv([1, 64, 6, 7], 129, [1, 1], { activation: 'relu6' }),
  conv([1, 1, 5, 5], 1, [3, 3]),
  conv([1, 300, 3, 3], 17, [3, 3], { padding: 1 }),
  conv([1, 1100, 2, 2], 33, [1, 1]),
  // The first layer of a network: few channels, large kernel
  conv([1, 3, 32, 30], 64, [7, 7], { stride: 2, padding: 3, activation: 'silu' }),
  conv([1, 3, 11, 13], 20, [3, 5], {
    stride: [2, 3],
    padding: [
      [0, 1],
      [2, 0],
    ],
  }),
  // Grouped: two, four and eight channels a group, and uneven ones
  conv([1, 32, 8, 8], 32, [3, 3], { groups: 16, padding: 1, activation: 'tanh' }),
  conv([1, 32, 8, 8], 64, [3, 3], { groups: 8, padding: 1 }),
  conv([1, 64, 9, 7], 64, [3, 3], { groups: 8, padding: 1, stride: 2, activation: 'gelu' }),
  conv([1, 15, 6, 6], 21, [2, 3], { groups: 3 }),
  // Depthwise, with and without a multiplier
  conv([1, 40, 10, 9], 40, [3, 3], { groups: 40, padding: 1, activation: 'hardswish' }),
  conv([1, 33, 9, 9], 33, [5, 5], { groups: 33, padding: 2, stride: 2 }),
  conv([1, 18, 8, 8], 36, [3, 3], { groups: 18, padding: 1, dilation: 2, activation: 'sigmoid' }),
  // Dilation, and every way to pad
  conv([1, 8, 12, 12], 24, [3, 3], {
    dilation: 2,
    padding: 2,
    activation: 'leakyRelu',
    negativeSlope: 0.125,
  }),
  conv([1, 8, 9, 8], 16, [3, 3], { dilation: [3, 1], padding: 'same' }),
  conv([1, 8, 9, 8], 16, [4, 3], { stride: 2, padding: 'same-lower' }),
  conv([1, 6, 9, 8], 16, [3, 3], { padding: 2, paddingMode: 'reflect' }),
  conv([1, 6, 9, 8], 16, [3, 3], { padding: 2, paddingMode: 'replicate', groups: 2 }),
  conv([1, 6, 9, 8], 12, [3, 3], { padding: 2, paddingMode: 'circular', groups: 6 }),
  // Few output channels, whose lanes are positions
  conv([1, 24, 7, 40], 3, [3, 3], { padding: 1, activation: 'sigmoid' }),
  // Winograd's tiles of 4x4 and of 2x2, many channels and grids of a dilation among them; and as 'auto' chooses them
  conv([2, 20, 9, 11], 18, [3, 3], { padding: 1, algorithm: 'winograd', activation: 'silu' }),
  conv([1, 300, 6, 6], 18, [3, 3], { padding: 1, algorithm: 'winograd' }),
  conv([1, 400, 9, 9], 17, [3, 3], { padding: 2, dilation: 2, algorithm: 'winograd' }),
  conv([1, 40, 17, 19], 33, [3, 3], { padding: 1, activation: 'relu' }),
  conv([1, 40, 17, 19], 33, [3, 3], { padding: 1, algorithm: 'direct' }),
];

/** Computes everything and hashes the little-endian bytes of all outputs, channels-first. */
export function selfTest(): string {
  const hash = createHash('sha256');
  const take = (y: Tensor): void => {
    hash.update(littleEndian(y.data));
  };
  CONVOLUTIONS.forEach((layer, index) => {
    take(convolve(layer, 100 * (index + 1)));
  });
  const x = draw([2, 19, 13, 11], 1, 3);
  take(ops.maxPool2d(x, { kernelSize: 3, stride: 2, padding: 1 }));
  take(ops.maxPool2d(x, { kernelSize: [2, 3], stride: 2, dilation: 2, ceilMode: true }));
  take(ops.avgPool2d(x, { kernelSize: 3, stride: 2, padding: 1, ceilMode: true }));
  take(ops.avgPool2d(x, { kernelSize: [2, 3], padding: [1, 1], countIncludePad: false }));
  take(ops.adaptiveAvgPool2d(x, { outputSize: [4, 3] }));
  for (const activate of [ops.relu, ops.relu6, ops.sigmoid, ops.tanh, ops.silu, ops.gelu, ops.hardswish])
    take(activate(x));
  const filters = ops.modulus(convolve(CONVOLUTIONS[0], 2));
  take(ops.concat([filters, ops.mul(filters, filters), ops.add(filters, filters)], { dim: 1 }));
  otherDimensions().forEach(take);
  transposedAndRearranged().forEach(take);
  take(smallNetwork());
  return hash.digest('hex');
}

/** Sequences, volumes and plain rows. */
function otherDimensions(): Tensor[] {
  const sequence = draw([2, 12, 40], 21, 1);
  const volume = draw([1, 6, 5, 7, 6], 22, 1);
  const rows = draw([5, 130], 23, 1);
  return [
    ops.conv1d(sequence, draw([20, 12, 3], 24, 0.125), null, { padding: 'causal', dilation: 2 }),
    ops.conv1d(sequence, draw([24, 1, 5], 25, 0.5), draw([24], 26, 1), { groups: 12, padding: 'same' }),
    ops.conv3d(volume, draw([18, 6, 3, 3, 2], 27, 0.125), draw([18], 28, 1), {
      stride: [1, 2, 1],
      padding: 1,
    }),
    ops.maxPool1d(sequence, { kernelSize: 3, stride: 2, padding: 1 }),
    ops.avgPool3d(volume, { kernelSize: 2, stride: [1, 2, 2], padding: [1, 0, 1] }),
    ops.adaptiveMaxPool2d(draw([1, 7, 9, 5], 29, 1), { outputSize: [4, 5] }),
    ops.linear(rows, draw([67, 130], 30, 0.0625), draw([67], 31, 1)),
  ];
}

/** Transposed convolutions, windows taken apart and put together, padding, and a graph. */
function transposedAndRearranged(): Tensor[] {
  const image = draw([2, 20, 5, 6], 41, 1);
  const narrow = draw([1, 16, 9, 20], 42, 1);
  const nodes = draw([6, 21], 43, 1);
  const window = { kernelSize: [3, 2], stride: 2, padding: 1 };
  const columns = ops.unfold(image, window);
  const edges = [
    [0, 1, 1, 2, 3, 4],
    [1, 0, 2, 5, 4, 3],
  ];
  return [
    ops.convTranspose2d(image, draw([20, 18, 4, 3], 44, 0.0625), draw([18], 45, 1), {
      stride: 2,
      padding: 1,
      outputPadding: [0, 1],
      activation: 'tanh',
    }),
    ops.convTranspose2d(image, draw([20, 3, 3, 3], 46, 0.25), null, { groups: 10, dilation: 2, padding: 1 }),
    ops.convTranspose2d(narrow, draw([16, 3, 4, 4], 47, 0.0625), null, { stride: 2, padding: 1 }),
    ops.convTranspose1d(draw([1, 8, 30], 48, 1), draw([8, 5, 5], 49, 0.125), null, { stride: 3 }),
    columns,
    ops.fold(columns, { outputSize: [5, 6], ...window }),
    ops.pad(image, { padding: [2, 1, 1, 3], mode: 'reflect' }),
    ops.pad(image, { padding: [1, 2], mode: 'constant', value: 0.5 }),
    ops.graphConv(nodes, edges, draw([9, 21], 50, 0.25), draw([9], 51, 1)),
  ];
}

/** Layers that hand each other channels-last tensors. */
function smallNetwork(): Tensor {
  const layer = (
    channels: number,
    outChannels: number,
    kernel: number,
    options: ops.ConvOptions,
    seed: number,
  ) => {
    const made = new nn.Conv2d(channels, outChannels, kernel, options);
    const fanIn = (channels / (options.groups ?? 1)) * kernel * kernel;
    made.loadStateDict({
      weight: draw(made.weight.shape, seed, 1 / Math.sqrt(fanIn)),
      bias: draw([outChannels], seed + 1, 1),
    });
    return made;
  };
  const net = new nn.Sequential(
    layer(3, 24, 3, { stride: 2, padding: 1, activation: 'relu' }, 11),
    layer(24, 24, 3, { groups: 24, padding: 1, activation: 'relu6' }, 13),
    layer(24, 40, 1, {}, 15),
    new nn.ReLU(),
  );
  return net.forward(draw([3, 3, 17, 18], 17, 1));
}

function convolve({ x, outChannels, kernel, options }: ConvCase, seed: number): Tensor {
  const channels = x[1] / (options.groups ?? 1);
  const scale = 1 / Math.sqrt(channels * kernel[0] * kernel[1]);
  const weight = draw([outChannels, channels, ...kernel], seed + 1, scale);
  return ops.conv2d(draw(x, seed, 1), weight, draw([outChannels], seed + 2, 1), options);
}

/** Normal numbers times `scale`; the same on every machine. */
function draw(shape: readonly number[], seed: number, scale: number): Tensor {
  const tensor = Tensor.randn(shape, { seed });
  const { data } = tensor;
  for (let i = 0; i < data.length; i++) data[i] *= scale;
  return tensor;
}

function littleEndian(values: Float32Array): Uint8Array {
  const raw = new Uint8Array(values.length * 4);
  const view = new DataView(raw.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i], true);
  return raw;
}
