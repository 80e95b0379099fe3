// A loaded network as a module: its nodes are its children, run in the file's order.

import { show, wrongShape, wrongType } from '../errors.js';
import { Module } from '../nn/module.js';
import { layoutOf } from '../ops/inputs.js';
import { checkedSignal, type ForwardOptions } from '../ops/run.js';
import { record } from '../tensor/autograd.js';
import { sameShape, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { logicalArray, storageOf, Tensor, wrap } from '../tensor/tensor.js';
import type { Graph, Step } from './build.js';
import { Host, HostMemory, SHAPE_NUMBERS, tensorOf } from './host.js';
import { filled, isOptions, located, OperatorLayer } from './layer.js';
import type { Value } from './node.js';
import type { ValueInfo } from './proto.js';

/** An input of a loaded network, or what is known of it. */
export interface GraphInput {
  readonly name: string;
  /** Sizes, names of sizes that may differ from call to call, or null where the file says nothing. */
  readonly shape: readonly (number | string | null)[] | null;
}

/**
 * A network read from a file: a module like any other. Its children are the nodes that compute, named after the module whose
 * weights they have where the file still says ('layer1.0.conv1'), else as the file names them; initializers are their
 * parameters, running statistics and single numbers their buffers. Batch normalisation is by running statistics and dropout
 * does nothing, in training too.
 *
 * @example
 * const net = await io.loadOnnx('resnet18.onnx');
 * const session = await compile(net, { inputShape: [1, 3, 224, 224] });
 */
export class GraphModule extends Module {
  readonly #graph: Graph;

  /** @internal */
  constructor(graph: Graph) {
    super();
    this.#graph = graph;
  }

  /** What goes in, in its order. */
  get inputs(): GraphInput[] {
    return this.#graph.inputs.map(({ name, dims }) => ({ name, shape: dims }));
  }

  /** The names of what comes out, in the file's order: a record of outputs has names that are whole numbers first. */
  get outputs(): string[] {
    return [...this.#graph.outputs];
  }

  /** The version of ONNX's operators that the file is written for. */
  get opset(): number {
    return this.#graph.opset;
  }

  override namedChildren(): [string, Module][] {
    return this.#graph.layers.map(([name, layer]) => [name, layer]);
  }

  /**
   * The output for the inputs, in their order, or for a record of them by name; where there are several outputs, a record of
   * Tensors by name (see {@link forwardNamed}, whose type says so).
   *
   * @throws TypeError | ShapeError where inputs are not those that the file declares.
   */
  override forward(x: Tensor | Record<string, Tensor>, ...rest: unknown[]): Tensor {
    return single(this.#run(this.#bound([x, ...rest], 'forward')));
  }

  /** All outputs by name. */
  forwardNamed(x: Tensor | Record<string, Tensor>, ...rest: unknown[]): Record<string, Tensor> {
    return this.#run(this.#bound([x, ...rest], 'forwardNamed'));
  }

  /**
   * `forward` off the event loop: convolutions, products, pools, normalisations and functions of elements run in the
   * background, one after the other; what lies between them, sums and moves, on this thread. A compiled session is one job
   * instead. Inputs are taken as they are when this returns its promise; `{ signal }` may follow them.
   */
  override async forwardAsync(x: Tensor | Record<string, Tensor>, ...rest: unknown[]): Promise<Tensor> {
    const last = rest.at(-1);
    const options: ForwardOptions | undefined = isOptions(last) ? last : undefined;
    const given = [x, ...(options === undefined ? rest : rest.slice(0, -1))];
    const signal = checkedSignal(options, 'forwardAsync');
    signal?.throwIfAborted();
    const values = new Map(
      [...this.#bound(given, 'forwardAsync')].map(([name, tensor]) => [name, kept(tensor)]),
    );
    const memory = new HostMemory(SHAPE_NUMBERS);
    for (const step of this.#graph.steps) {
      signal?.throwIfAborted();
      if (skipped(values, step)) continue;
      const inputs = step.inputs.map((name) => values.get(name) as Value);
      const { done } = step;
      const outputs =
        done instanceof OperatorLayer
          ? [await done.forwardAsync(inputs[0] as Tensor, ...inputs.slice(1), { signal })]
          : computed(step, done, inputs, memory);
      keep(values, step, outputs);
    }
    return single(this.#results(values));
  }

  #run(given: ReadonlyMap<string, Tensor>): Record<string, Tensor> {
    const values = new Map<string, Value>(given);
    const memory = new HostMemory(SHAPE_NUMBERS);
    for (const step of this.#graph.steps) {
      if (skipped(values, step)) continue;
      const inputs = step.inputs.map((name) => values.get(name) as Value);
      const { done } = step;
      const outputs =
        done instanceof OperatorLayer
          ? [done.forward(inputs[0] as Tensor, ...inputs.slice(1))]
          : computed(step, done, inputs, memory);
      keep(values, step, outputs);
    }
    return this.#results(values);
  }

  #results(values: ReadonlyMap<string, Value>): Record<string, Tensor> {
    const { outputs, constants } = this.#graph;
    return Object.fromEntries(
      outputs.map((name) => {
        const value = constants.get(name) ?? values.get(name);
        if (value instanceof Tensor) return [name, value];
        if (value === undefined) throw new Error(`no step made ${name}`);
        return [name, wrap(logicalArray(tensorOf(value), 'forward').slice(), ROW_MAJOR, [...value.shape])];
      }),
    );
  }

  /** The inputs by name, as the file declares them. */
  #bound(given: readonly unknown[], operation: string): Map<string, Tensor> {
    const declared = this.#graph.inputs;
    const [first] = given;
    const byName =
      typeof first === 'object' && first !== null && !(first instanceof Tensor) && given.length === 1;
    const named: Readonly<Record<string, unknown>> = byName
      ? { ...first }
      : Object.fromEntries(declared.map(({ name }, i) => [name, given[i]]));
    const names = declared.map(({ name }) => show(name)).join(', ');
    const extra = byName
      ? Object.keys(named).filter((name) => declared.every((one) => one.name !== name))
      : [];
    if (extra.length > 0)
      throw wrongType(operation, `there is no input ${show(extra[0])}`, `the inputs are ${names}`);
    if (!byName && given.length > declared.length) {
      throw wrongType(
        operation,
        `${given.length} inputs were given, but the network has ${declared.length}: ${names}`,
      );
    }
    const sizes = new Map<string, number>();
    return new Map(
      declared.map((info) => {
        const value = named[info.name];
        if (!(value instanceof Tensor)) {
          throw wrongType(operation, `input ${show(info.name)} must be a Tensor, not ${show(value)}`);
        }
        checkDeclared(info, value.shape, sizes, operation);
        return [info.name, value];
      }),
    );
  }

  protected override extraRepr(): string {
    const { inputs, outputs, opset, producer } = this.#graph;
    const declared = inputs.map(
      ({ name, dims }) => `${name} [${dims?.map((size) => size ?? '?').join(', ') ?? '...'}]`,
    );
    const from = producer === '' ? '' : `, by ${producer}`;
    return `${declared.join(', ')} -> ${outputs.join(', ')}; opset ${opset}${from}`;
  }
}

/** One output itself, several as they are. */
function single(outputs: Record<string, Tensor>): Tensor {
  const values = Object.values(outputs);
  const result: Tensor | Record<string, Tensor> = values.length === 1 ? values[0] : outputs;
  return result as Tensor;
}

/** What a node makes that is no layer. */
function computed(
  { template, name }: Step,
  done: Exclude<Step['done'], OperatorLayer>,
  inputs: readonly Value[],
  memory: HostMemory,
): Value[] {
  try {
    return done.compute(filled(template, inputs), memory);
  } catch (error) {
    throw located(error, name);
  }
}

/** Whether a step is of a branch that is not taken; what it would have freed is freed. */
function skipped(values: Map<string, Value>, step: Step): boolean {
  const taken = step.when.every(({ name, is }) => {
    const value = values.get(name);
    return value !== undefined && (value instanceof Host ? value.values[0] !== 0 : false) === is;
  });
  if (taken) return false;
  for (const name of step.frees) values.delete(name);
  return true;
}

function keep(values: Map<string, Value>, step: Step, outputs: readonly Value[]): void {
  step.outputs.forEach((name, i) => {
    values.set(name, outputs[i]);
  });
  for (const name of step.frees) values.delete(name);
}

/** A tensor that nobody can write to, whatever happens to x. */
function kept(x: Tensor): Tensor {
  const layout = layoutOf(x);
  const data = layout === ROW_MAJOR ? logicalArray(x, 'forwardAsync').slice() : storageOf(x).data;
  const copy = wrap(data, layout, x.shape);
  record(copy, 'input', [x], (upstream) => [upstream]);
  return copy;
}

function checkDeclared(
  { name, dims }: ValueInfo,
  shape: readonly number[],
  sizes: Map<string, number>,
  operation: string,
): void {
  if (dims === null) return;
  const expected = dims.map((size, axis) => {
    if (typeof size === 'number') return size;
    if (size === null) return shape[axis] ?? 0;
    const known = sizes.get(size) ?? shape[axis] ?? 0;
    sizes.set(size, known);
    return known;
  });
  if (sameShape(expected, shape)) return;
  throw wrongShape(
    operation,
    `the file declares input ${show(name)} as [${dims.map((size) => size ?? '?').join(', ')}], but it is ${showShape(shape)}`,
    dims.every((size) => typeof size === 'number')
      ? 'export with a dynamic batch for other sizes'
      : undefined,
  );
}
