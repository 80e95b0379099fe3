// Concatenations that need no copies: what makes their parts writes into the joined memory, a position's channels beside
// the other parts' channels. It does so where every part can, and leaves the others alone.

import {
  type Block,
  type Graph,
  inputsOf,
  outputOf,
  type Step,
  TracedConv,
  TracedPool,
  View,
} from './graph.js';
import { convOf, convStep, isPlainPointwise, same, whole } from './steps.js';

interface Concat {
  readonly parts: readonly View[];
  readonly widths: readonly number[];
  readonly y: View;
  readonly rows: number;
}

function concatOf({ operation, args: [parts, widths, y, rows] }: Step): Concat | null {
  if (operation !== 'concat' || !Array.isArray(parts) || !Array.isArray(widths)) return null;
  if (!(y instanceof View) || typeof rows !== 'number') return null;
  return { parts, widths, y, rows };
}

/** Who writes and reads each block, by place. */
class Uses {
  readonly writers = new Map<Block, number[]>();
  readonly readers = new Map<Block, number[]>();
  readonly kept: ReadonlySet<Block>;

  constructor(readonly graph: Graph) {
    const note = (map: Map<Block, number[]>, block: Block, at: number) =>
      map.set(block, [...(map.get(block) ?? []), at]);
    graph.steps.forEach((step, at) => {
      note(this.writers, outputOf(step).block, at);
      for (const block of new Set(inputsOf(step).map((view) => view.block))) note(this.readers, block, at);
    });
    this.kept = new Set(graph.outputs.map(({ view }) => view.block));
  }

  /** The place of the step that makes all of a block and nothing else of it; -1 where there is none. */
  maker(view: View): number {
    const writers = this.writers.get(view.block) ?? [];
    const own = view.block.kind === 'made' && view.block.initial === null && whole(view);
    return own && !this.kept.has(view.block) && writers.length === 1 ? writers[0] : -1;
  }

  readersOf = (view: View): readonly number[] => this.readers.get(view.block) ?? [];
}

/** Concatenations without copies, from the last to the first. */
export function concatInPlace(graph: Graph): Graph {
  let result = withoutTrivial(graph);
  for (let at = result.steps.length - 1; at >= 0; at--) {
    const before = result.steps.length;
    result = joinedAt(result, at);
    at -= before - result.steps.length;
  }
  return result;
}

/** One part is what it is joined to, and a concatenation that only another one reads is part of that. */
function withoutTrivial(graph: Graph): Graph {
  const steps: (Step | null)[] = [...graph.steps];
  const uses = new Uses(graph);
  const aliases = new Map<Block, View>();
  const current = (view: View): View => {
    const alias = aliases.get(view.block);
    return alias === undefined ? view : new View(alias.block, alias.offset + view.offset, view.length);
  };
  steps.forEach((step, at) => {
    if (step === null) return;
    const renamed = withViews(step, current);
    steps[at] = renamed;
    const concat = concatOf(renamed);
    if (concat === null) return;
    const inner = concat.parts.map((part) => {
      const maker = uses.maker(part);
      const own = maker < 0 ? null : steps[maker];
      const found = own === null ? null : concatOf(own);
      const alone = uses.readersOf(part).length === 1 && concat.parts.indexOf(part) >= 0;
      return found !== null && found.rows === concat.rows && alone ? { maker, found } : null;
    });
    const parts = concat.parts.flatMap((part, k) => inner[k]?.found.parts ?? [part]);
    const widths = concat.widths.flatMap((width, k) => inner[k]?.found.widths ?? [width]);
    for (const join of inner) if (join !== null) steps[join.maker] = null;
    if (parts.length === 1 && uses.maker(concat.y) === at) {
      aliases.set(concat.y.block, parts[0]);
      steps[at] = null;
    } else steps[at] = { ...renamed, args: [parts, widths, concat.y, concat.rows] };
  });
  const outputs = graph.outputs.map((output) => ({ ...output, view: current(output.view) }));
  return { ...graph, steps: steps.filter((step) => step !== null), outputs };
}

const withViews = (step: Step, replace: (view: View) => View): Step => {
  const replaced = (arg: unknown): unknown => {
    if (arg instanceof View) return replace(arg);
    return Array.isArray(arg) ? arg.map(replaced) : arg;
  };
  return { ...step, args: step.args.map(replaced) };
};

