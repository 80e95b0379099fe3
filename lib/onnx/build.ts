// From a model's nodes to steps that can be run: every operator known, every value made before it is read, what is constant
// computed now.

import { show, wrongValue } from '../errors.js';
import { Module } from '../nn/module.js';
import { runNow } from '../ops/run.js';
import { noGrad } from '../tensor/no-grad.js';
import { logicalArray, Tensor } from '../tensor/tensor.js';
import { withBranches } from './branches.js';
import { dataType, dataTypeName } from './data-types.js';
import { Host, HostMemory, SHAPE_NUMBERS } from './host.js';
import { filled, layerOf, type OperatorLayer, type Template } from './layer.js';
import { type Model, readAttributeTensor } from './model.js';
import { type Built, type Inputs, Node, type Slot, type Weight } from './node.js';
import { builderOf, shrinks, supported } from './operators/index.js';
import type { Guard, NodeProto, ValueInfo } from './proto.js';
import { rewritten } from './rewrite.js';
import { InputBytes } from './source.js';
import type { Fail } from './wire.js';

/** A node, ready: which values go in, what is done, which come out, and which are read no more then. */
export interface Step {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly template: Template;
  /** The node's, for sentences. */
  readonly name: string;
  readonly done: OperatorLayer | Exclude<Built, { kind: 'layer' }>;
  /** What has to hold for it to be run: shapes decide. */
  readonly when: readonly Guard[];
  frees: readonly string[];
}

export interface Graph {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly string[];
  readonly steps: readonly Step[];
  readonly layers: readonly (readonly [name: string, layer: OperatorLayer])[];
  /** Outputs that do not depend on inputs. */
  readonly constants: ReadonlyMap<string, Host>;
  readonly opset: number;
  readonly producer: string;
}

interface Constant {
  readonly host: Host;
  readonly name: string;
  readonly learned: boolean;
}

/** The opsets whose operators mean what is computed here. */
const OPSETS = [6, 25] as const;
/** Of a node: they become a call's arguments, which the stack has to hold. */
const MOST_INPUTS = 16384;

/** Who is speaking when something is wrong: the loader first, the module later. */
interface Speaker {
  operation: string;
}

export async function buildGraph(model: Model, label: string): Promise<Graph> {
  const speaker: Speaker = { operation: 'loadOnnx' };
  const fail = (law: string, cure?: string): never => {
    throw wrongValue('loadOnnx', `${label} ${law}`, cure);
  };
  const { opset } = model;
  if (!(opset >= OPSETS[0] && opset <= OPSETS[1])) {
    fail(
      `is written for opset ${opset}`,
      `convkit reads ${OPSETS[0]} to ${OPSETS[1]}: export for one of these`,
    );
  }
  const inputs = model.inputs.filter(({ name }) => !model.initializers.has(name));
  const laidOut = withBranches(model.nodes, label);
  checkNames(model, inputs, laidOut, fail);
  const constants = new Map<string, Constant>();
  for (const [name, host] of model.initializers) {
    constants.set(name, { host, name, learned: host.type === 'float' && host.values.length > 1 });
  }
  for (const node of laidOut) {
    if (node.operator !== 'Constant' || node.domain !== '') continue;
    constants.set(node.outputs[0] ?? '', {
      host: await constantOf(node, label),
      name: node.name,
      learned: false,
    });
  }
  const wanted = new Set(model.outputs.map(({ name }) => name));
  const nodes = laidOut.filter(({ operator, domain }) => operator !== 'Constant' || domain !== '');
  const rest = await Promise.all(nodes.map((node) => withValue(node, constants)));
  const graph = new Building(inputs, constants, { speaker, label, opset }, wanted, [
    ...model.initializers.values(),
  ]);
  for (const node of rewritten(rest, constants, wanted)) graph.add(node);
  const built = graph.finish(model.outputs, fail);
  speaker.operation = 'forward';
  return { ...built, inputs, opset, producer: model.producer };
}

