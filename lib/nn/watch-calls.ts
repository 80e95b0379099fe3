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

/** Modules with their paths. */
type Modules = readonly (readonly [string, Module])[];

/** Calls `run`; every call of one of these modules in it goes through `watch`. */
export function watchCalls<T>(modules: Modules, watch: CallWatcher, run: () => T): T {
  const restore: (() => void)[] = [];
  try {
    for (const [path, module] of modules) {
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

/**
 * Gives what `run` makes of the modules below `net`, all of them in inference mode, and puts each back into its own. Modules
 * that are made while it runs are not among those it knows of: it then runs once more, with them.
 */
export function inInferenceMode<T>(net: Module, run: (modules: Modules) => T): T {
  const before = net.namedModules();
  const training = new Map(before.map(([, module]) => [module, module.training]));
  net.eval();
  try {
    const result = run(before);
    const after = net.namedModules();
    return after.length === before.length ? result : run(after);
  } finally {
    for (const [, module] of net.namedModules()) module.training = training.get(module) ?? net.training;
  }
}
