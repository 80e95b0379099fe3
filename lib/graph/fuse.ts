// Joining neighbours: what all passes have in common that make one step of two.

import { type Graph, inputsOf, outputOf, type Step } from './graph.js';
import { whole } from './steps.js';

/** Joins a step with the only one that reads its result: `join` gives the step that does both, or null. */
export function fuse(graph: Graph, join: (first: Step, second: Step) => Step | null): Graph {
  const steps: (Step | null)[] = [...graph.steps];
  const kept = new Set(graph.outputs.map(({ view }) => view.block));
  const writers = new Map<unknown, number[]>();
  const readers = new Map<unknown, number[]>();
  const note = (map: Map<unknown, number[]>, key: unknown, at: number) =>
    map.set(key, [...(map.get(key) ?? []), at]);
  graph.steps.forEach((step, at) => {
    note(writers, outputOf(step).block, at);
    for (const block of new Set(inputsOf(step).map((view) => view.block))) note(readers, block, at);
  });
  for (let at = 0; at < steps.length; at++) {
    const first = steps[at];
    if (first === null) continue;
    const y = outputOf(first);
    const reading = readers.get(y.block) ?? [];
    if (kept.has(y.block) || !whole(y) || y.block.initial !== null) continue;
    if (reading.length !== 1 || writers.get(y.block)?.length !== 1) continue;
    const second = steps[reading[0]];
    const joined = second === null ? null : join(first, second);
    if (joined === null) continue;
    // The later place: what else the second step reads is there by then
    steps[at] = null;
    steps[reading[0]] = joined;
    for (const { block } of inputsOf(first)) {
      readers.set(
        block,
        (readers.get(block) ?? []).map((reader) => (reader === at ? reading[0] : reader)),
      );
    }
  }
  return { ...graph, steps: steps.filter((step) => step !== null) };
}