/** That every value has one maker and every input a type that tensors stand for. */
function checkNames(
  model: Model,
  inputs: readonly ValueInfo[],
  nodes: readonly NodeProto[],
  fail: Fail,
): void {
  const made = new Set(model.initializers.keys());
  const make = (name: string, what: string): void => {
    if (made.has(name)) fail(`makes value ${show(name)} twice, the second time as ${what}`);
    made.add(name);
  };
  for (const { name, type } of inputs) {
    make(name, 'an input');
    if (dataType(type)?.kind !== 'float') {
      fail(`has an input ${show(name)} of ${dataTypeName(type)}`, 'convkit takes inputs of floats');
    }
  }
  for (const { name, operator, outputs } of nodes) {
    for (const output of outputs)
      if (output !== '') make(output, `an output of node ${show(name)} (${operator})`);
  }
  if (model.outputs.length === 0) fail('has no outputs');
  const results = model.outputs.map(({ name }) => name);
  if (new Set(results).size !== results.length) fail('has two outputs of one name');
}

async function constantOf(node: NodeProto, label: string): Promise<Host> {
  const [entry] = node.attributes;
  if (entry !== undefined && node.outputs.length === 1) {
    const [name, attribute] = entry;
    if (attribute.kind === 'tensor') return readAttributeTensor(new InputBytes(attribute.value, 'loadOnnx'));
    if (name === 'value_float' && attribute.kind === 'float')
      return new Host('float', [], Float32Array.of(attribute.value));
    if (name === 'value_int' && attribute.kind === 'int')
      return new Host('int', [], Float64Array.of(attribute.value));
    if (name === 'value_floats' && attribute.kind === 'floats') {
      return new Host('float', [attribute.value.length], Float32Array.from(attribute.value));
    }
    if (name === 'value_ints' && attribute.kind === 'ints') {
      return new Host('int', [attribute.value.length], Float64Array.from(attribute.value));
    }
  }
  const law = `node ${show(node.name)} (Constant) holds ${entry === undefined ? 'nothing' : show(entry[0])}`;
  throw wrongValue('loadOnnx', `${label}: ${law}`, 'tensors, floats and whole numbers are read');
}

/** What fills a ConstantOfShape, as an input like any other constant. */
async function withValue(node: NodeProto, constants: Map<string, Constant>): Promise<NodeProto> {
  const value = node.attributes.get('value');
  if (node.operator !== 'ConstantOfShape' || value?.kind !== 'tensor') return node;
  const name = `${node.outputs[0]}\0value`; // no file has such a name, or makes its value twice
  const host = await readAttributeTensor(new InputBytes(value.value, 'loadOnnx'));
  constants.set(name, { host, name: node.name, learned: false });
  return { ...node, inputs: [...node.inputs.slice(0, 1), name] };
}

class Building {
  readonly #kinds = new Map<string, 'tensor' | 'host'>();
  readonly #steps: (Step & { readonly plan: Planned | null })[] = [];
  readonly #memory: HostMemory;
  /** Outputs that nodes have beside the one that is computed, by their names, with the nodes. */
  readonly #unmade = new Map<string, string>();

  constructor(
    inputs: readonly ValueInfo[],
    readonly constants: Map<string, Constant>,
    readonly context: { readonly speaker: Speaker; readonly label: string; readonly opset: number },
    readonly wanted: ReadonlySet<string>,
    given: readonly Host[],
  ) {
    for (const { name } of inputs) this.#kinds.set(name, 'tensor');
    this.#memory = new HostMemory(given.reduce((sum, { values }) => sum + 2 * values.length, SHAPE_NUMBERS));
  }

