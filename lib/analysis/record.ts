// Runs a network without computing it, and writes down which module was called with what shapes and which operations it
// made.

import { show, wrongType, wrongValue } from '../errors.js';
import { Module, moduleName } from '../nn/module.js';
import { type CallWatcher, inInferenceMode, watchCalls } from '../nn/watch-calls.js';
import { type Observer, observe, type TracedStep } from '../ops/trace.js';
import { checkedShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';

/** One operation, and what came out. */
export interface Made {
  readonly step: TracedStep;
  readonly output: Tensor;
}

/** One call of a module's `forward`. */
export interface Call {
  readonly module: Module;
  /** From the network, as `namedModules` has it: '' is the network itself. */
  readonly path: string;
  /** Calls around this one. */
  readonly depth: number;
  readonly children: Call[];
  /** The operations of this call outside its children's. */
  readonly made: Made[];
  readonly input: Tensor | null;
  output: Tensor | null;
}

export interface Recording {
  /** In the order in which they began; the network's own is the first. */
  readonly calls: readonly Call[];
  /** In the order in which they ran. */
  readonly made: readonly Made[];
  readonly input: Tensor;
}

/**
 * What happens where `net` gets an input of this shape. Modules are in inference mode meanwhile; one that waits for its input
 * channels has learned them afterwards, as from any first input.
 */
export function record(net: Module, inputShape: readonly number[], operation: string): Recording {
  checkNet(net, operation);
  if (inputShape === undefined || inputShape === null) {
    throw wrongType(operation, 'inputShape is missing', 'give one such as { inputShape: [1, 3, 224, 224] }');
  }
  const shape = checkedShape(inputShape, operation);
  if (shape.includes(0)) {
    throw wrongValue(operation, `the sizes of inputShape must be positive, but got ${show(inputShape)}`);
  }
  return inInferenceMode(net, (modules) => recordOnce(net, modules, shape));
}

export function checkNet(net: unknown, operation: string): asserts net is Module {
  if (!(net instanceof Module)) throw wrongType(operation, `expected a Module, not ${show(net)}`);
}

function recordOnce(
  net: Module,
  modules: readonly (readonly [string, Module])[],
  shape: readonly number[],
): Recording {
  const calls: Call[] = [];
  const made: Made[] = [];
  const open: Call[] = [];
  const input = Tensor.zeros(shape);

  const called: CallWatcher = (path, module, args, proceed) => {
    const [x] = args;
    const call: Call = {
      module,
      path,
      depth: open.length,
      children: [],
      made: [],
      input: x instanceof Tensor ? x : null,
      output: null,
    };
    calls.push(call);
    open.at(-1)?.children.push(call);
    open.push(call);
    try {
      const y = proceed();
      call.output = y instanceof Tensor ? y : null;
      return y;
    } finally {
      open.pop();
    }
  };

  const note: Observer = (step, output) => {
    made.push({ step, output });
    open.at(-1)?.made.push({ step, output });
  };
  watchCalls(modules, called, () => observe(note, () => net.forward(input)));
  return { calls, made, input };
}

/** The class of a call's module, as `String(net)` shows it. */
export const typeOf = (call: Call): string => moduleName(call.module);

/** All operations of a call, those of its children included. */
export function everythingOf(call: Call): Made[] {
  return [...call.made, ...call.children.flatMap(everythingOf)];
}
