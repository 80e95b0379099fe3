// What one operation costs in multiply-accumulates. Biases, activations, pooling and sums count as none, as in fvcore.

import { winogradProducts } from '../ops/algorithm.js';
import { elementCount } from '../tensor/shape.js';
import type { Made } from './record.js';

/** Multiply-accumulates of an operation, for the whole batch. Taps in padding count as any others. */
export function macsOf({ step, output }: Made): number {
  switch (step.kind) {
    case 'conv':
      // Every output is a sum over one filter, weight [outChannels, inChannels / groups, ...kernelSize]; transposed, every
      // input is spread by one, weight [inChannels, outChannels / groups, ...kernelSize].
      return (
        elementCount(step.geometry.transposed ? step.inputs[0].shape : output.shape) *
        elementCount(step.weight.shape.slice(1))
      );
    case 'linear':
      return elementCount(output.shape) * step.weight.shape[1];
    default:
      return 0;
  }
}

/**
 * Multiplications of an operation's matrix products, for the whole batch, by the algorithm chosen: its multiply-accumulates,
 * or the fewer of Winograd's tiles. Their transforms, additions for the most part, are not counted.
 */
export function multiplicationsOf(made: Made): number {
  const { step, output } = made;
  if (step.kind !== 'conv') return macsOf(made);
  const { geometry } = step;
  const { algorithm } = geometry;
  if (algorithm === 'direct') return macsOf(made);
  const images = elementCount(output.shape) / (geometry.outChannels * elementCount(geometry.outputSize));
  return images * winogradProducts(geometry, algorithm);
}
