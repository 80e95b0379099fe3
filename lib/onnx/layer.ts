// One node of a loaded graph as a module: found, printed, watched and timed like any layer.

import { Module } from '../nn/module.js';
import type { Mode } from '../ops/inputs.js';
import { type ForwardOptions, finished, type Prepared, runInBackground, runNow } from '../ops/run.js';
import { Tensor } from '../tensor/tensor.js';
import type { Built, Inputs, Value } from './node.js';

/** What a node's inputs are: constants, and places where values come in. */
export type Template = readonly (Value | 'value' | undefined)[];

/** The inputs of a node, with values put in their places. */
export function filled(template: Template, values: readonly Value[]): Inputs {
  let next = 0;
  return template.map((slot) => (slot === 'value' ? values[next++] : slot));
}

export interface LayerPlan {
  readonly name: string;
  readonly built: Extract<Built, { kind: 'layer' }>;
  readonly template: Template;
  readonly described: string;
  /** Parameters and buffers by the names of fields. */
  readonly fields: readonly { readonly field: string; readonly tensor: Tensor; readonly trained: boolean }[];
}

/** Takes the values that the graph computes, in the order of the node's inputs. */
export class OperatorLayer extends Module {
  readonly #plan: LayerPlan;

  constructor(plan: LayerPlan) {
    super();
    this.#plan = plan;
    for (const { field, tensor, trained } of plan.fields) {
      if (trained) Object.assign(this, { [field]: tensor });
      else this.registerBuffer(field, tensor);
    }
  }

  override forward(x: Tensor, ...rest: unknown[]): Tensor {
    try {
      const made = this.#prepared([x, ...rest], 'now');
      return made instanceof Tensor ? made : runNow(made);
    } catch (error) {
      throw located(error, this.#plan.name);
    }
  }

  /**
   * `forward` off the event loop where the operator is one of weights or windows, or a function of each element; sums, joins
   * and other moves are made at once, between those.
   */
  override async forwardAsync(x: Tensor, ...rest: unknown[]): Promise<Tensor> {
    const last = rest.at(-1);
    const options = isOptions(last) ? last : undefined;
    const values = [x, ...(options === undefined ? rest : rest.slice(0, -1))];
    const prepare = (): Prepared => {
      const made = this.#prepared(values, 'background');
      return made instanceof Tensor ? finished(made) : made;
    };
    try {
      return await runInBackground(prepare, options, this.#plan.name);
    } catch (error) {
      throw located(error, this.#plan.name);
    }
  }

  #prepared(values: readonly unknown[], mode: Mode): Prepared | Tensor {
    return this.#plan.built.prepare(filled(this.#plan.template, values as Value[]), mode);
  }

  protected override extraRepr(): string {
    return this.#plan.described;
  }
}

/** An error of an operation, saying which node it was. */
export function located(error: unknown, name: string): unknown {
  const known = error instanceof RangeError || error instanceof TypeError;
  if (known && !error.message.includes('node ')) error.message += ` (in node '${name}')`;
  return error;
}

/** Options of an asynchronous call, at the end of its arguments. */
export const isOptions = (value: unknown): value is ForwardOptions =>
  typeof value === 'object' && value !== null && 'signal' in value;

const classes = new Map<string, typeof OperatorLayer>();

/** A layer whose class has the operator's name. */
export function layerOf(operator: string, plan: LayerPlan): OperatorLayer {
  const known = classes.get(operator);
  const Class = known ?? { [operator]: class extends OperatorLayer {} }[operator];
  classes.set(operator, Class);
  return new Class(plan);
}
