// What optimisers share: parameters in groups with settings of their own, gradients cleared, state saved and loaded. It
// knows no rule by which a parameter moves.

import type { Binding } from '../../binding.js';
import { active } from '../backend/index.js';
import { show, wrongType, wrongValue } from '../errors.js';
import { knownOptions } from '../ops/options.js';
import { mutate } from '../tensor/autograd.js';
import { showShape } from '../tensor/shape.js';
import { gradOf, logicalArray, Tensor } from '../tensor/tensor.js';
import {
  asObject,
  type OptimizerState,
  type ParamState,
  restored,
  type Setting,
  type StateNames,
  saved,
} from './state.js';

/** Settings that hold for a group of parameters. */
export interface Settings {
  /** The learning rate. */
  lr: number;
}

/** Parameters, and the settings that hold for them; they may be changed between steps. */
export type ParamGroup<S extends Settings> = S & { readonly params: readonly Tensor[] };

/** A group as it is given: settings that are left out are the optimiser's. */
export type GivenGroup<S extends Settings> = Partial<S> & { readonly params: Tensor | Iterable<Tensor> };

/** Parameters, or groups of them. */
export type Params<S extends Settings> = Iterable<Tensor | GivenGroup<S>>;

/** A parameter at the moment of a step. */
export interface Moving {
  readonly parameter: Float32Array;
  readonly gradient: Float32Array;
  readonly state: ParamState;
}

/** What all optimisers have in common: groups of parameters, each with its settings, and what is kept of each parameter. */
export abstract class Optimizer<S extends Settings = Settings> {
  /** The groups with their settings: `optimizer.paramGroups[1].lr = 0.01`. */
  readonly paramGroups: ParamGroup<S>[] = [];
  readonly #label: string;
  readonly #defaults: S;
  readonly #states = new Map<Tensor, ParamState>();

  /** `given` overrides `defaults`, which are complete, for every group that does not say otherwise. */
  protected constructor(label: string, params: Params<S>, defaults: S, given: Partial<S> | undefined) {
    this.#label = label;
    this.#defaults = this.#settings(defaults, given ?? {});
    const items = listOf(params, label);
    if (items.length === 0) throw wrongValue(label, 'optimizer got an empty parameter list');
    const tensors = items.filter((item) => item instanceof Tensor);
    if (tensors.length > 0 && tensors.length < items.length) {
      throw wrongType(label, 'params must be all Tensors, or all groups');
    }
    if (tensors.length > 0) this.#add(tensors, {});
    else for (const item of items) if (!(item instanceof Tensor)) this.addParamGroup(item);
  }

  /** @throws TypeError | RangeError where a setting cannot be. */
  protected abstract checkSettings(settings: S, label: string): void;

  protected abstract readonly stateNames: StateNames;

  /** Moves one parameter, and keeps in its state what the next step needs. */
  protected abstract move(binding: Binding, settings: S, moving: Moving): void;

  /** The learning rate of the first group; set, it becomes that of every group. */
  get lr(): number {
    return this.paramGroups[0].lr;
  }