  add(given: NodeProto): void {
    const { speaker, label, opset } = this.context;
    const when = (given.when ?? []).filter(({ name }) => this.#truth(name) === null);
    // A branch that no input takes is not looked into
    if ((given.when ?? []).some(({ name, is }) => this.#truth(name) === !is)) return;
    const proto = this.#decided(given);
    if (proto === null) return;
    const place = `node ${show(proto.name === '' ? (proto.outputs[0] ?? '') : proto.name)} (${proto.operator}, opset ${opset})`;
    const fail: Fail = (law, cure) => {
      throw wrongValue(speaker.operation, `${label}: ${place} ${law}`, cure);
    };
    const builder = proto.domain === '' ? builderOf(proto.operator) : undefined;
    if (builder === undefined) {
      const whose = proto.domain === '' ? '' : ` of ${show(proto.domain)}`;
      fail(`is not an operator${whose} that convkit has`, `supported are ${supported()}`);
    }
    if (proto.inputs.length > MOST_INPUTS) {
      fail(`has ${proto.inputs.length} inputs; convkit takes at most ${MOST_INPUTS}`);
    }
    const slots = proto.inputs.map((name) => this.#slot(name, fail));
    const node = new Node(proto, opset, slots, fail);
    node.needs(1);
    const built = attempt(() => builder(node), fail);
    // Weights are held by their tensors alone: a session may free those
    const own = new Map(node.weights.map(({ index, tensor }) => [index, tensor]));
    const template: Template = slots.map((slot, index) =>
      slot.kind === 'constant'
        ? (own.get(index) ?? slot.host)
        : slot.kind === 'missing'
          ? undefined
          : 'value',
    );
    node.forget();
    const inputs = proto.inputs.filter((_, i) => template[i] === 'value');
    const several = built.kind === 'tensors' || built.kind === 'hosts';
    const outputs = several ? proto.outputs : proto.outputs.slice(0, 1);
    if (outputs.length === 0 || outputs[0] === '') fail('makes nothing');
    for (const name of proto.outputs.slice(outputs.length)) this.#unmade.set(name, place);
    const fixed = inputs.length === 0;
    if (built.kind === 'layer' && fixed && slots.length > 0 && shrinks(proto.operator)) {
      this.#fold(proto, outputs, slots, () => [this.#computed(built, filled(template, []), fail)], fail);
      return;
    }
    if (built.kind === 'hosts' && fixed && (slots.length > 0 || proto.operator !== 'Shape')) {
      this.#fold(proto, outputs, slots, () => built.compute(filled(template, []), this.#memory), fail);
      return;
    }
    for (const name of outputs) this.#kinds.set(name, built.kind === 'hosts' ? 'host' : 'tensor');
    const plan = built.kind === 'layer' ? { node, built } : null;
    const done = built.kind === 'layer' ? NOTHING : built;
    this.#steps.push({ inputs, outputs, template, name: proto.name, done, frees: [], plan, when });
  }

  /** Whether a condition holds, where that is known already. */
  #truth(name: string): boolean | null {
    const host = this.constants.get(name)?.host;
    return host === undefined || host.values.length !== 1 ? null : host.values[0] !== 0;
  }

  /** An If whose condition is known is another name of what its branch makes. */
  #decided(proto: NodeProto): NodeProto | null {
    if (proto.operator !== 'If' || proto.domain !== '') return proto;
    const truth = this.#truth(proto.inputs[0]);
    if (truth === null) return proto;
    const count = proto.outputs.length;
    const chosen = proto.inputs.slice(truth ? 1 : 1 + count, truth ? 1 + count : undefined);
    for (const [i, output] of proto.outputs.entries()) {
      this.add({ ...proto, operator: 'Identity', inputs: [chosen[i]], outputs: [output] });
    }
    return null;
  }

  /** What a layer makes of constants alone. */
  #computed(built: Extract<Built, { kind: 'layer' }>, inputs: Inputs, fail: Fail): Host {
    const prepared = noGrad(() => built.prepare(inputs, 'now'));
    const made = prepared instanceof Tensor ? prepared : noGrad(() => runNow(prepared));
    const host = this.#memory.make('float', made.shape, fail);
    host.values.set(logicalArray(made, 'loadOnnx'));
    return host;
  }

  #slot(name: string, fail: Fail): Slot {
    if (name === '') return { kind: 'missing' };
    const constant = this.constants.get(name);
    if (constant !== undefined) return { kind: 'constant', ...constant };
    const kind = this.#kinds.get(name);
    if (kind !== undefined) return { kind };
    if (this.#unmade.has(name))
      return fail(`reads ${show(name)}, but of ${this.#unmade.get(name)} ${ONLY_FIRST}`);
    return fail(
      `reads ${show(name)}, which nothing before it makes`,
      'the graph has a circle, or its nodes are not in order',
    );
  }

  #fold(
    { name }: NodeProto,
    outputs: readonly string[],
    slots: readonly Slot[],
    compute: () => Host[],
    fail: (law: string) => never,
  ): void {
    const [first] = slots.filter((slot) => slot.kind === 'constant');
    const made = attempt(compute, fail);
    outputs.forEach((output, i) => {
      const host = made[i] ?? fail(`makes ${made.length} values for ${outputs.length} outputs`);
      const learned = host.type === 'float' && (first?.learned ?? false) && host.values.length > 1;
      this.constants.set(output, { host, name: first?.name ?? name, learned });
    });
  }

