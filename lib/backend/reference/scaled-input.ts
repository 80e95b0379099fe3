// The input of a 1x1 convolution as it is to be multiplied: scaled on its way, and its positions brought side by side.
import { wrongValue } from '../../errors.js';
import { relu, relu6 } from '../../numerics/elementary.js';
import { fmaf } from '../../numerics/fmaf.js';
import { checkApart, checkFloats } from './checks.js';
import { isPlainPointwise, type ReferenceConv } from './conv.js';
import type { Work } from './jobs.js';

const { fround } = Math;

/** Fills `target` [positions, channels] from x; y is what the convolution will write. */
export function scaledInputWork(
  { geometry, inputStride, positions }: ReferenceConv,
  x: Float32Array,
  y: Float32Array,
  scale: Float32Array | null,
  shift: Float32Array | null,
  target: Float32Array,
  batch: number,
): Work {
  const { inChannels: channels, inputActivation = 'none' } = geometry;
  if (scale !== null && !isPlainPointwise(geometry))
    throw wrongValue('conv', 'scale is for 1x1 convolutions of stride 1, channels-last');
  if (scale !== null) {
    checkFloats('conv', 'scale', scale, shift === null ? batch * channels : channels);
    checkApart('conv', y, [scale], 'none');
  }
  if (shift !== null) {
    checkFloats('conv', 'shift', shift, channels);
    checkApart('conv', y, [shift], 'none');
  }
  const activate = { none: (value: number) => value, relu, relu6 }[inputActivation];
  return {
    units: target.length / channels,
    run(begin, end) {
      for (let position = begin; position < end; position++) {
        const to = position * channels;
        const from = position * inputStride;
        const image = shift === null ? Math.floor(position / positions) * channels : 0;
        for (let c = 0; c < channels; c++) {
          const value = x[from + c];
          if (scale === null) target[to + c] = value;
          else if (shift === null) target[to + c] = value * scale[image + c];
          else target[to + c] = activate(fround(fmaf(value, scale[c], shift[c]) + 0));
        }
      }
    },
  };
}