/** The graph with the concatenation at this place, if there is one, made in place, if it can be. */
function joinedAt(graph: Graph, at: number): Graph {
  const concat = concatOf(graph.steps[at]);
  if (concat === null || concat.y.block.initial !== null || !whole(concat.y)) return graph;
  const { parts, widths, y, rows } = concat;
  const uses = new Uses(graph);
  if (uses.writers.get(y.block)?.length !== 1) return graph;
  const total = widths.reduce((sum, width) => sum + width, 0);

  // Concatenations of the first few parts are the first channels of this one
  const nested = new Set([at]);
  const places = new Map<Block, { view: View; width: number }>();
  const slice = (offset: number, width: number): View =>
    new View(y.block, y.offset + offset, (rows - 1) * total + width);
  graph.steps.forEach((step, other) => {
    const own = concatOf(step);
    if (own === null || other >= at || own.rows !== rows || uses.maker(own.y) !== other) return;
    if (!own.parts.every((part, k) => k < parts.length && same(part, parts[k]))) return;
    const width = own.widths.reduce((sum, each) => sum + each, 0);
    if (!uses.readersOf(own.y).every((reader) => readsApart(graph.steps[reader], own.y, width))) return;
    nested.add(other);
    places.set(own.y.block, { view: slice(0, width), width });
  });

  let offset = 0;
  for (const [k, part] of parts.entries()) {
    const maker = uses.maker(part);
    const width = widths[k];
    if (maker < 0 || places.has(part.block) || !writesApart(graph.steps[maker], rows, width)) return graph;
    const fits = uses
      .readersOf(part)
      .every((reader) => nested.has(reader) || readsApart(graph.steps[reader], part, width));
    if (!fits) return graph;
    places.set(part.block, { view: slice(offset, width), width });
    offset += width;
  }

  // A step may not read and write the same memory, be it different channels
  const meets = graph.steps.some(
    (step, place) =>
      !nested.has(place) &&
      places.has(outputOf(step).block) &&
      inputsOf(step).some(({ block }) => places.has(block)),
  );
  if (meets) return graph;

  const steps = graph.steps.map((step, place) =>
    nested.has(place) ? null : moved(step, (view) => places.get(view.block)?.view ?? null, total),
  );
  return { ...graph, steps: steps.filter((step) => step !== null) };
}

/** Whether a step reads all of `view` and can do so where its rows lie apart. */
function readsApart(step: Step, view: View, width: number): boolean {
  const conv = convOf(step);
  if (conv === null || !isPlainPointwise(conv) || !same(conv.x, view)) return false;
  const { inChannels, inputStride } = conv.conv.geometry;
  return inChannels === width && inputStride === undefined && conv.residual?.block !== view.block;
}

/** Whether a step can write its rows apart. */
function writesApart(step: Step, rows: number, width: number): boolean {
  const conv = convOf(step);
  if (conv !== null) {
    const { outChannels, outputLayout, outputStride, outputSize } = conv.conv.geometry;
    const positions = conv.batch * outputSize[0] * outputSize[1] * outputSize[2];
    const free = conv.residual === null && outputStride === undefined && outputLayout === 'channelsLast';
    return free && outChannels === width && positions === rows;
  }
  const [pool, , , batch] = step.args;
  if (!(pool instanceof TracedPool) || typeof batch !== 'number') return false;
  const { channels, outputSize, outputStride } = pool.geometry;
  const positions = batch * outputSize[0] * outputSize[1] * outputSize[2];
  return outputStride === undefined && channels === width && positions === rows;
}

/** The step with what it reads and writes in its new place, rows `stride` elements apart. */
function moved(step: Step, placeOf: (view: View) => View | null, stride: number): Step {
  const conv = convOf(step);
  if (conv !== null) {
    const [x, y] = [placeOf(conv.x), placeOf(conv.y)];
    if (x === null && y === null) return step;
    const geometry = {
      ...conv.conv.geometry,
      ...(x === null ? {} : { inputStride: stride }),
      ...(y === null ? {} : { outputStride: stride }),
    };
    const own = { ...conv, conv: new TracedConv(geometry), x: x ?? conv.x, y: y ?? conv.y };
    return convStep(own, step.path);
  }
  const [pool, x, y, batch] = step.args;
  const to = y instanceof View && pool instanceof TracedPool ? placeOf(y) : null;
  if (to === null || !(pool instanceof TracedPool)) return step;
  const apart = new TracedPool({ ...pool.geometry, outputStride: stride });
  return { ...step, args: [apart, x, to, batch] };
}
