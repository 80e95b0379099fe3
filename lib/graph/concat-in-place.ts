// Concatenations that need no copies: what makes their parts writes into the joined memory, a position's channels beside
// the other parts' channels. It does so where every part can, and leaves the others alone.

import { type Block, type Graph, inputsOf, type Step, TracedConv, TracedPool, View } from './graph.js';
import { convOf, convStep, isPlainPointwise, same, whole } from './steps.js';
import { Uses } from './uses.js';

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

/** Concatenations without copies, from the last to the first. */
export function concatInPlace(graph: Graph): Graph {
  if (!graph.steps.some(({ operation }) => operation === 'concat')) return graph;
  const plain = withoutTrivial(graph);
  const steps: (Step | null)[] = [...plain.steps];
  const uses = new Uses(plain);
  for (let at = steps.length - 1; at >= 0; at--) {
    const step = steps[at];
    const concat = step === null ? null : concatOf(step);
    if (concat !== null) join(steps, uses, concat, at);
  }
  return { ...plain, steps: steps.filter((step) => step !== null) };
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
    const renamed = aliases.size === 0 ? step : withViews(step, current);
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

/** Makes the concatenation at this place where its parts are made, if that can be. */
function join(steps: (Step | null)[], uses: Uses, { parts, widths, y, rows }: Concat, at: number): void {
  if (y.block.initial !== null || !whole(y) || uses.writersOf(y).length !== 1) return;
  const total = widths.reduce((sum, width) => sum + width, 0);
  const readApart = (reader: number, view: View, width: number): boolean => {
    const step = steps[reader];
    return step !== null && readsApart(step, view, width);
  };

  // Concatenations of the first few parts are the first channels of this one
  const nested = new Set([at]);
  const places = new Map<Block, View>();
  const slice = (offset: number, width: number): View =>
    new View(y.block, y.offset + offset, (rows - 1) * total + width);
  for (const other of uses.readersOf(parts[0])) {
    const step = steps[other];
    const own = step === null ? null : concatOf(step);
    if (own === null || other >= at || own.rows !== rows || uses.maker(own.y) !== other) continue;
    if (!own.parts.every((part, k) => k < parts.length && same(part, parts[k]))) continue;
    const width = own.widths.reduce((sum, each) => sum + each, 0);
    if (!uses.readersOf(own.y).every((reader) => readApart(reader, own.y, width))) continue;
    nested.add(other);
    places.set(own.y.block, slice(0, width));
  }

  let offset = 0;
  const makers: number[] = [];
  for (const [k, part] of parts.entries()) {
    const maker = uses.maker(part);
    const width = widths[k];
    const making = maker < 0 ? null : steps[maker];
    if (making === null || places.has(part.block) || !writesApart(making, rows, width)) return;
    const fits = uses.readersOf(part).every((reader) => nested.has(reader) || readApart(reader, part, width));
    if (!fits) return;
    makers.push(maker);
    places.set(part.block, slice(offset, width));
    offset += width;
  }
  // A step may not read and write the same memory, be it different channels
  const meets = (step: Step | null): boolean =>
    step !== null && inputsOf(step).some(({ block }) => places.has(block));
  if (makers.some((maker) => meets(steps[maker]))) return;

  const readers = new Set(uses.readersOf(y));
  for (const block of places.keys()) for (const reader of uses.readers.get(block) ?? []) readers.add(reader);
  for (const place of nested) {
    steps[place] = null;
    readers.delete(place);
  }
  for (const place of new Set([...makers, ...readers])) {
    const step = steps[place];
    if (step !== null) steps[place] = moved(step, ({ block }) => places.get(block) ?? null, total);
  }
  for (const block of places.keys()) {
    uses.writers.delete(block);
    uses.readers.delete(block);
  }
  const inOrder = (a: number, b: number) => a - b;
  uses.writers.set(y.block, makers.sort(inOrder));
  uses.readers.set(y.block, [...readers].sort(inOrder));
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
