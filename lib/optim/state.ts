// What an optimiser remembers, as it is saved and loaded: settings and numbers that JSON keeps exactly, and tensors by name.

import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { sameShape, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { logicalArray, Tensor, wrap } from '../tensor/tensor.js';

/** A setting of a group: a number, a flag, or several numbers. */
export type Setting = number | boolean | readonly number[];

/** What `stateDict()` of an optimiser gives. Parameters are counted from 0, through all groups. */
export interface OptimizerState {
  /** The settings of each group, and the numbers of its parameters. */
  paramGroups: ({ params: number[] } & Record<string, Setting>)[];
  /** Float64 numbers of each parameter, by name. */
  state: Record<string, Record<string, number>>;
  /** Tensors in a parameter's shape, by `number.name`: `'0.momentumBuffer'`. */
  tensors: Record<string, Tensor>;
}

/** One parameter's state: arrays as long as it is, and float64 numbers. */
export interface ParamState {
  readonly arrays: Record<string, Float32Array>;
  readonly numbers: Record<string, number>;
}

/** The names that a parameter's state may have. */
export interface StateNames {
  readonly arrays: readonly string[];
  readonly numbers: readonly string[];
}

/** States as `state` and `tensors` of an OptimizerState: copies. */
export function saved(
  parameters: readonly Tensor[],
  stateOf: (tensor: Tensor) => ParamState | undefined,
): Pick<OptimizerState, 'state' | 'tensors'> {
  const state: OptimizerState['state'] = {};
  const tensors: OptimizerState['tensors'] = {};
  parameters.forEach((parameter, i) => {
    const own = stateOf(parameter);
    if (own === undefined) return;
    state[i] = { ...own.numbers };
    for (const [name, array] of Object.entries(own.arrays)) {
      tensors[`${i}.${name}`] = wrap(array.slice(), ROW_MAJOR, parameter.shape);
    }
  });
  return { state, tensors };
}

/** The reverse: the states of parameters by number. @throws where a name, number or shape is none of theirs. */
export function restored(
  parameters: readonly Tensor[],
  { state, tensors }: Pick<OptimizerState, 'state' | 'tensors'>,
  names: StateNames,
  operation: string,
): Map<Tensor, ParamState> {
  const states = new Map<Tensor, ParamState>();
  const entry = (
    index: string,
    name: string,
    known: readonly string[],
  ): { tensor: Tensor; own: ParamState } => {
    const tensor = /^\d+$/.test(index) ? parameters[Number(index)] : undefined;
    if (tensor === undefined) {
      throw wrongValue(
        operation,
        `there are ${parameters.length} parameters, and no ${show(index)} among them`,
      );
    }
    if (!known.includes(name)) throw wrongValue(operation, `parameter ${index} has no state ${show(name)}`);
    const own = states.get(tensor) ?? { arrays: {}, numbers: {} };
    states.set(tensor, own);
    return { tensor, own };
  };
  for (const [index, numbers] of Object.entries(asObject(state, 'state', operation))) {
    for (const [name, value] of Object.entries(asObject(numbers, `state[${index}]`, operation))) {
      if (typeof value !== 'number' || !Number.isFinite(value)) {
        throw wrongType(
          operation,
          `${name} of parameter ${index} must be a finite number, not ${show(value)}`,
        );
      }
      entry(index, name, names.numbers).own.numbers[name] = value;
    }
  }
  for (const [key, value] of Object.entries(asObject(tensors, 'tensors', operation))) {
    const dot = key.indexOf('.');
    const { tensor, own } = entry(key.slice(0, dot), key.slice(dot + 1), names.arrays);
    if (!(value instanceof Tensor))
      throw wrongType(operation, `${show(key)} must be a Tensor, not ${show(value)}`);
    if (!sameShape(value.shape, tensor.shape)) {
      const law = `${show(key)} has shape ${showShape(value.shape)}, but its parameter ${showShape(tensor.shape)}`;
      throw wrongShape(operation, law);
    }
    own.arrays[key.slice(dot + 1)] = logicalArray(value, operation).slice();
  }
  return states;
}

export function asObject(value: unknown, name: string, operation: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw wrongType(
    operation,
    `${name} must be an object, not ${show(value)}`,
    'give it what stateDict() gave',
  );
}
