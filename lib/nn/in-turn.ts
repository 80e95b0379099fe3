// Modules applied one after another by the library itself. What one of its layers hands to the next, nobody else can hold:
// it is left to the graph, and its memory goes round from step to step. The garbage collector would have to find it first:
// of a step of ResNet-18 with eight images (two threads) it took a tenth of the time, and processors from the engine's threads.

import { latestOrder, leaveToGraph } from '../tensor/autograd.js';
import { storageOf, type Tensor } from '../tensor/tensor.js';
import type { Module } from './module.js';

/** One forward pass through a module of the library's. */
export class Passage {
  readonly #since = latestOrder();
  readonly #left: { readonly result: Tensor; readonly takeBack: () => void }[] = [];

  /** Says that `result` of `from` is for `to` alone. */
  handOn(from: Module, result: Tensor, to: Module): void {
    if (!result.requiresGrad || !keepsNothing(from) || !keepsNothing(to)) return;
    const takeBack = leaveToGraph(result, this.#since);
    if (takeBack !== null) this.#left.push({ result, takeBack });
  }

  /** Applies modules in order. */
  through(x: Tensor, modules: readonly Module[]): Tensor {
    const output = modules.reduce((y, module, i) => {
      if (i > 0) this.handOn(modules[i - 1], y, module);
      return module.forward(y);
    }, x);
    return this.end(output);
  }

  /** What the caller gets, who may keep it: its memory, under whatever name, is its own again. */
  end(output: Tensor): Tensor {
    const { data } = storageOf(output);
    for (const { result, takeBack } of this.#left) if (storageOf(result).data === data) takeBack();
    return output;
  }
}

/**
 * Whether a module and all below it are known to keep neither inputs nor outputs: classes of the library's that say so
 * themselves (a subclass does not inherit that), whose `forward` nobody has replaced.
 */
const keepsNothing = (module: Module): boolean =>
  Object.hasOwn(module.constructor, 'keepsNothing') &&
  !Object.hasOwn(module, 'forward') &&
  module.namedChildren().every(([, child]) => keepsNothing(child));
