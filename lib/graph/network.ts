// A module on its way to executables: traced and planned once for each shape of input, with the weights of one moment.

import type { Binding } from '../../binding.js';
import { active } from '../backend/index.js';
import { discardMemory } from '../backend/memory.js';
import { wrongValue } from '../errors.js';
import { type Module, tensorsOf } from '../nn/module.js';
import { sameShape } from '../tensor/shape.js';
import { ROW_MAJOR, type Storage } from '../tensor/storage.js';
import { storageOf, type Tensor } from '../tensor/tensor.js';
import { Executable } from './executable.js';
import { renamePacked, type Weights } from './filters.js';
import type { Graph } from './graph.js';
import { imageByImage } from './image-by-image.js';
import { passes } from './passes.js';
import { rowStrips } from './row-strips.js';
import { type Signature, trace } from './trace.js';

/** Executables of this many shapes are kept, the last used first. */
const KEPT = 8;

export interface NetworkOptions {
  readonly inputShape: readonly number[];
  /** The names of the outputs; null where there is just the network's own. */
  readonly outputs: readonly string[] | null;
  readonly foldBatchNorm: boolean;
  /** Whether the module's weights are given up once they are packed. */
  readonly releaseWeights: boolean;
}

export class Network {
  readonly #module: Module;
  readonly #options: NetworkOptions;
  #binding: Binding;
  #executables = new Map<string, Executable>();
  /** The one asked for last: to look among the others takes making a string. */
  #latest: (Signature & { readonly executable: Executable }) | null = null;
  /** How often each tensor of the module had been written to when its weights were taken; null where they were not yet. */
  #taken: Map<Tensor, number> | null = null;

  constructor(module: Module, options: NetworkOptions) {
    this.#module = module;
    this.#options = options;
    this.#binding = active();
    this.executable({ shape: options.inputShape, channelAxis: ROW_MAJOR });
  }

  get inputShape(): readonly number[] {
    return this.#options.inputShape;
  }

  /** Whether the outputs have names. */
  get named(): boolean {
    return this.#options.outputs !== null;
  }

  /** The executable for inputs of this shape and layout. */
  executable(signature: Signature): Executable {
    const { shape, channelAxis } = signature;
    const latest = this.#latest;
    if (latest !== null && latest.channelAxis === channelAxis && sameShape(latest.shape, shape))
      return latest.executable;
    const executable = this.#find(signature);
    this.#latest = { shape: [...shape], channelAxis, executable };
    return executable;
  }

  #find(signature: Signature): Executable {
    const key = `${signature.shape.join()}:${signature.channelAxis}`;
    const kept = this.#executables.get(key);
    if (kept !== undefined) {
      this.#executables.delete(key);
      this.#executables.set(key, kept);
      return kept;
    }
    this.#checkUnchanged();
    const { releaseWeights } = this.#options;
    const graph = rowStrips(this.#graph(signature));
    const tensors = tensorsOf(this.#module);
    // What is still to be drawn was not read
    const storages = tensors.map(storageOf).filter(({ pending }) => !pending);
    const made = new Executable(this.#binding, graph, weightsOf(storages, releaseWeights));
    this.#executables.set(key, made);
    this.#taken ??= new Map(tensors.map((tensor) => [tensor, storageOf(tensor).version]));
    for (const oldest of [...this.#executables.keys()].slice(0, -KEPT)) this.#executables.delete(oldest);
    return made;
  }

  #graph(signature: Signature): Graph {
    const graph = this.#wholeGraph(signature);
    const [images, ...rest] = signature.shape;
    if (images < 2 || rest.length < 3) return graph;
    let single: Graph;
    try {
      single = this.#wholeGraph({ ...signature, shape: [1, ...rest] });
    } catch {
      return graph; // some networks are made for one number of images
    }
    return imageByImage(graph, single, images) ?? graph;
  }

  #wholeGraph(signature: Signature): Graph {
    const { outputs, foldBatchNorm } = this.#options;
    return passes(trace(this.#module, this.#binding, signature, outputs), foldBatchNorm);
  }

  /** Takes the weights, and the backend, of now. */
  refresh(): void {
    const before = { binding: this.#binding, executables: this.#executables, taken: this.#taken };
    this.#binding = active();
    this.#executables = new Map();
    this.#latest = null;
    this.#taken = null;
    try {
      this.executable({ shape: this.inputShape, channelAxis: ROW_MAJOR });
    } catch (error) {
      this.#binding = before.binding;
      this.#executables = before.executables;
      this.#taken = before.taken;
      throw error;
    }
  }

  /** Forgets all executables. */
  release(): void {
    this.#executables.clear();
    this.#latest = null;
  }

  /** A shape that is met later must not mix weights of two moments. */
  #checkUnchanged(): void {
    for (const [tensor, version] of this.#taken ?? []) {
      if (storageOf(tensor).version === version) continue;
      throw wrongValue(
        'session',
        'this input shape was not met before, and the weights may have changed since they were taken',
        'call session.refresh() to take them as they are now',
      );
    }
  }
}

/** The weights of these storages; packed ones are taken from them, and their memory from everyone, where they are released. */
function weightsOf(storages: readonly Storage[], releasing: boolean): Weights {
  const found = new Map(storages.map((storage) => [storage.name, storage]));
  return {
    versionOf: (data) => found.get(data)?.version ?? Number.NaN,
    elementsOf(weight, memory) {
      const storage = found.get(weight);
      const unread = storage?.unread;
      if (storage === undefined || unread === null || unread === undefined) return storage?.data ?? weight;
      if (!releasing) return storage.data;
      const elements = memory.take(unread.length);
      unread.readInto(elements);
      return elements;
    },
    done(weight) {
      const storage = found.get(weight);
      if (storage === undefined || storage.given) return;
      if (releasing) renamePacked(weight, storage.give());
      else if (storage.unread === null && storage.data !== weight) renamePacked(weight, storage.data);
      if (releasing) discardMemory(weight);
    },
  };
}
