// Who writes and who reads each block of a graph, by the places of its steps.

import { type Block, type Graph, inputsOf, outputOf, type View } from './graph.js';
import { whole } from './steps.js';

const NOBODY: readonly number[] = [];

export class Uses {
  readonly writers = new Map<Block, number[]>();
  readonly readers = new Map<Block, number[]>();
  /** Blocks of the graph's outputs. */
  readonly kept: ReadonlySet<Block>;

  constructor({ steps, outputs }: Graph) {
    for (let at = 0; at < steps.length; at++) {
      note(this.writers, outputOf(steps[at]).block, at);
      for (const { block } of inputsOf(steps[at])) note(this.readers, block, at);
    }
    this.kept = new Set(outputs.map(({ view }) => view.block));
  }

  writersOf = ({ block }: View): readonly number[] => this.writers.get(block) ?? NOBODY;
  readersOf = ({ block }: View): readonly number[] => this.readers.get(block) ?? NOBODY;

  /** The place of the step that makes all of a block and nothing else of it; -1 where there is none, or it is an output. */
  maker(view: View): number {
    const writers = this.writersOf(view);
    const own = view.block.kind === 'made' && view.block.initial === null && whole(view);
    return own && !this.kept.has(view.block) && writers.length === 1 ? writers[0] : -1;
  }
}

/** Adds a place, which is not before those that are there. */
function note(map: Map<Block, number[]>, block: Block, at: number): void {
  const places = map.get(block);
  if (places === undefined) map.set(block, [at]);
  else if (places[places.length - 1] !== at) places.push(at);
}
