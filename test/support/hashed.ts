// Weights and images from a hash of their indices, as scripts/model-vectors.py computes them.
import type { nn } from '../../lib/index.js';
import { Tensor } from '../../lib/index.js';

/** Numbers in [-1, 1). */
export function uniform(count: number, seed: number): Float32Array {
  const first = Number((BigInt(seed) * 0x9e3779b9n) & 0xffffffffn);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let x = (first + i) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    x ^= x >>> 16;
    values[i] = (x >>> 8) / 2 ** 23 - 1;
  }
  return values;
}

/** Fills a network, tensor after tensor in the order of its state dict. */
export function fill(net: nn.Module): void {
  const dict = net.stateDict();
  Object.entries(dict).forEach(([name, tensor], seed) => {
    if (name.endsWith('num_batches_tracked')) return;
    const count = tensor.shape.reduce((product, size) => product * size, 1);
    const values = uniform(count, seed);
    let [factor, shift] = [Math.sqrt(6 / (count / (tensor.shape[0] ?? 1))), 0];
    if (name.endsWith('running_var')) [factor, shift] = [1 / 2, 1];
    else if (tensor.shape.length === 1) [factor, shift] = [1 / 8, name.includes('weight') ? 1 : 0];
    for (let i = 0; i < count; i++) values[i] = values[i] * factor + shift;
    dict[name] = new Tensor(values, tensor.shape);
  });
  net.loadStateDict(dict);
}
