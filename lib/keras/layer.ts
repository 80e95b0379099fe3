// What Keras's layers have in common: names, shapes of inputs, and weights that begin when the input's channels are known.

import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { Layer } from '../nn/layer.js';
import { wholeNumber } from '../ops/options.js';
import { requireByDefault } from '../tensor/autograd.js';
import { sameShape, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { assign, logicalArray, Tensor, wrap } from '../tensor/tensor.js';
import { type Initializer, initialized } from './initializers.js';

/** A shape in which null stands for a size that is not known yet. */
export type PartialShape = readonly (number | null)[];

export interface LayerOptions {
  /** What `getLayer` and `stateDict` call the layer. */
  name?: string;
  /** The shape of one input, without the batch: [H, W, C] or the like. Weights are made at once where it is given. */
  inputShape?: PartialShape;
}

export const LAYER_OPTION_NAMES = ['name', 'inputShape'] as const satisfies readonly (keyof LayerOptions)[];

/** A layer that may have a name, and may know the shape of its inputs. */
export abstract class KerasLayer extends Layer {
  readonly name: string | null;
  /** Without the batch; null where it was not given. */
  readonly inputShape: PartialShape | null;
  readonly #label: string;

  constructor(label: string, { name, inputShape }: LayerOptions) {
    super();
    this.#label = label;
    this.name = checkedName(name, label);
    this.inputShape = inputShape === undefined || inputShape === null ? null : sizes(inputShape, label);
  }

  protected get operation(): string {
    return this.#label;
  }

  /** `forward` by TF.js's name. */
  apply(x: Tensor): Tensor {
    return this.forward(x);
  }

  /** Makes the weights, where there are any, for inputs of a shape, batch included; sizes that do not matter may be null. */
  build(_inputShape: PartialShape): void {}

  /** Copies of the weights in Keras's order and layouts; none before the layer is built. */
  getWeights(): Tensor[] {
    return [];
  }

  /** Copies weights in, in the order of `getWeights`. */
  setWeights(weights: readonly Tensor[]): void {
    checkWeights(weights, 0, this.#label);
  }
}

/** What a layer says of its weights. */
export interface WeightPlan {
  /** Their names in Keras's order, the kernel first. */
  readonly names: readonly string[];
  /** Those of them that are saved but not trained. */
  readonly constants?: readonly string[];
  /** How each begins, for so many input channels. @throws RangeError where there cannot be so many. */
  begin(
    inputs: number,
    inputShape: PartialShape | null,
  ): { shape: readonly number[]; initializer: Initializer }[];
  /** The number of input channels that a kernel of this shape is for. */
  inputsOf(kernelShape: readonly number[]): number;
  /** Dimensions of a batch of inputs; null where any number will do. */
  readonly dimensions: number | null;
  /** Where the channels are in the shape of an input. */
  channelAxis(shape: readonly unknown[]): number;
}

/** A layer with weights, which are null until the first input, `build`, or weights that are loaded. */
export abstract class WeightedKerasLayer extends KerasLayer {
  readonly #plan: WeightPlan;

  constructor(label: string, options: LayerOptions, plan: WeightPlan) {
    super(label, options);
    this.#plan = plan;
    for (const name of plan.names) Object.assign(this, { [name]: null });
    if (this.inputShape !== null) this.build([null, ...this.inputShape]);
  }

  /** Whether the weights are there. */
  get built(): boolean {
    return this.#plan.names.length === 0 || this.namedWeights().length > 0;
  }

  override build(inputShape: PartialShape): void {
    const shape = sizes(inputShape, this.operation);
    const { dimensions } = this.#plan;
    if (dimensions !== null && shape.length !== dimensions) {
      throw wrongValue(
        this.operation,
        `an input has ${dimensions} dimensions, batch included. Received: inputShape=${showSizes(shape)}`,
        'the option inputShape leaves the batch out, build() does not',
      );
    }
    const channels = shape[this.#plan.channelAxis(shape)];
    if (channels === null || channels === undefined) {
      throw wrongValue(
        this.operation,
        `The channel dimension of the inputs should be defined. Received: inputShape=${showSizes(shape)}`,
      );
    }
    this.#begin(channels, shape);
  }

  override getWeights(): Tensor[] {
    return this.namedWeights().map(([, tensor]) => copyOf(tensor));
  }

  override setWeights(weights: readonly Tensor[]): void {
    const given = checkWeights(weights, this.#plan.names.length, this.operation);
    if (!this.built) {
      const own = new Map(this.#plan.names.map((name, i) => [name, given[i]]));
      this.adopt((name) => own.get(name));
    }
    assignAll(this.namedWeights(), given, this.operation);
  }

  protected override pending(): string | null {
    return this.built ? null : 'the input channels are inferred from the first input';
  }

  protected override adopt(find: (name: string) => Tensor | undefined): void {
    const kernel = find(this.#plan.names[0]);
    const inputs = kernel instanceof Tensor ? this.#plan.inputsOf(kernel.shape) : 0;
    if (Number.isInteger(inputs) && inputs > 0) this.#begin(inputs, null);
  }

  /** Makes the weights where they wait, and checks that they fit inputs of this shape. */
  protected settle(shape: readonly number[]): void {
    const axis = this.#plan.channelAxis(shape);
    if (!this.built) this.#begin(shape[axis], shape);
    const first = this.namedWeights()[0];
    if (first === undefined) return;
    const [name, kernel] = first;
    const expected = this.#plan.inputsOf(kernel.shape);
    if (shape[axis] === expected) return;
    throw wrongShape(
      this.operation,
      `Input 0 is incompatible with the layer: expected axis ${axis - shape.length} of input shape to have value ${expected}, ` +
        `as ${name} ${showShape(kernel.shape)} needs, but received input with shape ${showShape(shape)}`,
    );
  }

  #begin(inputs: number, inputShape: PartialShape | null): void {
    const law = "The input's channel dimension must be a positive integer";
    const specs = this.#plan.begin(wholeNumber(inputs, 1, 'channels', law, this.operation), inputShape);
    const { names, constants } = this.#plan;
    const values = specs.map(({ shape, initializer }, i) =>
      initialized(initializer, shape, names[i], this.operation),
    );
    names.forEach((name, i) => {
      if (constants?.includes(name)) this.registerBuffer(name, values[i]);
      else Object.assign(this, { [name]: requireByDefault(values[i]) });
    });
  }

  /** The weights by name in Keras's order, as they are: someone may have assigned others. */
  namedWeights(): [string, Tensor][] {
    const found: [string, Tensor][] = [];
    for (const name of this.#plan.names) {
      const value: unknown = Reflect.get(this, name);
      if (value instanceof Tensor) found.push([name, value]);
    }
    return found;
  }
}

export const copyOf = (tensor: Tensor): Tensor =>
  wrap(logicalArray(tensor, 'getWeights').slice(), ROW_MAJOR, tensor.shape);

/** Copies tensors into weights, unless one of them has another shape. */
export function assignAll(
  weights: readonly (readonly [name: string, tensor: Tensor])[],
  given: readonly Tensor[],
  label: string,
): void {
  weights.forEach(([name, tensor], i) => {
    if (!sameShape(tensor.shape, given[i].shape)) {
      throw wrongShape(
        label,
        `Layer weight shape ${showShape(tensor.shape)} of ${name} not compatible with provided weight shape ${showShape(given[i].shape)}`,
      );
    }
  });
  weights.forEach(([, tensor], i) => {
    assign(tensor, given[i], 'setWeights');
  });
}

/** A list of so many tensors. */
export function checkWeights(weights: unknown, count: number, label: string): readonly Tensor[] {
  if (!Array.isArray(weights)) {
    throw wrongType(label, `weights must be an array of Tensors, not ${show(weights)}`);
  }
  if (weights.length !== count) {
    throw wrongValue(
      label,
      `setWeights was given a list of ${weights.length} weights, but the layer was expecting ${count} weights`,
    );
  }
  return weights.map((tensor: unknown, i) => {
    if (tensor instanceof Tensor) return tensor;
    throw wrongType(label, `weights[${i}] must be a Tensor, not ${show(tensor)}`);
  });
}

function checkedName(name: unknown, label: string): string | null {
  if (name === undefined || name === null) return null;
  if (typeof name !== 'string') throw wrongType(label, `name must be a string, not ${show(name)}`);
  if (name === '' || name.includes('.')) {
    throw wrongValue(label, `name must be non-empty and without dots. Received: name=${show(name)}`);
  }
  return name;
}

const showSizes = (shape: PartialShape): string => `[${shape.map(String).join(', ')}]`;

export function sizes(value: unknown, label: string): PartialShape {
  if (!Array.isArray(value)) {
    throw wrongType(label, `inputShape must be an array of sizes, not ${show(value)}`);
  }
  const law = 'the sizes of inputShape must be positive';
  return Object.freeze(
    Array.from(value, (size: unknown) =>
      size === null ? null : wholeNumber(size, 0, 'inputShape', law, label),
    ),
  );
}
