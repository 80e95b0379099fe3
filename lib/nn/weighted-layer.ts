// The base of layers with one weight and perhaps a bias: how they begin, and how they wait where the number of input
// channels is left to the first input. It knows nothing of what a layer computes.

import { show, wrongValue } from '../errors.js';
import { nextStream, uniformInto } from '../numerics/philox.js';
import { wholeNumber } from '../ops/options.js';
import { requireByDefault } from '../tensor/autograd.js';
import { allocate, elementCount } from '../tensor/shape.js';
import { ROW_MAJOR, Storage } from '../tensor/storage.js';
import { Tensor } from '../tensor/tensor.js';
import { Layer } from './layer.js';

/** What a layer says of its weight. */
export interface WeightPlan {
  /** The layer's name in sentences. */
  readonly label: string;
  /** What its inputs are called: 'inChannels' or 'inFeatures'. */
  readonly inputsName: string;
  /** How many there are; null leaves it to the first input. */
  readonly inputs: number | null;
  readonly outputs: number;
  readonly bias: boolean;
  /** The weight's shape for so many inputs. @throws RangeError where there cannot be so many. */
  shape(inputs: number): number[];
  /** How many inputs a weight of this shape has. */
  inputsOf(shape: readonly number[]): number;
}

/**
 * Weight and bias begin uniform in ±1 / sqrt(fan), the fan being the product of all sizes of the weight but its first:
 * PyTorch's default (Kaiming, He et al. 2015, with a = sqrt(5)), from `manualSeed`'s sequence.
 */
export abstract class WeightedLayer extends Layer {
  declare weight: Tensor;
  /** One number per output channel, or null */
  declare bias: Tensor | null;
  #plan: WeightPlan;
  #inputs: number | null = null;

  constructor(plan: WeightPlan) {
    super();
    this.#plan = plan;
    if (plan.inputs !== null) {
      this.#begin(plan.inputs);
      return;
    }
    this.#wait();
    if (!plan.bias) this.bias = null;
  }

  /** The number of inputs. @throws RangeError where it waits for the first input. */
  protected get inputs(): number {
    if (this.#inputs !== null) return this.#inputs;
    throw wrongValue(this.#plan.label, `${this.pending()}`, WAITING_CURE);
  }

  /** The number of inputs as `String(layer)` shows it. */
  protected get shownInputs(): string {
    return String(this.#inputs);
  }

  protected get hasBias(): boolean {
    return this.#inputs === null ? this.#plan.bias : this.bias !== null;
  }

  /** Whether the parameters are there. */
  protected get begun(): boolean {
    return this.#inputs !== null;
  }

  /** Does `use` with the parameters there: begun, where they wait, with the inputs that `count` finds. If it fails they wait on. */
  protected settled<T>(count: () => number, use: () => T): T {
    if (this.#inputs !== null) return use();
    this.#begin(count());
    try {
      return use();
    } catch (error) {
      this.#wait();
      throw error;
    }
  }

  protected override pending(): string | null {
    return this.#inputs === null ? `${this.#plan.inputsName} is inferred from the first input` : null;
  }

  protected override adopt(find: (name: string) => Tensor | undefined): void {
    const weight = find('weight');
    if (!(weight instanceof Tensor)) return;
    const inputs = this.#plan.inputsOf(weight.shape);
    if (inputs > 0) this.#begin(inputs);
  }

  protected override forget(): void {
    this.#wait();
  }

  #wait(): void {
    const { label, bias } = this.#plan;
    this.#inputs = null;
    for (const name of bias ? ['weight', 'bias'] : ['weight']) {
      waitFor(this, name, () => {
        const law = `${name} is not there yet: ${this.pending()}`;
        return wrongValue(label, law, WAITING_CURE);
      });
    }
  }

  #begin(inputs: number): void {
    const { label, bias, outputs } = this.#plan;
    const shape = this.#plan.shape(inputs);
    const bound = 1 / Math.sqrt(shape.slice(1).reduce((product, size) => product * size, 1));
    arrive(this, {
      weight: uniform(shape, bound, label),
      bias: bias ? uniform([outputs], bound, label) : null,
    });
    this.#inputs = inputs;
  }
}

export const WAITING_CURE = 'run forward once, load weights, or give the number';

/** Makes reading or setting a property that is not there yet an error, and hides it from the search for parameters. */
export function waitFor(layer: object, name: string, error: () => Error): void {
  Object.defineProperty(layer, name, {
    configurable: true,
    enumerable: false,
    get() {
      throw error();
    },
    set() {
      throw error();
    },
  });
}

/** Gives properties their values, waited for or not, in order. */
export function arrive(layer: object, values: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(layer, name, { value, writable: true, enumerable: true, configurable: true });
  }
}

/** A positive number of channels or features. */
export function checkedCount(value: unknown, name: string, label: string): number {
  return wholeNumber(value, 1, name, `${name} must be a positive integer`, label);
}

export function checkDivisible(name: string, count: number, groups: number, label: string): void {
  if (count % groups !== 0) {
    throw wrongValue(
      label,
      `${name} must be divisible by groups, but got ${show(count)} and groups=${groups}`,
    );
  }
}

/** What may not be there is asked for at once. */
const LARGE = 2 ** 28;

/** A parameter of draws from `manualSeed`'s sequence, uniform in ±bound. */
export function uniform(shape: number[], bound: number, label: string): Tensor {
  const count = elementCount(shape);
  const storage = new Storage(count > LARGE ? allocate(shape, label) : count, ROW_MAJOR);
  const stream = nextStream();
  storage.later((data) => uniformInto(data, stream, -bound, bound));
  return requireByDefault(new Tensor(storage, Object.freeze(shape)));
}
