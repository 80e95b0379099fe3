// A node as an operator's builder sees it: attributes with their types checked, inputs by what is known of them, and the
// sentence for what cannot be done.

import { show, wrongType } from '../errors.js';
import type { Mode } from '../ops/inputs.js';
import type { Prepared } from '../ops/run.js';
import { showShape } from '../tensor/shape.js';
import { logicalArray, Tensor } from '../tensor/tensor.js';
import { Host, type HostMemory, tensorOf } from './host.js';
import type { Attribute, NodeProto } from './proto.js';
import type { Fail } from './wire.js';

/** What flows along an edge of the graph while it runs. */
export type Value = Tensor | Host;

/** What is known of an input when a model is loaded. */
export type Slot =
  | { readonly kind: 'missing' | 'tensor' | 'host' }
  | {
      readonly kind: 'constant';
      readonly host: Host;
      readonly name: string;
      /** Whether it may be trained: an initializer, no running statistic and no single number. */
      readonly learned: boolean;
    };

/** A tensor that belongs to a node: a parameter, or a buffer where it is not trained. */
export interface Weight {
  /** Which input it is. */
  readonly index: number;
  readonly field: string;
  readonly tensor: Tensor;
  /** The initializer's name. */
  readonly name: string;
  readonly trained: boolean;
}

export type Inputs = readonly (Value | undefined)[];

/** What an operator's builder makes of a node. Constant inputs are among the inputs it is called with. */
export type Built =
  | { readonly kind: 'layer'; prepare(inputs: Inputs, mode: Mode): Prepared | Tensor }
  | { readonly kind: 'tensors'; compute(inputs: Inputs): Tensor[] }
  | { readonly kind: 'hosts'; compute(inputs: Inputs, memory: HostMemory): Host[] };

export type Builder = (node: Node) => Built;

export class Node {
  readonly weights: Weight[] = [];
  /** What `String(layer)` shows. */
  described = '';

  constructor(
    readonly proto: NodeProto,
    readonly opset: number,
    public slots: readonly Slot[],
    readonly fail: Fail,
  ) {}

  /** Lets go of the constants, which closures that know the node would keep in memory. */
  forget(): void {
    this.slots = [];
  }

  get operator(): string {
    return this.proto.operator;
  }

