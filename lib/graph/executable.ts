// A graph with its handles made and its memory planned; bound to an arena it is a program.

import type { Binding, Call, Conv, PackedFilter, Program } from '../../binding.js';
import { machineMemory, uninitialised } from '../backend/memory.js';
import { wrongValue } from '../errors.js';
import { showGigabytes } from '../tensor/shape.js';
import { isPacked, packedFilter, type Weights } from './filters.js';
import { FoldMemory } from './fold.js';
import {
  type Block,
  type Graph,
  type Output,
  outputOf,
  type Step,
  TracedConv,
  TracedFilter,
  TracedPool,
  View,
} from './graph.js';
import { LINE, type Plan, plan } from './plan.js';
import { product } from './steps.js';

/** As many calls as the binding takes for a program. */
const MOST_STEPS = 65536;

/** Memory that one run at a time works in. */
export class Arena {
  memory: Float32Array = new Float32Array(0);
  busy = false;
  /** Of executables bound to `memory`. */
  programs = new WeakMap<Executable, Bound>();
}

/** A program, and where its input and outputs lie. */
interface Bound {
  readonly program: Program;
  readonly input: Float32Array;
  readonly outputs: readonly Float32Array[];
}

export class Executable {
  readonly plan: Plan;
  /** The steps' arguments with real handles, and still without memory. */
  readonly #args: readonly (readonly unknown[])[];
  /** Memory that filters were made in, for the first arena: GoogLeNet's first run then meets 1000 fresh pages less. */
  #folded: Float32Array | null;

  constructor(
    readonly binding: Binding,
    readonly graph: Graph,
    weights: Weights,
  ) {
    if (graph.steps.length > MOST_STEPS) {
      throw wrongValue(
        'compile',
        `a session has at most ${MOST_STEPS} steps, and this network has ${graph.steps.length}`,
        'call its forward instead, or compile its parts',
      );
    }
    this.plan = plan(graph);
    if (this.plan.length * 4 > machineMemory()) {
      throw wrongValue(
        'compile',
        `what lies between the layers takes ${showGigabytes(this.plan.length)}, and this machine has ${showGigabytes(machineMemory() / 4)}`,
        'use a smaller batch or smaller sizes',
      );
    }
    const convs = new Map<TracedConv, Conv>();
    const convOf = (traced: TracedConv): Conv => {
      const conv = convs.get(traced) ?? binding.createConv(traced.geometry);
      convs.set(traced, conv);
      return conv;
    };
    const filters = new Map<TracedFilter, PackedFilter>();
    const memory = new FoldMemory(binding, this.#arenaLength);
    const byWeight = filtersByWeight(graph);
    const fresh = byWeight.flatMap(([, own]) =>
      [...own].filter((filter) => !isPacked(binding, filter, weights)),
    );
    const room = binding.createFilterRoom(fresh.map(({ conv }) => convOf(conv)));
    for (const [weight, own] of byWeight) {
      for (const filter of own)
        filters.set(filter, packedFilter(binding, convOf(filter.conv), filter, weights, memory, room));
      weights.done(weight);
    }
    this.#folded = memory.leave();
    const handleOf = (arg: unknown): unknown => {
      if (arg instanceof TracedConv) return convOf(arg);
      if (arg instanceof TracedFilter) return filters.get(arg);
      if (arg instanceof TracedPool) return binding.createPool(arg.geometry);
      return arg;
    };
    this.#args = graph.steps.map(({ args }) => args.map(handleOf));
  }

  get steps(): readonly Step[] {
    return this.graph.steps;
  }

  /** Of an array that holds `plan.length` elements from the beginning of a cache line on. */
  get #arenaLength(): number {
    return this.plan.length + LINE;
  }

  /** The program on this arena, which grows where it is too small. */
  bind(arena: Arena): Bound {
    const present = arena.programs.get(this);
    if (present !== undefined) return present;
    if (arena.memory.length < this.plan.length) {
      const memory = this.#folded ?? uninitialised(this.#arenaLength);
      this.binding.largePages(memory);
      const begin = this.binding.beforeLine(memory);
      arena.memory = memory.subarray(begin, begin + this.plan.length);
      arena.programs = new WeakMap();
    }
    this.#folded = null;
    const own = new Map<Block, Float32Array>();
    const resolve = ({ block, offset, length }: View): Float32Array => {
      if (block.initial === null) {
        const start = (this.plan.offsets.get(block) ?? 0) + offset;
        return arena.memory.subarray(start, start + length);
      }
      if (block.kind === 'constant') return block.initial.subarray(offset, offset + length);
      const memory = own.get(block) ?? block.initial.slice();
      own.set(block, memory);
      return memory.subarray(offset, offset + length);
    };
    const resolved = (arg: unknown): unknown => {
      if (arg instanceof View) return resolve(arg);
      return Array.isArray(arg) ? arg.map(resolved) : arg;
    };
    const calls = this.steps.map(({ operation }, at) => asCall([operation, ...this.#args[at].map(resolved)]));
    const bound = {
      program: this.binding.createProgram(calls),
      input: resolve(this.graph.inputs[0]),
      outputs: this.outputs.map(({ view }) => resolve(view)),
    };
    arena.programs.set(this, bound);
    return bound;
  }

  /** What the runs of this graph give, where it lies after one. */
  get outputs(): readonly Output[] {
    return this.graph.outputs;
  }

  /** Elements of all steps' outputs together, as if none were freed. */
  get made(): number {
    return this.steps.reduce((sum, step) => sum + outputOf(step).length, 0);
  }
}

/** Largest first: where weights are freed one by one, the one that needs the most memory twice then meets the fewest packed. */
function filtersByWeight({ steps }: Graph): [Float32Array, Set<TracedFilter>][] {
  const found = new Map<Float32Array, Set<TracedFilter>>();
  for (const arg of steps.flatMap(({ args }) => args)) {
    if (!(arg instanceof TracedFilter)) continue;
    const own = found.get(arg.weight) ?? new Set();
    found.set(arg.weight, own.add(arg));
  }
  return [...found].sort(([, [a]], [, [b]]) => elementsIn(b) - elementsIn(a));
}

function elementsIn({ conv: { geometry } }: TracedFilter): number {
  const { inChannels, outChannels, groups, kernelSize } = geometry;
  return (inChannels / groups) * outChannels * product(kernelSize);
}

/** The recorder took it from such a call. */
function asCall(call: readonly unknown[]): Call {
  return call as Call;
}
