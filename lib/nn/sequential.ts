// Layers one after another. What goes wrong inside says in which.

import { BackendError, ShapeError, show, wrongType } from '../errors.js';
import { checkedSignal, type ForwardOptions } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { Passage } from './in-turn.js';
import { Module, moduleName } from './module.js';

/** The errors the library throws, each a class of its own that callers tell apart. */
const OWN_ERRORS = [TypeError, RangeError, ShapeError, BackendError];

/**
 * Modules applied in order, given one by one (named '0', '1', …) or in one object that names them. Names are the keys of
 * `stateDict()` and fields: `net.conv1`, `net[0]`.
 *
 * @throws TypeError where something is no Module, or a name is one of Module's own.
 * @example
 * const net = new nn.Sequential(new nn.Conv2d(1, 8, 3), new nn.ReLU(), new nn.Flatten());
 * net.forward(Tensor.zeros([2, 1, 6, 6])).shape; // [2, 128]
 * const named = new nn.Sequential({ conv1: new nn.Conv2d(1, 8, 3), act: new nn.ReLU() });
 */
export class Sequential extends Module {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  readonly [name: string]: unknown;

  constructor(...modules: Module[] | [Record<string, Module>]) {
    super();
    const [first] = modules;
    const byName = modules.length === 1 && isRecord(first);
    const named: Record<string, unknown> = byName ? first : Object.fromEntries(modules.entries());
    for (const [name, module] of Object.entries(named)) {
      if (!(module instanceof Module)) {
        throw wrongType('Sequential', `expected a Module at '${name}', not ${show(module)}`);
      }
      if (name in this)
        throw wrongType('Sequential', `a layer cannot be named '${name}': Module has that name`);
      if (name === '' || name.includes('.')) {
        throw wrongType('Sequential', `a layer's name must be non-empty and without dots, but got '${name}'`);
      }
      if (byName && /^\d+$/.test(name)) {
        const law = `a layer cannot be named '${name}' in an object: JavaScript puts whole numbers first`;
        throw wrongType('Sequential', law, 'give the layers one by one, or begin the name with a letter');
      }
      Object.defineProperty(this, name, {
        value: module,
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
  }

  override forward(x: Tensor): Tensor {
    const passage = new Passage();
    let y = x;
    let before: Module | null = null;
    for (const [name, module] of this.namedChildren()) {
      if (before !== null) passage.handOn(before, y, module);
      try {
        y = module.forward(y);
      } catch (error) {
        throw located(this, name, module, error);
      }
      before = module;
    }
    return passage.end(y);
  }

  /** The layers' `forwardAsync` one after another. @throws (rejects) with the signal's reason once it is aborted. */
  override async forwardAsync(x: Tensor, options?: ForwardOptions): Promise<Tensor> {
    const signal = checkedSignal(options, 'Sequential');
    signal?.throwIfAborted();
    let y = x;
    for (const [name, module] of this.namedChildren()) {
      try {
        y = await module.forwardAsync(y, { signal });
      } catch (error) {
        if (signal?.aborted && error === signal.reason) throw error;
        throw located(this, name, module, error);
      }
    }
    return y;
  }
}

const isRecord = (value: unknown): value is Record<string, Module> =>
  typeof value === 'object' &&
  value !== null &&
  (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null);

/** The same error, of the same class, beginning with the layer it came from; errors of other classes as they are. */
function located(sequential: Sequential, name: string, module: Module, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const Same = OWN_ERRORS.find((known) => known === error.constructor);
  if (Same === undefined) return error;
  return new Same(`${moduleName(sequential)}[${name}] (${moduleName(module)}): ${error.message}`, {
    cause: error,
  });
}
