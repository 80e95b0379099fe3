// What one layer gives while its model runs, and how often each layer is called. The model is watched, not changed.

import type { Module } from '../nn/module.js';
import type { Tensor } from '../tensor/tensor.js';

/** A layer by its path, and the shapes it gave, one for each call in order. */
export interface LayerCalls {
  readonly path: string;
  readonly kind: string;
  readonly shapes: readonly (readonly number[])[];
}

/**
 * Runs the model once and notes the layers' outputs. A layer that is called several times is one entry; `wanted` says which
 * output to keep.
 *
 * @returns all layers but the model itself, in the order of their paths, and the output of the wanted call.
 */
export function watch(
  model: Module,
  x: Tensor,
  wanted?: { readonly path: string; readonly call: number },
): { readonly layers: LayerCalls[]; readonly output: Tensor | null } {
  const watched = model.namedModules().filter(([path]) => path !== '');
  const shapes = new Map<string, (readonly number[])[]>();
  const kept: Tensor[] = [];
  for (const [path, module] of watched) {
    const calls: (readonly number[])[] = [];
    shapes.set(path, calls);
    const forward = module.forward.bind(module);
    const watching = (...args: Parameters<Module['forward']>): Tensor => {
      const y = forward(...args);
      calls.push(y.shape);
      if (wanted?.path === path && wanted.call === calls.length) kept.push(y);
      return y;
    };
    Object.defineProperty(module, 'forward', { value: watching, configurable: true, enumerable: false });
  }
  try {
    model.forward(x);
  } finally {
    for (const [, module] of watched) Reflect.deleteProperty(module, 'forward');
  }
  return {
    layers: watched.map(([path, module]) => ({
      path,
      kind: module.constructor.name,
      shapes: shapes.get(path) ?? [],
    })),
    output: kept[0] ?? null,
  };
}
