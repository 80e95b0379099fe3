// A backend that computes nothing and writes down what it is asked: a network that runs on it becomes a list of steps.
// It knows arrays and handles, not tensors or modules.

import type {
  Binding,
  Conv,
  ConvGeometry,
  Operations,
  PackedFilter,
  Pool,
  PoolGeometry,
} from '../../binding.js';
import type { Substitute } from '../backend/substitute.js';
import { wrongValue } from '../errors.js';
import { Block, type Step, TracedConv, TracedFilter, TracedPool, View, WRITTEN } from './graph.js';
import { type Made, Nowhere, type Place } from './nowhere.js';

/** Members of a backend that neither read nor write a tensor. */
const HARMLESS = ['abi', 'isa', 'useIsa', 'cpu', 'threads', 'setThreads', 'releaseScratch', 'nothing'];

function refuse(name: string): never {
  throw wrongValue('compile', `'${name}' has no place in a compiled network`);
}

const described = <T>(description: object): T => description as T;

/** Records the calls that are made of its `binding`. */
export class Recorder implements Substitute {
  readonly steps: Step[] = [];
  /** The module that is running. */
  path = '';
  readonly binding: Binding;
  /** Memory that steps write, by its buffer. */
  readonly #made = new Map<ArrayBufferLike, Made>();
  readonly #nowhere = new Nowhere();
  readonly #constants = new Map<Float32Array, Block>();
  readonly #initial: Made[] = [];

  constructor(real: Binding) {
    const refused = Object.keys(real)
      .filter((name) => !HARMLESS.includes(name))
      .map((name) => [name, () => refuse(name)]);
    const recorded = (Object.keys(WRITTEN) as (keyof Operations)[]).map((operation) => [
      operation,
      (...args: unknown[]) => this.#record(operation, args),
    ]);
    this.binding = {
      ...real,
      ...Object.fromEntries([...refused, ...recorded]),
      createConv: (geometry: ConvGeometry) => described<Conv>(new TracedConv(geometry)),
      createPool: (geometry: PoolGeometry) => described<Pool>(new TracedPool(geometry)),
      packFilter: (conv: unknown, weight: Float32Array, bias: Float32Array | null) => {
        if (!(conv instanceof TracedConv)) throw new Error('a filter of a convolution made elsewhere');
        return described<PackedFilter>(new TracedFilter(conv, weight, bias));
      },
      submit: () => {
        throw wrongValue(
          'compile',
          'forward must be synchronous',
          'call forward, not forwardAsync, inside it',
        );
      },
    };
  }

  /** Whether a step has written, or will write, the elements of this array. */
  owes(data: Float32Array): boolean {
    return this.#placeOf(data) !== undefined;
  }

  memory(length: number): Float32Array {
    return this.#nowhere.take(length);
  }

  part(data: Float32Array, begin: number, end: number): Float32Array {
    return this.#nowhere.part(data, begin, end) ?? data.subarray(begin, end);
  }

  /** Declares an array that is filled anew for each run. */
  input(data: Float32Array): View {
    const block = new Block(data.length, 'input');
    this.#made.set(data.buffer, { block, written: [[0, data.length]], buffer: data.buffer });
    return new View(block, 0, data.length);
  }

  /** An array of the trace as a step would read it. */
  view(data: Float32Array): View {
    const place = this.#placeOf(data);
    if (place === undefined) {
      const block = this.#constants.get(data) ?? new Block(data.length, 'constant');
      this.#constants.set(data, block);
      block.initial = data;
      block.source = data;
      return new View(block, 0, data.length);
    }
    const { made, begin } = place;
    if (!covered(made.written, begin, begin + data.length)) this.#initial.push(made);
    return new View(made.block, begin, data.length);
  }

  /** Ends the recording: what was in memory beside the steps' own writing is kept. */
  finish(): Step[] {
    for (const { block, buffer } of this.#initial)
      block.initial ??= buffer === null ? new Float32Array(block.length) : new Float32Array(buffer.slice(0));
    for (const block of this.#constants.values()) block.initial = block.initial?.slice() ?? null;
    return this.steps;
  }

  #record(operation: keyof Operations, args: readonly unknown[]): void {
    const written = WRITTEN[operation];
    const traced = args.map((arg, place) => (place === written ? arg : this.#replaced(arg)));
    const y = written === undefined ? undefined : args[written];
    if (written === undefined || !(y instanceof Float32Array))
      throw new Error(`${operation} writes no array`);
    const { made, begin } = this.#placeOf(y) ?? this.#newPlace(y);
    made.written.push([begin, begin + y.length]);
    traced[written] = new View(made.block, begin, y.length);
    this.steps.push({ operation, args: traced, path: this.path });
  }

  #placeOf(data: Float32Array): Place | undefined {
    const place = this.#nowhere.placeOf(data);
    if (place !== undefined) return place;
    const made = this.#made.get(data.buffer);
    return made === undefined ? undefined : { made, begin: data.byteOffset / 4 };
  }

  #newPlace({ buffer, byteOffset }: Float32Array): Place {
    const made: Made = { block: new Block(buffer.byteLength / 4, 'made'), written: [], buffer };
    this.#made.set(buffer, made);
    return { made, begin: byteOffset / 4 };
  }

  #replaced(arg: unknown): unknown {
    if (arg instanceof Float32Array) return this.view(arg);
    return Array.isArray(arg) ? arg.map((item) => this.#replaced(item)) : arg;
  }
}

/** Whether the written pieces hold all of [begin, end). */
function covered(written: readonly (readonly [number, number])[], begin: number, end: number): boolean {
  let at = begin;
  for (const [from, to] of written.toSorted((a, b) => a[0] - b[0])) {
    if (from > at) break;
    at = Math.max(at, to);
  }
  return at >= end;
}
