// Channel counts beside whole vectors: kernels of their own take them, and must give the bits of the reference on every
// instruction set. Sizes around the tiles of those kernels; outputs are NaN before they run.
import { beforeAll, describe, it } from 'vitest';
import type { Binding, ConvGeometry, PaddingMode } from '../../binding.js';
import { reference } from '../../lib/backend/reference/index.js';
import { difference, solve } from '../support/conformance.js';
import { force, requireNative } from '../support/native.js';
import type { Problem } from '../support/problems.js';

let native: Binding;
beforeAll(() => {
  native = requireNative();
});

let state = 1;
/** Numbers of a linear congruential generator, in [-0.5, 0.5). */
const noise = (length: number): Float32Array =>
  new Float32Array(length).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });

interface Shape {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups?: number;
  readonly height: number;
  readonly width: number;
  readonly kernel: number;
  readonly dilation?: number;
  readonly paddingMode?: PaddingMode;
  readonly activation?: ConvGeometry['activation'];
  readonly residual?: boolean;
  readonly algorithm?: ConvGeometry['algorithm'];
  readonly inputLayout?: ConvGeometry['inputLayout'];
}

const BATCH = 2;

function problemOf(shape: Shape): Problem {
  const { inChannels, outChannels, groups = 1, height, width, kernel, dilation = 1 } = shape;
  const pad = ((kernel - 1) / 2) * dilation;
  const geometry: ConvGeometry = {
    inChannels,
    outChannels,
    groups,
    inputSize: [1, height, width],
    kernelSize: [1, kernel, kernel],
    stride: [1, 1, 1],
    dilation: [1, 1, dilation],
    padBegin: [0, (kernel - 1) / 2, pad],
    padEnd: [0, (kernel - 1) / 2, pad],
    outputSize: [1, height, width],
    paddingMode: shape.paddingMode ?? 'zeros',
    activation: shape.activation ?? { kind: 'none', negativeSlope: 0 },
    algorithm: shape.algorithm ?? 'direct',
    transposed: false,
    inputLayout: shape.inputLayout ?? 'channelsLast',
    outputLayout: 'channelsLast',
  };
  const positions = BATCH * height * width;
  return {
    family: 'conv',
    seed: 0,
    flavour: 'dense',
    geometry,
    batch: BATCH,
    x: noise(positions * inChannels),
    weight: noise((outChannels * inChannels * kernel * kernel) / groups),
    bias: noise(outChannels),
    residual: shape.residual ? noise(positions * outChannels) : null,
  };
}

function checkAll(shapes: readonly Shape[]): void {
  const before = native.threads();
  for (const shape of shapes) {
    const problem = problemOf(shape);
    const wanted = solve(reference, problem);
    for (const isa of native.cpu().supported) {
      force(native, isa);
      for (const threads of [1, 3]) {
        native.setThreads(threads);
        const fault = difference(solve(native, problem), wanted);
        if (fault !== null)
          throw new Error(`${JSON.stringify(shape)}, ${isa} with ${threads} threads: ${fault}`);
      }
    }
  }
  native.setThreads(before);
}

describe('channels beside whole vectors give the bits of the reference', () => {
  it.each([1, 7, 8, 9, 16, 17, 18, 24, 25, 33, 41, 49, 57, 65, 129])('%i output channels', (outChannels) => {
    const relu: Shape['activation'] = { kind: 'relu', negativeSlope: 0 };
    const silu: Shape['activation'] = { kind: 'silu', negativeSlope: 0 };
    const planes = { outChannels, width: 7, kernel: 1, inputLayout: 'channelsFirst' } as const;
    checkAll([
      ...[1, 3, 4, 5, 6, 7, 8, 17].map((inChannels) => ({
        ...{ inChannels, outChannels, height: 5, width: 9, kernel: 1 },
      })),
      { inChannels: 6, height: 9, residual: true, activation: silu, ...planes },
      { inChannels: 17, height: 23, activation: relu, ...planes },
      { inChannels: 6, outChannels, height: 3, width: 5, kernel: 3, residual: true },
      { inChannels: 21, outChannels, height: 1, width: 13, kernel: 3, activation: relu },
      { inChannels: 600, outChannels, height: 3, width: 5, kernel: 1, residual: true, activation: relu },
    ]);
  });

  it.each([8, 9, 10, 15, 16, 17, 18, 25, 31, 32, 33, 34, 49, 65])(
    '%i output channels by tiles',
    (outChannels) => {
      const relu6: Shape['activation'] = { kind: 'relu6', negativeSlope: 0 };
      const silu: Shape['activation'] = { kind: 'silu', negativeSlope: 0 };
      for (const algorithm of ['winograd2', 'winograd4'] as const) {
        const layer = { outChannels, kernel: 3, algorithm };
        checkAll([
          // Of 257 channels one is a chain of its own
          ...[1, 3, 4, 9, 16, 17, 18, 33, 257].map((inChannels) => ({
            ...{ ...layer, inChannels, height: 9, width: 14, residual: true },
          })),
          // One tile, fewer than a vector of them, and those that need not all elements of their transform
          ...[1, 2, 3, 5, 11].map((width) => ({
            ...layer,
            inChannels: 17,
            height: 5,
            width,
            activation: relu6,
          })),
          { ...layer, inChannels: 17, height: 19, width: 23, dilation: 2, activation: silu, residual: true },
          { ...layer, inChannels: 25, height: 20, width: 24, paddingMode: 'reflect' },
        ]);
      }
    },
  );

  it.each([2, 3, 7, 9, 15, 16, 17, 31, 32, 33, 49, 64, 65, 129])(
    'depthwise 3x3 over %i channels',
    (count) => {
      const channels = { inChannels: count, outChannels: count, groups: count, kernel: 3 };
      const silu: Shape['activation'] = { kind: 'silu', negativeSlope: 0 };
      checkAll([
        ...[1, 2, 5, 6, 7, 8, 9, 13, 14, 15, 17].map((height) => ({
          ...channels,
          height,
          width: height % 4 === 1 ? 1 : 12,
        })),
        // Lines that take each other's places in a cache are taken fewer at a time
        ...[9, 10, 29].map((height) => ({ ...channels, height, width: 16, residual: true })),
        { ...channels, height: 9, width: 2, dilation: 3, residual: true },
        { ...channels, height: 15, width: 13, dilation: 2, activation: silu },
        ...(['reflect', 'replicate', 'circular'] as const).map((paddingMode) => ({
          ...channels,
          ...{ height: 15, width: 12, paddingMode, residual: true },
        })),
      ]);
    },
  );
});