  #attribute<K extends Attribute['kind']>(
    name: string,
    kind: K,
  ): Extract<Attribute, { kind: K }> | undefined {
    const found = this.proto.attributes.get(name);
    if (found === undefined) return undefined;
    if (found.kind !== kind)
      this.fail(`has an attribute ${show(name)} of kind ${found.kind}, where ${kind} belongs`);
    return found as Extract<Attribute, { kind: K }>;
  }

  has(name: string): boolean {
    return this.proto.attributes.has(name);
  }

  int(name: string, usual: number): number {
    const value = this.#attribute(name, 'int')?.value ?? usual;
    return Number.isSafeInteger(value) ? value : this.fail(`has ${name}=${value}`);
  }

  float(name: string, usual: number): number {
    return this.#attribute(name, 'float')?.value ?? usual;
  }

  string(name: string, usual: string): string {
    return this.#attribute(name, 'string')?.value ?? usual;
  }

  ints(name: string): readonly number[] | undefined {
    return this.#attribute(name, 'ints')?.value;
  }

  floats(name: string): readonly number[] | undefined {
    return this.#attribute(name, 'floats')?.value;
  }

  /** One of the words that convkit does. */
  word<T extends string>(name: string, usual: T, known: readonly T[]): T {
    const value = this.string(name, usual);
    for (const word of known) if (word === value) return word;
    return this.fail(
      `has ${name}=${show(value)}; convkit does ${known.map((word) => `'${word}'`).join(', ')}`,
    );
  }

  /** That an attribute has the one value that is done. */
  only(name: string, value: number): void {
    if (this.int(name, value) !== value)
      this.fail(`has ${name}=${this.int(name, value)}; convkit does ${name}=${value}`);
  }

  present(index: number): boolean {
    const slot = this.slots[index];
    return slot !== undefined && slot.kind !== 'missing';
  }

  /** That the first so many inputs are there. */
  needs(count: number): void {
    for (let index = 0; index < count; index++) {
      if (!this.present(index)) this.fail(`leaves out input ${index}, which it needs`);
    }
  }

  /** A constant input; undefined where there is none, or the graph computes it. */
  constant(index: number): Host | undefined {
    const slot = this.slots[index];
    return slot?.kind === 'constant' ? slot.host : undefined;
  }

  /** Whether an input is numbers beside the tensors, while the graph runs too. */
  beside(index: number): boolean {
    const slot = this.slots[index];
    return slot?.kind === 'host' || slot?.kind === 'constant';
  }

  /** The numbers of a constant input that has to be known when the model is loaded; undefined where it is left out. */
  numbers(index: number, what: string): readonly number[] | undefined {
    if (!this.present(index)) return undefined;
    const host = this.constant(index);
    if (host === undefined)
      return this.fail(`computes its ${what} in the graph; convkit needs a constant there`);
    if (host.values.length > MOST_NUMBERS) this.fail(`has ${host.values.length} numbers for its ${what}`);
    return [...host.values];
  }

  /** The same of an attribute that became an input: one or the other. */
  listed(name: string, index: number): readonly number[] | undefined {
    return this.ints(name) ?? this.numbers(index, name);
  }

  /** A single number of the same kind. */
  number(index: number, what: string): number | undefined {
    const values = this.numbers(index, what);
    if (values !== undefined && values.length !== 1)
      this.fail(`has ${values.length} numbers for its ${what}`);
    return values?.[0];
  }

  /** A constant input as a tensor that belongs to the node. */
  weight(index: number, field: string, adapt: (host: Host) => Host = (host) => host): Tensor {
    const slot = this.slots[index];
    if (slot?.kind !== 'constant') {
      const cure = 'export the network with constant weights';
      return this.fail(
        `has a ${field} that the graph computes, or none; convkit reads it from an initializer`,
        cure,
      );
    }
    const { host, name, learned } = slot;
    if (host.type !== 'float') this.fail(`has a ${field} of whole numbers`);
    const tensor = tensorOf(adapt(host));
    this.weights.push({ index, field, tensor, name, trained: learned && !field.startsWith('running') });
    return tensor;
  }

  optionalWeight(index: number, field: string): Tensor | null {
    return this.present(index) ? this.weight(index, field) : null;
  }

  /** A list of one number for each channel. */
  channels(index: number, field: string, count: number): Tensor {
    const tensor = this.weight(index, field);
    if (tensor.shape.length === 1 && tensor.shape[0] === count) return tensor;
    return this.fail(`has a ${field} of shape ${showShape(tensor.shape)}, where [${count}] belongs`);
  }

  /** A builder for what takes tensors: constants among its inputs become the node's own. */
  tensors(indices: readonly number[], field: string): void {
    for (const index of indices) if (this.constant(index) !== undefined) this.weight(index, field);
  }
}

/** More than shapes, axes, pads and scales have. */
const MOST_NUMBERS = 1024;

/** An input as a tensor. */
export function tensorAt(inputs: Inputs, index: number): Tensor {
  const value = inputs[index];
  if (value instanceof Tensor) return value;
  if (value instanceof Host) return tensorOf(value);
  throw wrongType('forward', `input ${index} is left out`);
}

/** An input as numbers. */
export function hostAt(inputs: Inputs, index: number): Host {
  const value = inputs[index];
  if (value instanceof Host) return value;
  if (value === undefined) throw wrongType('forward', `input ${index} is left out`);
  return new Host('float', value.shape, logicalArray(value, 'onnx'));
}

/** An input as numbers, where there is one. */
export const numbersAt = (inputs: Inputs, index: number): number[] | undefined =>
  inputs[index] === undefined ? undefined : [...hostAt(inputs, index).values];

export const layer = (prepare: (inputs: Inputs, mode: Mode) => Prepared | Tensor): Built => ({
  kind: 'layer',
  prepare,
});
export const hosts = (compute: (inputs: Inputs, memory: HostMemory) => Host[]): Built => ({
  kind: 'hosts',
  compute,
});
