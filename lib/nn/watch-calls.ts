// Watching a network's modules being called. It needs no hook in them: for the time of a run each one's `forward` is
// shadowed.

import type { Module } from './module.js';

/** Does what a module's `forward` does when it calls `proceed`. */
export type CallWatcher = (
  path: string,
  module: Module,
  args: readonly unknown[],
  proceed: () => unknown,
) => unknown;

/** Calls `run`; every call of a module below `net` in it, `net`'s own too, goes through `watch`. */
export function watchCalls<T>(net: Module, watch: CallWatcher, run: () => T): T {
  const restore: (() => void)[] = [];
  try {
    for (const [path, module] of net.namedModules()) {
      const own = Object.getOwnPropertyDescriptor(module, 'forward');
      const { forward } = module;
      Object.defineProperty(module, 'forward', {
        configurable: true,
        enumerable: false,
        value: (...args: unknown[]) =>
          watch(path, module, args, () => Reflect.apply(forward, module, args) as unknown),
      });
      restore.push(() => {
        if (own) Object.defineProperty(module, 'forward', own);
        else Reflect.deleteProperty(module, 'forward');
      });
    }
    return run();
  } finally {
    for (const undo of restore) undo();
  }
}

/** Calls `run` with every module below `net` in inference mode, and puts each back into its own. */
export function inInferenceMode<T>(net: Module, run: () => T): T {
  const training = new Map(net.namedModules().map(([, module]) => [module, module.training]));
  net.eval();
  try {
    return run();
  } finally {
    for (const [, module] of net.namedModules()) module.training = training.get(module) ?? net.training;
  }
}
