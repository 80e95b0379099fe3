// How operations take part in gradients: they record what was computed, save what their gradient reads, and make
// gradients in memory that the backward pass may use again.

import { takeRecycled } from '../backend/recycled.js';
import { wrongType } from '../errors.js';
import { watchChanges } from './changes.js';
import { currentOperation, laidOut, recyclableStorage, release } from './gradients.js';
import { type Backward, Leaf, Operation, recordingEnabled } from './graph.js';

export { type Backward, latestOrder } from './graph.js';

import { elementCount, showShape } from './shape.js';
import { settleRowMajor } from './storage.js';
import { nodeOf, setNode, storageOf, Tensor } from './tensor.js';

/** Whether a computation from these inputs is to be recorded: some need gradients, and no `noGrad` is around. */
export function recording(inputs: readonly (Tensor | null)[]): boolean {
  for (let i = 0; i < inputs.length; i++) if (needsGradient(inputs[i])) return recordingEnabled();
  return false;
}

/** The same of three: a call on a small image would notice the list. */
export const recordingAny = (x: Tensor, weight: Tensor, bias: Tensor | null): boolean =>
  (needsGradient(x) || needsGradient(weight) || needsGradient(bias)) && recordingEnabled();

const needsGradient = (input: Tensor | null): boolean => input !== null && nodeOf(input)?.required === true;

/**
 * Says that `operation` computes `output` from `inputs`, and how gradients pass through it. Nothing is kept where none is
 * needed; so that nothing is saved either, ask {@link recording} first.
 *
 * `backward` gets the gradient of the output, in any layout, and gives that of each input that `needs` it: memory of its
 * own from {@link gradientMemory}, or the upstream tensor itself, reshaped perhaps. It reads the upstream tensor during the
 * call only: its memory is used again.
 */
export function record(
  output: Tensor,
  operation: string,
  inputs: readonly (Tensor | null)[],
  backward: Backward<Tensor>,
): void {
  if (!recording(inputs)) return;
  const nodes = inputs.map((input) => {
    const node = input === null ? null : nodeOf(input);
    return node?.required ? node : null;
  });
  setNode(output, new Operation(operation, output.shape, nodes, backward));
}

/** Says of a recorded result that its memory was taken for it alone: no input has it, and nobody else. */
export function ownsMemory(output: Tensor): void {
  const node = nodeOf(output);
  if (node instanceof Operation) node.ownsMemory = true;
}

/**
 * Leaves a result to the graph, where it was recorded after `since` and in memory of its own: nobody reads it any more but
 * gradients, and once its own has passed its memory is used again. Gives the way to take that back, or null.
 */
export function leaveToGraph(result: Tensor, since: number): (() => void) | null {
  const node = nodeOf(result);
  if (!(node instanceof Operation) || !node.ownsMemory || node.order <= since) return null;
  node.result = storageOf(result);
  return () => {
    node.result = null;
  };
}

/**
 * Keeps a tensor for the gradient of the operation at hand.
 *
 * @throws TypeError (the function it gives back) where the elements are no longer those of the time of saving.
 */
export function save(tensor: Tensor): () => Tensor {
  const unchanged = watchChanges(storageOf(tensor));
  return () => {
    if (unchanged()) return tensor;
    throw wrongType(
      'backward',
      'one of the variables needed for gradient computation has been modified by an inplace operation: ' +
        `${currentOperation()} needs a tensor of shape ${showShape(tensor.shape)} as it was in forward`,
      'change it (optimizer steps, writes to .data, loadStateDict) after backward, or run forward again',
    );
  };
}

/** A gradient's memory, contents undefined: what {@link gradientTensor} makes a tensor of. */
export const gradientMemory = (shape: readonly number[]): Float32Array<ArrayBuffer> =>
  takeRecycled(elementCount(shape));

/** The gradient in such memory, laid out around a channel axis or row-major. */
export const gradientTensor = (data: Float32Array, channelAxis: number, shape: readonly number[]): Tensor =>
  new Tensor(recyclableStorage(data, channelAxis), Object.freeze(shape));

/** Whether an operation may write its gradient over the upstream one, and give that back: nobody else reads it. */
export const overwritable = (upstream: Tensor): boolean => storageOf(upstream).spare;

/**
 * The upstream gradient under another name: its elements in the order of `layout`, as a gradient of `shape` that lies in
 * `ownLayout`. They are moved, where nobody else reads them; else copied.
 */
export function renamedGradient(
  upstream: Tensor,
  layout: number,
  ownLayout: number,
  shape: readonly number[],
): Tensor {
  const storage = storageOf(upstream);
  const data = laidOut(storage, upstream.shape, layout);
  if (data !== storage.data) return gradientTensor(data, ownLayout, shape);
  if (storage.spare) {
    storage.recyclable = false;
    return gradientTensor(data, ownLayout, shape);
  }
  const copy = gradientMemory(shape);
  copy.set(data);
  return gradientTensor(copy, ownLayout, shape);
}

/** Gives back the memory of a gradient that was made on the way and is read no more. */
export function discard(gradient: Tensor): void {
  const storage = storageOf(gradient);
  if (storage.recyclable) release(storage);
}

/** Lets `change` overwrite a tensor's elements, in the order of its shape: what was packed from them is packed anew. */
export function mutate(tensor: Tensor, change: (data: Float32Array) => void, operation: string): void {
  const storage = storageOf(tensor);
  change(settleRowMajor(storage, tensor.shape, operation));
  storage.version++;
}

/** Lets an operation that keeps its result tensor compute it anew: gradients go by what is recorded from here on. */
export const forgetRecord = (tensor: Tensor): void => setNode(tensor, null);

/** Makes a tensor a parameter: it requires gradients, unless it was told otherwise. */
export function requireByDefault<T extends Tensor>(tensor: T): T {
  if (nodeOf(tensor) === null) setNode(tensor, new Leaf(tensor.shape, storageOf(tensor), true));
  return tensor;
}
