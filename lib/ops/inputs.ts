// What operations ask of their tensors: that they are tensors, and their elements in a layout.

import type { Layout } from '../../binding.js';
import { show, wrongShape, wrongType } from '../errors.js';
import { showShape } from '../tensor/shape.js';
import { alive, channelsLastArray, copyRowMajor, ROW_MAJOR } from '../tensor/storage.js';
import { storageOf, Tensor } from '../tensor/tensor.js';

/** Whether the arrays are read during this call only, or after it has returned and users may write again. */
export type Mode = 'now' | 'background';

export function checkTensor(value: unknown, name: string, operation: string): asserts value is Tensor {
  if (!(value instanceof Tensor)) {
    const cure =
      Array.isArray(value) || ArrayBuffer.isView(value)
        ? 'use Tensor.from(nested) or new Tensor(array, shape)'
        : undefined;
    throw wrongType(operation, `${name} must be a Tensor, not ${show(value)}`, cure);
  }
}

/** The elements around a channel axis, channels last. */
export function channelsLast(
  tensor: Tensor,
  channelAxis: number,
  mode: Mode,
  operation: string,
): Float32Array {
  const storage = storageOf(tensor);
  storage.wanted(false);
  return channelsLastArray(storage, tensor.shape, channelAxis, mode === 'background', operation);
}

/** The layout in which a convolution reads a tensor: its own, but background work reads a user's array rearranged, as a copy. */
export const imageLayout = (tensor: Tensor, mode: Mode): Layout =>
  mode === 'now' && storageOf(tensor).channelAxis === ROW_MAJOR ? 'channelsFirst' : 'channelsLast';

/** The elements of images in that layout. */
export const images = (
  tensor: Tensor,
  layout: Layout,
  channelAxis: number,
  mode: Mode,
  operation: string,
): Float32Array =>
  layout === 'channelsFirst'
    ? asTheyLie(tensor, mode, operation)
    : channelsLast(tensor, channelAxis, mode, operation);

/** The elements as they lie, for work that treats each alone. A row-major array may be a user's, a channels-last one never is. */
export function asTheyLie(tensor: Tensor, mode: Mode, operation: string): Float32Array {
  const storage = storageOf(tensor);
  storage.wanted(false);
  const data = alive(storage, operation);
  return mode === 'background' && storage.channelAxis === ROW_MAJOR ? data.slice() : data;
}

/** The elements in the order of the shape. */
export function rowMajor(tensor: Tensor, mode: Mode, operation: string): Float32Array {
  const storage = storageOf(tensor);
  storage.wanted(true);
  if (storage.channelAxis !== ROW_MAJOR) return copyRowMajor(storage, tensor.shape, operation);
  return asTheyLie(tensor, mode, operation);
}

/** Where a tensor's channels lie last, or ROW_MAJOR. */
export const layoutOf = (tensor: Tensor): number => storageOf(tensor).channelAxis;

/** The elements in a given layout: around a channel axis, or row-major. */
export function inLayout(tensor: Tensor, layout: number, mode: Mode, operation: string): Float32Array {
  return layout === ROW_MAJOR
    ? rowMajor(tensor, mode, operation)
    : channelsLast(tensor, layout, mode, operation);
}

/** The channel axis of images of `rank` spatial dimensions: 1 in a batch, 0 of one image alone. */
export function channelAxisOf(shape: readonly number[], rank: number, operation: string): number {
  const axis = shape.length - rank - 1;
  if (axis === 0 || axis === 1) return axis;
  throw wrongShape(
    operation,
    `Expected ${rank + 1}D (unbatched) or ${rank + 2}D (batched) input to ${operation}, but got input of size: ${showShape(shape)}`,
  );
}

/** That an image has channels and positions; only a batch may be empty. */
export function checkNotEmpty(shape: readonly number[], channelAxis: number, operation: string): void {
  for (let axis = channelAxis; axis < shape.length; axis++) {
    if (shape[axis] === 0) {
      throw wrongShape(
        operation,
        `input must have non-zero size for dimensions other than batch, but got input of size: ${showShape(shape)}`,
      );
    }
  }
}
