// What compile() does to a graph. Each pass is named, takes a graph and gives another that computes the same; only
// foldBatchNorm computes it to other bits.

import type { Activation, ConvGeometry } from '../../binding.js';
import { exactAffine } from '../ops/exact-affine.js';
import { type Graph, inputsOf, outputOf, type Step, TracedConv, TracedFilter, View } from './graph.js';

/** A convolution step's arguments by name. */
interface ConvStep {
  readonly conv: TracedConv;
  readonly filter: TracedFilter;
  readonly x: View;
  readonly y: View;
  readonly batch: unknown;
  readonly residual: View | null;
}

/** A step's convolution; null where it is none. */
export function convOf(step: Step): ConvStep | null {
  const [conv, filter, x, y, batch, residual = null] = step.args;
  if (step.operation !== 'conv' || !(conv instanceof TracedConv) || !(filter instanceof TracedFilter))
    return null;
  if (!(x instanceof View) || !(y instanceof View)) return null;
  return { conv, filter, x, y, batch, residual: residual instanceof View ? residual : null };
}

function convStep({ conv, filter, x, y, batch, residual }: ConvStep, path: string): Step {
  const args = [conv, filter, x, y, batch];
  return { operation: 'conv', args: residual === null ? args : [...args, residual], path };
}

const isActivation = (value: unknown): value is Activation =>
  typeof value === 'object' && value !== null && 'negativeSlope' in value;

/** The activation of a step that is nothing else. */
export function activationOf({ operation, args }: Step): Activation | null {
  const [value] = args;
  return operation === 'activate' && isActivation(value) ? value : null;
}

const whole = (view: View): boolean => view.offset === 0 && view.length === view.block.length;
const same = (a: unknown, b: View): boolean =>
  a instanceof View && a.block === b.block && a.offset === b.offset && a.length === b.length;

/** Joins a step with the only one that reads its result: `join` gives the step that does both, or null. */
function fuse(graph: Graph, join: (first: Step, second: Step) => Step | null): Graph {
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

const settled = (geometry: ConvGeometry, activation: Activation): TracedConv =>
  new TracedConv({ ...geometry, activation });

/** A convolution whose result is added to something else: it starts from there, when it is done with its taps. */
export const fuseResidual = (graph: Graph): Graph =>
  fuse(graph, (first, second) => {
    const conv = convOf(first);
    if (conv === null || conv.residual !== null || conv.conv.geometry.activation.kind !== 'none') return null;
    const [kind, a, b] = second.args;
    if (second.operation !== 'binary' || kind !== 'add') return null;
    const other = same(a, conv.y) ? b : a;
    if (!(other instanceof View) || same(other, conv.y)) return null;
    return convStep({ ...conv, y: outputOf(second), residual: other }, first.path);
  });

/** A convolution and the activation of its result. */
export const fuseActivation = (graph: Graph): Graph =>
  fuse(graph, (first, second) => {
    const conv = convOf(first);
    if (conv === null || conv.conv.geometry.activation.kind !== 'none') return null;
    const activation = activationOf(second);
    if (activation === null) return null;
    const active = settled(conv.conv.geometry, activation);
    return convStep({ ...conv, conv: active, y: outputOf(second) }, first.path);
  });

/** A convolution and the batch normalisation of its result by running statistics: one with other weights. */
export const foldBatchNorm = (graph: Graph): Graph =>
  fuse(graph, (first, second) => {
    const conv = convOf(first);
    if (conv === null || conv.residual !== null || conv.conv.geometry.activation.kind !== 'none') return null;
    const [activation, x, scale, , residual] = second.args;
    if (second.operation !== 'affine' || !isActivation(activation) || !same(x, conv.y)) return null;
    if (!(scale instanceof View) || scale.block.source === null) return null;
    const exact = exactAffine(scale.block.source);
    if (exact === undefined || exact.scale.length !== conv.conv.geometry.outChannels) return null;
    const { weight, bias } = conv.filter;
    return convStep(
      {
        ...conv,
        conv: settled(conv.conv.geometry, activation),
        filter: new TracedFilter(conv.filter.conv, weight, bias, exact),
        y: outputOf(second),
        residual: residual instanceof View ? residual : null,
      },
      first.path,
    );
  });

/** All passes in their order. */
export function passes(graph: Graph, folding: boolean): Graph {
  return fuseActivation(fuseResidual(folding ? foldBatchNorm(graph) : graph));
}
