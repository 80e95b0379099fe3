// The gradient of a pooling: each window gives its own back to the element it took, or in equal parts to all it averaged.

import type { Binding, Pool } from '../../binding.js';
import { gradientMemory, gradientTensor, record, recording, save } from '../tensor/autograd.js';
import type { Tensor } from '../tensor/tensor.js';
import { channelsLast } from './inputs.js';

/** A pooling that was prepared. */
export interface PoolCall {
  readonly binding: Binding;
  readonly pool: Pool;
  readonly batch: number;
  readonly channelAxis: number;
  /** Whether the gradient depends on the input: that of a maximum. */
  readonly readsInput: boolean;
}

export function recordPool(
  output: Tensor,
  x: Tensor,
  { binding, pool, batch, channelAxis, readsInput }: PoolCall,
  operation: string,
): void {
  if (!recording([x])) return;
  const shape = x.shape;
  const saved = readsInput ? save(x) : null;
  record(output, operation, [x], (upstream) => {
    const gradient = gradientMemory(shape);
    const values = saved === null ? null : channelsLast(saved(), channelAxis, 'now', operation);
    const flowing = channelsLast(upstream, channelAxis, 'now', operation);
    binding.poolGradient(pool, values, flowing, gradient, batch);
    return [gradientTensor(gradient, channelAxis, shape)];
  });
}
