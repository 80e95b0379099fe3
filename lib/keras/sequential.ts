// Keras's way to write a list of layers.

import { show, wrongType, wrongValue } from '../errors.js';
import { Module } from '../nn/module.js';
import { Sequential as Stack } from '../nn/sequential.js';
import { knownOptions } from '../ops/options.js';
import { noGrad } from '../tensor/no-grad.js';
import { Tensor } from '../tensor/tensor.js';
import {
  assignAll,
  checkWeights,
  copyOf,
  KerasLayer,
  type PartialShape,
  sizes,
  WeightedKerasLayer,
} from './layer.js';

export interface SequentialOptions {
  layers?: readonly Module[];
}

/**
 * Layers one after another, given as one list, as `{ layers }`, or by {@link Sequential.add}. Layers are called by their
 * `name`, or else by their place. Where the first has an `inputShape`, all weights are made at once, and sizes that do not fit are found.
 *
 * @throws TypeError | RangeError where something is no layer, or two have the same name.
 * @example
 * const net = new Sequential([
 *   new Conv2D({ filters: 8, kernelSize: 3, activation: 'relu', inputShape: [6, 6, 3] }),
 *   new MaxPooling2D(),
 *   new Flatten(),
 *   new Dense({ units: 10 }),
 * ]);
 * net.getWeights().map((weight) => weight.shape); // [[3, 3, 3, 8], [8], [32, 10], [10]]
 * net.predict(Tensor.zeros([1, 6, 6, 3])).shape; // [1, 10]
 */
export class Sequential extends Stack {
  readonly layers: readonly Module[];
  readonly #layers: Module[];

  constructor(layers?: readonly Module[] | SequentialOptions) {
    super();
    const list = Array.isArray(layers) ? layers : listed(layers);
    this.#layers = [];
    this.layers = this.#layers;
    for (const layer of list) this.#append(layer);
    this.#begin();
  }

  /** Puts another layer at the end, unless it does not fit. */
  add(layer: Module): void {
    this.#append(layer);
    try {
      this.#begin();
    } catch (error) {
      this.#layers.pop();
      throw error;
    }
  }

  /** The layer of a name, or in a place. @throws RangeError where there is none. */
  getLayer(which: string | number): Module {
    const found = typeof which === 'number' ? this.#layers.at(which) : this.#named(which);
    if (found !== undefined) return found;
    const names = this.namedChildren().map(([name]) => show(name));
    throw wrongValue('Sequential', `No such layer: ${show(which)}. Existing layers are: ${names.join(', ')}`);
  }

  /** Makes all weights for inputs of a shape, batch (of any size, or null) included. */
  build(inputShape: PartialShape): void {
    const [first] = this.#layers;
    const image = sizes(inputShape, 'Sequential').slice(1);
    if (image.every((size) => size !== null)) this.forward(Tensor.zeros([0, ...image]));
    else if (first instanceof KerasLayer) first.build(inputShape);
  }

  /**
   * The result in inference, whatever mode the layers are in, and without a record for gradients. It blocks, as in TF.js;
   * `forwardAsync` leaves the event loop free, and takes the mode of `train()` and `eval()`.
   */
  predict(x: Tensor): Tensor {
    const training = this.namedModules().flatMap(([, module]) => (module.training ? [module] : []));
    this.eval();
    try {
      return noGrad(() => this.forward(x));
    } finally {
      for (const module of training) module.training = true;
    }
  }

  /** `forward` by TF.js's name. */
  apply(x: Tensor): Tensor {
    return this.forward(x);
  }

  /** Copies of all weights, layer by layer, each layer's in its own order and layouts. */
  getWeights(): Tensor[] {
    return tensorsOf(this).map(([, tensor]) => copyOf(tensor));
  }

  /**
   * Copies weights in, in the order of `getWeights`; the weights must be there already. Nothing is copied unless all fit.
   *
   * @throws ShapeError | RangeError where number or shapes differ.
   */
  setWeights(weights: readonly Tensor[]): void {
    const own = tensorsOf(this);
    assignAll(own, checkWeights(weights, own.length, 'Sequential'), 'Sequential');
  }

  override namedChildren(): [string, Module][] {
    return this.#layers.map((layer, i) => [nameOf(layer) ?? String(i), layer]);
  }

  #named(name: string): Module | undefined {
    return this.namedChildren().find(([own]) => own === name)?.[1];
  }

  #append(layer: unknown): void {
    if (!(layer instanceof Module)) {
      throw wrongType('Sequential', `expected a layer at ${this.#layers.length}, not ${show(layer)}`);
    }
    const name = nameOf(layer) ?? String(this.#layers.length);
    if (this.#named(name) !== undefined) {
      throw wrongValue('Sequential', `All layers should have unique names. Received: ${show(name)} twice`);
    }
    this.#layers.push(layer);
  }

  #begin(): void {
    const [first] = this.#layers;
    if (first instanceof KerasLayer && first.inputShape !== null) this.build([null, ...first.inputShape]);
  }
}

const weightsAt = (path: string, layer: Module): [string, Tensor][] =>
  tensorsOf(layer).map(([name, tensor]) => [`${path}.${name}`, tensor]);

/** A layer's weights, those that wait for an input left out. */
function tensorsOf(layer: Module): [string, Tensor][] {
  if (layer instanceof WeightedKerasLayer) return layer.namedWeights();
  if (!(layer instanceof Sequential)) return layer.namedParameters();
  return layer.namedChildren().flatMap(([path, inner]) => weightsAt(path, inner));
}

const nameOf = (layer: Module): string | null => (layer instanceof KerasLayer ? layer.name : null);

function listed(options: unknown): readonly unknown[] {
  if (options === undefined || options === null) return [];
  if (typeof options !== 'object' || options instanceof Module) {
    throw wrongType('Sequential', `layers must be an array of layers, not ${show(options)}`);
  }
  const { layers = [] } = knownOptions<SequentialOptions>(options, ['layers'], 'Sequential');
  if (Array.isArray(layers)) return layers;
  throw wrongType('Sequential', `layers must be an array of layers, not ${show(layers)}`);
}