  set lr(lr: number) {
    for (const group of this.paramGroups) this.checkSettings({ ...group, lr }, this.#label);
    for (const group of this.paramGroups) group.lr = lr;
  }

  /**
   * Adds parameters with settings of their own.
   *
   * @throws TypeError | RangeError where a parameter is no leaf tensor or there already, or a setting cannot be.
   */
  addParamGroup(group: GivenGroup<S>): void {
    if (typeof group !== 'object' || group === null || !('params' in group)) {
      throw wrongType(this.#label, `a group must be an object with params, not ${show(group)}`);
    }
    const { params, ...own } = group;
    this.#add(params instanceof Tensor ? [params] : listOf(params, this.#label), own);
  }

  /** Moves every parameter that has a gradient. Weights packed for layers are packed anew when next used. */
  step(): void {
    const label = `${this.#label}.step`;
    for (const group of this.paramGroups) this.checkSettings(group, label);
    const binding = active();
    for (const group of this.paramGroups) {
      for (const tensor of group.params) {
        const grad = gradOf(tensor);
        if (grad === null) continue;
        const gradient = logicalArray(grad, label);
        const state = this.#states.get(tensor) ?? { arrays: {}, numbers: {} };
        this.#states.set(tensor, state);
        mutate(tensor, (parameter) => this.move(binding, group, { parameter, gradient, state }), label);
      }
    }
  }

  /** Clears the gradients of all parameters, so that the next `backward` begins anew. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) for (const tensor of params) tensor.grad = null;
  }

  /**
   * All that another optimiser of the same parameters needs to go on as this one would: a copy. `paramGroups` and `state` are
   * exact in JSON; `tensors` go into a file by their names.
   */
  stateDict(): OptimizerState {
    let count = 0;
    const paramGroups = this.paramGroups.map(({ params, ...settings }) => {
      const copy: Record<string, Setting> = structuredClone(settings as Record<string, Setting>);
      return Object.assign(copy, { params: params.map(() => count++) });
    });
    return { paramGroups, ...saved(this.#parameters(), (tensor) => this.#states.get(tensor)) };
  }

  /**
   * Takes over settings and state that `stateDict` gave. Nothing changes unless all of it fits.
   *
   * @throws TypeError | RangeError | ShapeError where groups, parameters, names or shapes differ.
   */
  loadStateDict(dict: OptimizerState): void {
    const label = `${this.#label}.loadStateDict`;
    const { paramGroups } = asObject(dict, 'the state', label);
    if (!Array.isArray(paramGroups)) {
      throw wrongType(label, `paramGroups must be an array, not ${show(paramGroups)}`);
    }
    const groups = paramGroups.map((group: unknown, i) => {
      const { params, ...own } = asObject(group, `paramGroups[${i}]`, label);
      return { count: Array.isArray(params) ? params.length : 0, own };
    });
    const [loaded, here] = [
      groups.map(({ count }) => count),
      this.paramGroups.map(({ params }) => params.length),
    ];
    if (String(loaded) !== String(here)) {
      throw wrongValue(
        label,
        `loaded groups have ${loaded.join(', ')} parameters, those of the optimizer ${here.join(', ')}`,
      );
    }
    const settings = groups.map(({ own }) => this.#settings(this.#defaults, own, label));
    const states = restored(this.#parameters(), dict, this.stateNames, label);
    this.#states.clear();
    for (const [tensor, state] of states) this.#states.set(tensor, state);
    this.paramGroups.forEach((group, i) => {
      Object.assign(group, settings[i]);
    });
  }

  #parameters(): Tensor[] {
    return this.paramGroups.flatMap(({ params }) => params);
  }

  #add(params: readonly unknown[], own: object): void {
    const label = this.#label;
    const settings = this.#settings(this.#defaults, own);
    if (params.length === 0) throw wrongValue(label, 'a group of parameters is empty');
    const known = new Set(this.#parameters());
    const tensors = params.map((tensor) => {
      if (!(tensor instanceof Tensor)) {
        throw wrongType(
          label,
          `optimizer can only optimize Tensors, but one of the params is ${show(tensor)}`,
        );
      }
      if (!tensor.isLeaf) throw wrongValue(label, "can't optimize a non-leaf Tensor");
      if (known.has(tensor)) {
        throw wrongValue(label, `a parameter of shape ${showShape(tensor.shape)} appears more than once`);
      }
      known.add(tensor);
      return tensor;
    });
    this.paramGroups.push({ ...settings, params: Object.freeze(tensors) });
  }

  /** Complete, known and possible settings. */
  #settings(defaults: S, own: object, label = this.#label): S {
    const given = Object.entries(knownOptions(own, Object.keys(defaults), label)).filter(
      ([, value]) => value !== undefined,
    );
    const settings: S = { ...structuredClone(defaults), ...structuredClone(Object.fromEntries(given)) };
    this.checkSettings(settings, label);
    return settings;
  }
}

function listOf<T>(items: Iterable<T>, label: string): T[] {
  if (typeof items === 'object' && items !== null && Symbol.iterator in items) return [...items];
  throw wrongType(
    label,
    `params argument given to the optimizer should be an iterable of Tensors or groups, but got ${show(items)}`,
    'use net.parameters()',
  );
}
