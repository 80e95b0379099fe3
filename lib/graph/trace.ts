// A module and the shape of its input to a graph: runs `forward` on a backend that records.

import type { Binding } from '../../binding.js';
import { withStandIn } from '../backend/substitute.js';
import { show, wrongType, wrongValue } from '../errors.js';
import type { Module } from '../nn/module.js';
import { moduleName } from '../nn/module.js';
import { inInferenceMode, watchCalls } from '../nn/watch-calls.js';
import { noGrad } from '../tensor/no-grad.js';
import { elementCount } from '../tensor/shape.js';
import { alive } from '../tensor/storage.js';
import { storageOf, Tensor, wrap } from '../tensor/tensor.js';
import type { Graph, Output } from './graph.js';
import { Recorder } from './recorder.js';

/** What a graph is made for. */
export interface Signature {
  readonly shape: readonly number[];
  /** How the input lies: where its channels are last, or ROW_MAJOR. */
  readonly channelAxis: number;
}

/** The name of a network's own output. */
export const OWN = 'output';

/**
 * Records `net` on inputs of this signature. `outputs` names modules by their path, 'layer4' or 'layer4.0.relu', and the
 * second call of one that is called twice 'layer4.0.relu:1', or one of the results of a network that gives a record of them.
 *
 * @throws RangeError where no module or no such call has that name.
 */
export function trace(
  net: Module,
  binding: Binding,
  { shape, channelAxis }: Signature,
  outputs: readonly string[] | null,
): Graph {
  return inInferenceMode(net, (modules) =>
    noGrad(() => traceOnce(net, modules, binding, { shape, channelAxis }, outputs)),
  );
}

function traceOnce(
  net: Module,
  modules: readonly (readonly [string, Module])[],
  binding: Binding,
  { shape, channelAxis }: Signature,
  outputs: readonly string[] | null,
): Graph {
  const recorder = new Recorder(binding);
  const calls = new Map<string, unknown[]>();
  const data = new Float32Array(elementCount(shape));
  const input = wrap(data, channelAxis, shape);
  const inputView = recorder.input(data);

  const result: unknown = withStandIn(recorder, () =>
    watchCalls(
      modules,
      (path, _module, _args, proceed) => {
        const outside = recorder.path;
        recorder.path = path;
        const results = calls.get(path) ?? [];
        calls.set(path, results);
        const place = results.push(undefined) - 1;
        try {
          results[place] = proceed();
          return results[place];
        } finally {
          recorder.path = outside;
        }
      },
      () => net.forward(input),
    ),
  );

  const wanted =
    outputs === null
      ? own(result, moduleName(net))
      : outputs.map((name) => ({ name, tensor: tensorOf(named(result, name, calls, net), `'${name}'`) }));
  const results: Output[] = wanted.map(({ name, tensor }) => {
    const storage = storageOf(tensor);
    return {
      name,
      view: recorder.view(alive(storage, 'compile')),
      channelAxis: storage.channelAxis,
      shape: tensor.shape,
    };
  });
  return { steps: recorder.finish(), inputs: [inputView], outputs: results };
}

function tensorOf(value: unknown, name: string): Tensor {
  if (value instanceof Tensor) return value;
  const law = `the output of ${name} must be a Tensor, or a record of Tensors by name, not ${show(value)}`;
  throw wrongType('compile', law);
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' &&
  value !== null &&
  !(value instanceof Tensor) &&
  !Array.isArray(value) &&
  Object.keys(value).length > 0;

/** What the network gives: a tensor, or several by name. */
function own(result: unknown, name: string): { name: string; tensor: Tensor }[] {
  if (!isRecord(result)) return [{ name: OWN, tensor: tensorOf(result, name) }];
  return Object.entries(result).map(([key, value]) => ({
    name: key,
    tensor: tensorOf(value, `${name} named '${key}'`),
  }));
}

/** What a module of that path gave, or else the network's own result of that name. */
function named(result: unknown, name: string, calls: ReadonlyMap<string, unknown[]>, net: Module): unknown {
  const known = calls.has(splitName(name, calls)[0]);
  const ownName = name !== '' && isRecord(result) && Object.hasOwn(result, name);
  return ownName && (!known || name === OWN) ? result[name] : called(calls, name, net);
}

/** What the named call gave back. */
function called(calls: ReadonlyMap<string, readonly unknown[]>, name: string, net: Module): unknown {
  const [path, index] = splitName(name, calls);
  const results = calls.get(path);
  if (results === undefined) {
    const paths = net.namedModules().map(([known]) => known);
    if (paths.includes(path)) {
      throw wrongValue('compile', `the module '${path}' is not called in forward, so it has no output`);
    }
    const near = paths.filter((known) => known !== '' && !known.includes('.')).map((known) => `'${known}'`);
    throw wrongValue(
      'compile',
      `outputs: there is no module '${path}' in ${moduleName(net)}`,
      `its modules are ${near.slice(0, 12).join(', ')}${near.length > 12 ? ', …' : ''} and those inside them`,
    );
  }
  if (index === null && results.length > 1) {
    throw wrongValue(
      'compile',
      `outputs: '${path}' is called ${results.length} times`,
      `name one call: '${path}:0' to '${path}:${results.length - 1}'`,
    );
  }
  if ((index ?? 0) >= results.length) {
    throw wrongValue(
      'compile',
      `outputs: '${path}' is called ${results.length} times, so there is no '${name}'`,
    );
  }
  return results[index ?? 0];
}

/** A path, and the number after the colon. */
function splitName(name: string, calls: ReadonlyMap<string, unknown>): [path: string, index: number | null] {
  const match = /^(.*):(\d+)$/.exec(name);
  if (calls.has(name) || match === null) return [name === OWN && !calls.has(OWN) ? '' : name, null];
  return [match[1], Number(match[2])];
}
