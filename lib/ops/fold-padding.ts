// The gradient of padding that repeats elements: each element of the image gathers what the places that show it received.

import type { Binding, ConvGeometry } from '../../binding.js';
import { paddedSize } from './gradient-geometry.js';
import { shownPosition } from './padding-source.js';

/**
 * padded [batch, ...paddedSize, channels] -> image [batch, ...inputSize, channels]: every element from +0 the sum of those
 * that show it, in the padded image's order.
 */
export function foldPadding(
  binding: Binding,
  g: ConvGeometry,
  padded: Float32Array,
  image: Float32Array,
  batch: number,
): void {
  const size = paddedSize(g);
  const source = (axis: 0 | 1 | 2): Int32Array =>
    Int32Array.from({ length: size[axis] }, (_, p) =>
      shownPosition(p - g.padBegin[axis], g.inputSize[axis], g.paddingMode),
    );
  const map = {
    channels: g.inChannels,
    inputSize: g.inputSize,
    source: [source(0), source(1), source(2)],
    value: 0,
  } as const;
  binding.remapGradient(map, padded, image, batch);
}
