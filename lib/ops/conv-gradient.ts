// How gradients pass through a convolution, a transposed one and a linear layer, which is a 1x1 convolution of rows.

import type { Binding, ConvGeometry } from '../../binding.js';
import { active, selectionCount } from '../backend/index.js';
import { recycle } from '../backend/recycled.js';
import { gradientMemory, gradientTensor, recording, save } from '../tensor/autograd.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Algorithm } from './algorithm.js';
import type { ConvSettings } from './conv-options.js';
import { filterOf, forgetPacked } from './filter-cache.js';
import { foldPadding } from './fold-padding.js';
import { recordActivated } from './fused-activation.js';
import {
  inputGradientGeometry,
  padsWithZeros,
  settingsOf,
  weightGradientGeometry,
} from './gradient-geometry.js';
import { inLayout } from './inputs.js';

/** A convolution that was computed, or is about to be. */
export interface Convolution {
  readonly operation: string;
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly settings: ConvSettings;
  /** The channel axis of images, ROW_MAJOR of rows. */
  readonly layout: number;
  readonly batch: number;
  readonly geometry: ConvGeometry;
}

/** Says how gradients pass through a convolution, and through the activation in its geometry. */
export function recordConvolution(output: Tensor, convolution: Convolution): void {
  const { operation, x, weight, bias, settings, layout, batch, geometry } = convolution;
  const inputs = [x, weight, bias];
  if (!recording(inputs)) return;
  const savedX = weight.requiresGrad ? save(x) : null;
  const savedWeight = x.requiresGrad ? save(weight) : null;
  const [xShape, weightShape] = [x.shape, weight.shape];

  recordActivated(output, operation, geometry.activation, inputs, (upstream, needs) => {
    const binding = active();
    const task = { binding, settings, geometry, batch, operation };
    const arrived = inLayout(upstream, layout, 'now', operation);
    let dx: Tensor | null = null;
    if (needs[0] && savedWeight !== null) {
      const data = gradientMemory(xShape);
      inputGradient(task, savedWeight(), arrived, data);
      dx = gradientTensor(data, layout, xShape);
    }
    let dw: Tensor | null = null;
    const db = needs[2] ? gradientMemory([geometry.outChannels]) : null;
    if (needs[1] && savedX !== null) {
      const data = gradientMemory(weightShape);
      weightGradient(task, weight, inLayout(savedX(), layout, 'now', operation), arrived, data, db);
      dw = gradientTensor(data, ROW_MAJOR, weightShape);
    } else if (db !== null) {
      sumImages(binding, arrived, db);
    }
    if (needs[1]) forgetPacked(weight);
    return [dx, dw, db === null ? null : gradientTensor(db, ROW_MAJOR, [geometry.outChannels])];
  });
}

interface Task {
  readonly binding: Binding;
  readonly settings: ConvSettings;
  /** Of the convolution that was computed. */
  readonly geometry: ConvGeometry;
  readonly batch: number;
  readonly operation: string;
}

/** The handle of a convolution that a gradient is, kept with the weight. */
function handleOf({ binding, settings }: Task, algorithm: Algorithm, geometry: ConvGeometry, weight: Tensor) {
  const own = settingsOf(geometry, settings.rank, algorithm);
  const filter = filterOf(binding, selectionCount(), own, weight, null);
  const [depth, height, width] = geometry.inputSize;
  const sized = filter.sized(depth, height, width, geometry.outputSize, 'channelsLast', () => geometry);
  return { filter, sized };
}

function inputGradient(task: Task, weight: Tensor, upstream: Float32Array, gradient: Float32Array): void {
  const { binding, geometry, batch, operation } = task;
  const { algorithm } = task.settings;
  const own = inputGradientGeometry(geometry, algorithm);
  const { filter, sized } = handleOf(task, algorithm, own, weight);
  const packed = filter.packed(sized, weight, 'now', operation);
  if (batch === 0) return;
  withCropped(task, own.inputSize, upstream, (from) => {
    if (geometry.transposed || padsWithZeros(geometry)) {
      binding.conv(sized.conv, packed, from, gradient, batch);
      return;
    }
    const padded = gradientMemory([batch, ...own.outputSize, own.outChannels]);
    binding.conv(sized.conv, packed, from, padded, batch);
    foldPadding(binding, geometry, padded, gradient, batch);
    recycle(padded);
  });
}

function weightGradient(
  task: Task,
  weight: Tensor,
  x: Float32Array,
  upstream: Float32Array,
  gradient: Float32Array,
  biasGradient: Float32Array | null,
): void {
  const { binding, geometry, batch } = task;
  const own = weightGradientGeometry(geometry, task.settings.algorithm);
  // Kept apart from the handles of convolutions, whose tiles may be others
  const key = own.algorithm === 'direct' ? 'direct' : 'winograd';
  const { conv } = handleOf(task, key, own, weight).sized;
  if (!geometry.transposed) {
    binding.convWeightGradient(conv, x, upstream, gradient, biasGradient, batch);
    return;
  }
  withCropped(task, own.inputSize, upstream, (from) => {
    binding.convWeightGradient(conv, from, x, gradient, null, batch);
  });
  if (biasGradient !== null) sumImages(binding, upstream, biasGradient);
}

/** Calls `use` with upstream's first positions: those of a transposed convolution's output that its windows reach. */
function withCropped(
  { binding, geometry, batch }: Task,
  size: ConvGeometry['inputSize'],
  upstream: Float32Array,
  use: (cropped: Float32Array) => void,
): void {
  const { outChannels, outputSize } = geometry;
  if (!geometry.transposed || size.every((extent, axis) => extent === outputSize[axis])) {
    use(upstream);
    return;
  }
  const cropped = gradientMemory([batch, ...size, outChannels]);
  const first = (axis: 0 | 1 | 2) => Int32Array.from({ length: size[axis] }, (_, i) => i);
  const map = {
    channels: outChannels,
    inputSize: outputSize,
    source: [first(0), first(1), first(2)],
    value: 0,
  } as const;
  binding.remap(map, upstream, cropped, batch);
  use(cropped);
  recycle(cropped);
}

const sumImages = (binding: Binding, upstream: Float32Array, sums: Float32Array): void =>
  binding.sumPositions(upstream, sums, upstream.length / sums.length);
