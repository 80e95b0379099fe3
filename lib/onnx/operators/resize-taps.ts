// Resizing that torch's interpolate has not: other coordinates and cubic parameters, kernels stretched against aliasing, taps
// outside left out. One dimension at a time, as the taps of each output.

import type { ResampledAxis } from '../../ops/resample-axis.js';
import type { Fail } from '../wire.js';

/** A way of laying one grid over another, as ONNX names them. */
export type Coordinates =
  | 'half_pixel'
  | 'half_pixel_symmetric'
  | 'pytorch_half_pixel'
  | 'tf_half_pixel_for_nn'
  | 'asymmetric'
  | 'align_corners';

/** One dimension: so many positions become so many; the scale as the file has it, which may be no quotient of the two. */
export interface Extent {
  readonly input: number;
  readonly output: number;
  readonly scale: number;
}

/** Where output i lies among the inputs. */
export function coordinate(how: Coordinates, i: number, { input, output, scale }: Extent): number {
  if (how === 'asymmetric') return i / scale;
  if (how === 'align_corners') return output === 1 ? 0 : (i * (input - 1)) / (output - 1);
  if (how === 'pytorch_half_pixel' && output === 1) return 0;
  if (how === 'tf_half_pixel_for_nn') return (i + 0.5) / scale;
  const shift = how === 'half_pixel_symmetric' ? (input / 2) * (1 - output / (scale * input)) : 0;
  return shift + (i + 0.5) / scale - 0.5;
}

/** What neighbouring positions weigh. */
export interface Kernel {
  readonly how: Coordinates;
  /** Keys's parameter of a cubic convolution; null for what is linear. */
  readonly cubic: number | null;
  /** Whether the kernel is as wide as what an output covers. */
  readonly antialias: boolean;
  /** Whether taps outside the image count for nothing, instead of repeating its edge. */
  readonly excludesOutside: boolean;
}

/** The weight of a tap that lies so far away. */
function weightAt(distance: number, cubic: number | null): number {
  const t = Math.abs(distance);
  if (cubic === null) return Math.max(0, 1 - t);
  if (t <= 1) return ((cubic + 2) * t - (cubic + 3)) * t * t + 1;
  return t < 2 ? ((cubic * t - 5 * cubic) * t + 8 * cubic) * t - 4 * cubic : 0;
}

/** More taps than an image's side has, by far. */
const MOST_TAPS = 2 ** 22;

/** The taps of every output along one dimension; their weights come to 1. */
export function tapsOf(
  { how, cubic, antialias, excludesOutside }: Kernel,
  extent: Extent,
  fail: Fail,
): ResampledAxis {
  const { input, output, scale } = extent;
  const narrowed = antialias ? Math.min(scale, 1) : 1;
  const reach = (cubic === null ? 1 : 2) / narrowed;
  const most = Math.floor(2 * reach) + 1;
  if (!(most * output <= MOST_TAPS)) fail(`makes ${output} positions of ${input}, of ${most} taps each`);
  const starts = new Int32Array(output + 1);
  const sources: number[] = [];
  const weights: number[] = [];
  for (let i = 0; i < output; i++) {
    const centre = coordinate(how, i, extent);
    const found = new Map<number, number>();
    for (let tap = Math.ceil(centre - reach); tap <= Math.floor(centre + reach); tap++) {
      const weight = weightAt((tap - centre) * narrowed, cubic);
      const source = Math.min(Math.max(tap, 0), input - 1);
      if (weight === 0 || (excludesOutside && source !== tap)) continue;
      found.set(source, (found.get(source) ?? 0) + weight);
    }
    const total = [...found.values()].reduce((sum, weight) => sum + weight, 0);
    for (const [source, weight] of found) {
      sources.push(source);
      weights.push(weight / total);
    }
    starts[i + 1] = sources.length;
  }
  return { starts, sources: Int32Array.from(sources), weights: Float64Array.from(weights) };
}
