// Where the channels are: Keras's dataFormat, and the same memory under the engine's names. [N, H, W, C] in the order of
// its shape is [N, C, H, W] laid out channels-last, which is how the engine computes: nothing is moved.

import { wrongShape } from '../errors.js';
import { channelsLast, checkTensor, type Mode } from '../ops/inputs.js';
import { oneOf } from '../ops/options.js';
import { type Prepared, withOutput } from '../ops/run.js';
import { told } from '../ops/trace.js';
import { record, renamedGradient } from '../tensor/autograd.js';
import { showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { storageOf, type Tensor, wrap } from '../tensor/tensor.js';

/** `'channelsLast'`: [N, H, W, C]; `'channelsFirst'`: [N, C, H, W]. */
export type DataFormat = 'channelsLast' | 'channelsFirst';

const FORMATS: readonly DataFormat[] = ['channelsLast', 'channelsFirst'];

export const parseDataFormat = (value: unknown, operation: string): DataFormat =>
  oneOf(value ?? 'channelsLast', FORMATS, 'dataFormat', operation);

/** The channels' place in a shape of images with `rank` spatial dimensions, batched or not. */
export const channelAxisIn = (shape: readonly unknown[], rank: number, format: DataFormat): number =>
  format === 'channelsLast' ? shape.length - 1 : shape.length - rank - 1;

const SPATIAL = ['', 'L', 'H, W', 'D, H, W'];

/** That x is images of `rank` spatial dimensions, batched or not. */
export function checkImages(x: Tensor, rank: number, format: DataFormat, operation: string): void {
  checkTensor(x, 'x', operation);
  const { shape } = x;
  if (shape.length === rank + 1 || shape.length === rank + 2) return;
  const image = format === 'channelsLast' ? `${SPATIAL[rank]}, C` : `C, ${SPATIAL[rank]}`;
  throw wrongShape(
    operation,
    `Input 0 is incompatible with the layer: expected ndim=${rank + 2}, [N, ${image}], or [${image}] of one image, ` +
      `found ndim=${shape.length}. Full shape received: ${showShape(shape)}`,
  );
}

/** The same images as the engine names their dimensions, channels first. Nothing but what a background job needs is copied. */
export function asImages(x: Tensor, rank: number, format: DataFormat, mode: Mode, operation: string): Tensor {
  if (format === 'channelsFirst') return x;
  const { shape } = x;
  const last = shape.length - 1;
  const axis = last - rank;
  const named = [...shape.slice(0, axis), shape[last], ...shape.slice(axis, last)];
  const images = wrap(channelsLast(x, last, mode, operation), axis, named);
  record(images, operation, [x], (upstream) => [renamedGradient(upstream, axis, ROW_MAJOR, shape)]);
  told({ kind: 'relabel', operation, inputs: [x], trailing: 0 }, images);
  return images;
}

/**
 * What was prepared on images, with its output named as `format` has it. After a background job the output's memory is kept
 * to the library, so that the next layer's job may borrow it; else it is the tensor's own array, which `.data` hands out as it is.
 */
export function fromImages(prepared: Prepared, rank: number, format: DataFormat, mode: Mode): Prepared {
  if (format === 'channelsFirst') return prepared;
  const { shape } = prepared.output;
  const axis = shape.length - rank - 1;
  const named = [...shape.slice(0, axis), ...shape.slice(axis + 1), shape[axis]];
  return relabelled(prepared, named, mode);
}

/** What was prepared, its freshly allocated output under another shape of the same order in memory. */
export function relabelled(prepared: Prepared, shape: readonly number[], mode: Mode): Prepared {
  const { data } = storageOf(prepared.output);
  const layout = mode === 'background' ? shape.length - 1 : ROW_MAJOR;
  const output = wrap(data, layout, shape);
  const before = prepared.output;
  const lies = storageOf(before).channelAxis;
  record(output, 'relabel', [before], (upstream) => [
    renamedGradient(upstream, ROW_MAJOR, lies, before.shape),
  ]);
  told({ kind: 'relabel', operation: 'relabel', inputs: [prepared.output], trailing: 1 }, output);
  return withOutput(prepared, output);
}
