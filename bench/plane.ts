// What scripts that time the engine's own calls share: a convolution that keeps its image's size, numbers to compute on, a clock.

import type { ConvGeometry } from '../binding.js';

export interface Plane {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  readonly height: number;
  readonly width: number;
  /** Odd. */
  readonly kernel: number;
  readonly dilation: number;
}

/** Stride 1, padded with zeros to the size of the image, channels-last. */
export function planeGeometry(plane: Plane): Omit<ConvGeometry, 'algorithm'> {
  const { inChannels, outChannels, groups, height, width, kernel, dilation } = plane;
  const pad = (dilation * (kernel - 1)) / 2;
  return {
    inChannels,
    outChannels,
    groups,
    inputSize: [1, height, width],
    kernelSize: [1, kernel, kernel],
    stride: [1, 1, 1],
    dilation: [1, dilation, dilation],
    padBegin: [0, pad, pad],
    padEnd: [0, pad, pad],
    outputSize: [1, height, width],
    paddingMode: 'zeros',
    activation: { kind: 'none', negativeSlope: 0 },
    transposed: false,
    inputLayout: 'channelsLast',
    outputLayout: 'channelsLast',
  };
}

export const noise = (length: number): Float32Array =>
  new Float32Array(length).map(() => Math.random() - 0.5);
export const microseconds = (): number => Number(process.hrtime.bigint()) / 1e3;
