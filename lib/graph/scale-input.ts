// Scales that a 1x1 convolution applies to its input while it reads it: those of squeeze and excite, and a normalisation
// before an activation before a convolution, as DenseNet has them.

import type { BroadcastGeometry } from '../../binding.js';
import { fuse } from './fuse.js';
import { type Graph, type Step, TracedConv, View } from './graph.js';
import { affineOf, type ConvStep, convOf, convStep, isPlainPointwise, same } from './steps.js';

/** A multiplication or a normalisation, and the 1x1 convolution that alone reads its result. */
export const scaleInput = (graph: Graph): Graph =>
  fuse(graph, (first, second) => {
    const conv = convOf(second);
    if (conv === null || conv.scale !== null || !isPlainPointwise(conv)) return null;
    return normalised(first, conv, second.path) ?? multiplied(first, conv, second.path);
  });

function normalised(first: Step, conv: ConvStep, path: string): Step | null {
  const affine = affineOf(first);
  if (affine === null || affine.residual !== null || !same(conv.x, affine.y)) return null;
  const { kind } = affine.activation;
  if (kind !== 'none' && kind !== 'relu' && kind !== 'relu6') return null;
  const active = new TracedConv({ ...conv.conv.geometry, inputActivation: kind });
  return convStep({ ...conv, conv: active, x: affine.x, scale: affine.scale, shift: affine.shift }, path);
}

function multiplied(first: Step, conv: ConvStep, path: string): Step | null {
  const [kind, geometry, a, b, y] = first.args;
  if (first.operation !== 'broadcast' || kind !== 'mul' || !same(conv.x, y as View)) return null;
  if (!(a instanceof View) || !(b instanceof View) || !isBroadcast(geometry)) return null;
  const { inChannels, inputSize } = conv.conv.geometry;
  const positions = inputSize[0] * inputSize[1] * inputSize[2];
  for (const [x, scale, steps] of [
    [a, b, geometry.bSteps],
    [b, a, geometry.aSteps],
  ] as const) {
    const whole = x.length === conv.batch * positions * inChannels;
    if (whole && isPerChannel(geometry.sizes, steps, conv.batch, positions, inChannels))
      return convStep({ ...conv, x, scale }, path);
  }
  return null;
}

const isBroadcast = (value: unknown): value is BroadcastGeometry =>
  typeof value === 'object' && value !== null && 'bSteps' in value;

/** Whether an operand has one number for each image and channel of [batch, positions, channels]. */
function isPerChannel(
  sizes: readonly number[],
  steps: readonly number[],
  batch: number,
  positions: number,
  channels: number,
): boolean {
  const wanted = [
    [batch, channels],
    [positions, 0],
    [channels, 1],
  ].filter(([size]) => size > 1);
  const found = sizes.map((size, axis) => [size, steps[axis]]);
  return found.length === wanted.length && found.join() === wanted.join();
}
