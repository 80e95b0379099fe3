// Is an output right? Sampled outputs against float64 sums within what float32 sums may err by,
// and whole outputs against each other. No contender's time is taken before its output has passed.

import type { LayerData } from './data.js';
import { flops, isTransposed, type Layer, outputSize, product, shapes, tapsPerOutput } from './layer.js';

/** The unit roundoff of float32. */
const ROUNDOFF = 2 ** -24;

export interface SampleCheck {
  /** The largest error seen, as a share of the bound: right when it is at most 1. */
  readonly worst: number;
  /** The largest sum of |x * w| (and |bias|) among the samples. */
  readonly magnitude: number;
}

/**
 * What K terms and a bias may err by in float32, direct algorithms only: n u (sum |x w| + |b|) with n = K + 1 holds
 * for any order of summation; with n = 4 sqrt(K + 1) it holds for random data with near certainty (Higham and Mary,
 * "A new approach to probabilistic rounding error analysis", 2019), and notices one wrong tap among thousands.
 */
export function bound(layer: Layer, magnitude: number): number {
  const terms = tapsPerOutput(layer) + 1;
  return Math.min(terms, 4 * Math.sqrt(terms)) * ROUNDOFF * magnitude;
}

/** Compares up to `count` outputs of y [N, C, ...], the first and last among them, with float64 sums. */
export function checkSamples(layer: Layer, data: LayerData, y: Float32Array, count = 400): SampleCheck {
  const length = product(shapes(layer).y);
  if (y.length !== length) throw new Error(`${y.length} outputs where ${length} belong`);
  let worst = 0;
  let magnitude = 0;
  const samples = Math.min(count, length);
  for (let s = 0; s < samples; s++) {
    const index = samples === 1 ? 0 : Math.round((s * (length - 1)) / (samples - 1));
    const exact = outputInFloat64(layer, data, index);
    const error = Math.abs(y[index] - exact.value) / bound(layer, exact.magnitude);
    worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
    magnitude = Math.max(magnitude, exact.magnitude);
  }
  return { worst, magnitude };
}

/** The largest |a - b|, as a share of twice the bound for the given magnitude; infinite where lengths or NaNs differ. */
export function compareOutputs(layer: Layer, a: Float32Array, b: Float32Array, magnitude: number): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest / (2 * bound(layer, magnitude));
}

/** The same layer on an image so small that the TypeScript backend computes it in well under a second. */
export function crop(layer: Layer, operations = 2e7): Layer {
  let size = Math.max(...layer.inputSize);
  const cropped = (limit: number): Layer => ({
    ...layer,
    inputSize: layer.inputSize.map((full, axis) => {
      const window = layer.dilation[axis] * (layer.kernelSize[axis] - 1) + 1;
      const missing = window - layer.padBegin[axis] - layer.padEnd[axis];
      const least = isTransposed(layer)
        ? 1 + Math.ceil((1 - missing - layer.outputPadding[axis]) / layer.stride[axis])
        : missing;
      return Math.min(full, Math.max(1, least, limit));
    }),
  });
  while (size > 1 && flops(cropped(size)) > operations) size--;
  return cropped(size);
}

/** Output `index` of [N, C, ...spatial], and the sum of its terms' magnitudes. */
function outputInFloat64(layer: Layer, data: LayerData, index: number): { value: number; magnitude: number } {
  const size = outputSize(layer);
  const positions = product(size);
  const channel = Math.floor(index / positions) % layer.outChannels;
  const image = Math.floor(index / positions / layer.outChannels);
  const at = unravel(index % positions, size);
  const channels = layer.inChannels / layer.groups;
  const groupOutputs = layer.outChannels / layer.groups;
  const firstChannel = Math.floor(channel / groupOutputs) * channels;
  const taps = product(layer.kernelSize);
  const inputPositions = product(layer.inputSize);
  let value = data.bias[channel];
  let magnitude = Math.abs(value);
  for (let tap = 0; tap < taps; tap++) {
    const position = inputPosition(layer, at, unravel(tap, layer.kernelSize));
    if (position < 0) continue;
    for (let c = 0; c < channels; c++) {
      const x = data.x[(image * layer.inChannels + firstChannel + c) * inputPositions + position];
      const kernel = isTransposed(layer)
        ? (firstChannel + c) * groupOutputs + (channel % groupOutputs)
        : channel * channels + c;
      const term = x * data.weight[kernel * taps + tap];
      value += term;
      magnitude += Math.abs(term);
    }
  }
  return { value, magnitude };
}

/** Where a tap reads, as a flat position; -1 in the padding, and between the input positions of a transposed layer. */
function inputPosition(layer: Layer, at: readonly number[], tap: readonly number[]): number {
  let position = 0;
  for (let axis = 0; axis < at.length; axis++) {
    const reach = tap[axis] * layer.dilation[axis];
    const place = isTransposed(layer)
      ? (at[axis] + layer.padBegin[axis] - reach) / layer.stride[axis]
      : at[axis] * layer.stride[axis] - layer.padBegin[axis] + reach;
    if (!Number.isInteger(place) || place < 0 || place >= layer.inputSize[axis]) return -1;
    position = position * layer.inputSize[axis] + place;
  }
  return position;
}

function unravel(index: number, size: readonly number[]): number[] {
  const at = new Array<number>(size.length);
  for (let axis = size.length - 1; axis >= 0; axis--) {
    at[axis] = index % size[axis];
    index = Math.floor(index / size[axis]);
  }
  return at;
}
