// What one operation costs in multiply-accumulates. Biases, activations, pooling and sums count as none, as in fvcore.

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
