// Weights and images from a hash of their indices, as scripts/model-vectors.py computes them.
import type { nn } from '../../lib/index.js';
import { Tensor } from '../../lib/index.js';

/** Numbers in [-1, 1). */
export function uniform(count: number, seed: number): Float32Array {
  const first = Number((BigInt(seed) * 0x9e3779b9n) & 0xffffffffn);
  return Float32Array.from({ length: count }, (_, i) => {
    let x = (first + i) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    x ^= x >>> 16;
    return (x >>> 8) / 2 ** 23 - 1;
  });
}

/** Fills a network, tensor after tensor in the order of its state dict. */
export function fill(net: nn.Module): void {
  const dict = net.stateDict();
  Object.entries(dict).forEach(([name, tensor], seed) => {
    if (name.endsWith('num_batches_tracked')) return;
    const values = uniform(tensor.data.length, seed);
    const fan = tensor.data.length / (tensor.shape[0] ?? 1);
    const factor = Math.sqrt(6 / fan);
    const value = (u: number): number => {
      if (name.endsWith('running_var')) return 1 + u / 2;
      if (tensor.shape.length === 1) return u / 8 + (name.includes('weight') ? 1 : 0);
      return u * factor;
    };
    for (let i = 0; i < values.length; i++) values[i] = value(values[i]);
    dict[name] = new Tensor(values, tensor.shape);
  });
  net.loadStateDict(dict);
}
