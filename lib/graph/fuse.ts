// Joining neighbours: what all passes have in common that make one step of two.

import { type Graph, inputsOf, outputOf, type Step } from './graph.js';
import { whole } from './steps.js';
import { Uses } from './uses.js';

/** Joins a step with the only one that reads its result: `join` gives the step that does both, or null. */
export function fuse(graph: Graph, join: (first: Step, second: Step) => Step | null): Graph {
  const steps: (Step | null)[] = [...graph.steps];
  const uses = new Uses(graph);
  for (let at = 0; at < steps.length; at++) {
    const first = steps[at];
    if (first === null) continue;
    const y = outputOf(first);
    const reading = uses.readersOf(y);
    if (reading.length !== 1 || uses.writersOf(y).length !== 1) continue;
    if (uses.kept.has(y.block) || !whole(y) || y.block.initial !== null) continue;
    const second = steps[reading[0]];
    const joined = second === null ? null : join(first, second);
    if (joined === null) continue;
    // The later place: what else the second step reads is there by then
    steps[at] = null;
    steps[reading[0]] = joined;
    for (const view of inputsOf(first)) {
      const moved = uses.readersOf(view).map((reader) => (reader === at ? reading[0] : reader));
      uses.readers.set(view.block, moved);
    }
  }
  return { ...graph, steps: steps.filter((step) => step !== null) };
}