  /** The steps that lead to outputs, with layers named and values freed after their last use. */
  finish(
    outputs: readonly ValueInfo[],
    fail: (law: string) => never,
  ): Pick<Graph, 'steps' | 'layers' | 'outputs' | 'constants'> {
    const constants = new Map<string, Host>();
    for (const { name } of outputs) {
      const constant = this.constants.get(name);
      if (constant !== undefined) constants.set(name, constant.host);
      else if (this.#unmade.has(name))
        fail(`has an output ${show(name)}, but of ${this.#unmade.get(name)} ${ONLY_FIRST}`);
      else if (!this.#kinds.has(name)) fail(`has an output ${show(name)}, which nothing makes`);
    }
    const needed = new Set(this.wanted);
    const kept: (Step & { readonly plan: Planned | null })[] = [];
    for (const step of this.#steps.toReversed()) {
      if (!step.outputs.some((name) => needed.has(name))) continue;
      const read = [...step.inputs, ...step.when.map(({ name }) => name)];
      const last = [...new Set(read)].filter((name) => !needed.has(name));
      const unused = step.outputs.filter((name) => !needed.has(name));
      for (const name of read) needed.add(name);
      kept.push({ ...step, frees: [...last, ...unused] });
    }
    kept.reverse();
    const names = new Names();
    const layers: [string, OperatorLayer][] = [];
    const steps = kept.map(({ plan, ...step }): Step => {
      if (plan === null) return step;
      const { name, fields } = names.of(plan.node, layers.length);
      const { built, node } = plan;
      const { template } = step;
      const layer = layerOf(node.operator, { name, built, template, described: node.described, fields });
      layers.push([name, layer]);
      return { ...step, done: layer };
    });
    return { steps, layers, constants, outputs: outputs.map(({ name }) => name) };
  }
}

interface Planned {
  readonly node: Node;
  readonly built: Extract<Built, { kind: 'layer' }>;
}

const ONLY_FIRST = 'convkit makes the first output only';

const NOTHING: Step['done'] = { kind: 'hosts', compute: () => [] };

/** Calls `fn`; what operations throw becomes the loader's sentence. */
function attempt<T>(fn: () => T, fail: (law: string) => never): T {
  try {
    return fn();
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    if (error.message.startsWith('loadOnnx: ')) throw error;
    return fail(`cannot be: ${error.message}`);
  }
}

/** Names of layers and their weights: the exporter's own for a module's weights where it kept them, else the node's. */
class Names {
  readonly #taken = new Set<string>();

  of(node: Node, index: number) {
    const { proto, weights } = node;
    const owner = ownerOf(weights);
    const candidates = [
      owner ?? '',
      proto.name,
      `${proto.operator}_${index}`,
      `${proto.operator}_${index}_${proto.outputs[0]}`,
    ];
    const free = candidates.find((name) => name !== '' && !this.#taken.has(name)) ?? `${this.#taken.size}`;
    this.#taken.add(free);
    const used = new Set<string>();
    const fields = weights.map(({ field, tensor, name, trained }) => {
      const own = free === owner ? name.slice(owner.length + 1) : '';
      // 'weight_bias' is what the exporter calls the bias of a convolution that it has folded a normalisation into
      const base = own !== 'weight_bias' && FIELD.test(own) && !(own in MEMBERS) ? own : field;
      let unique = base;
      for (let i = 2; used.has(unique); i++) unique = `${base}${i}`;
      used.add(unique);
      return { field: unique, tensor, trained };
    });
    return { name: free, fields };
  }
}

const FIELD = /^[A-Za-z]\w{0,63}$/;
/** What a module has already. */
class Members extends Module {
  override forward(x: Tensor): Tensor {
    return x;
  }
}
const MEMBERS: object = new Members();

/** The path of the module whose weights these are: 'layer1.0.conv1' of 'layer1.0.conv1.weight'. */
function ownerOf(weights: readonly Weight[]): string | null {
  const owners = new Set(
    weights.map(({ name }) => (name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : '')),
  );
  const [owner] = owners;
  return owners.size === 1 && owner !== '' && owner !== undefined ? owner : null;
}
