// Positions moved: every position of a result says, dimension by dimension, which one of the input it shows, or none.
// Padding, cropping, slicing and turning round are such maps; a gradient goes back to where its position came from.

import type { RemapGeometry } from '../../binding.js';
import { active } from '../backend/index.js';
import { recycle } from '../backend/recycled.js';
import { duplicate } from '../backend/substitute.js';
import { gradientMemory, gradientTensor, record } from '../tensor/autograd.js';
import { allocateOutput, elementCount } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { memoryOrder } from './broadcast.js';
import { inLayout, layoutOf, type Mode } from './inputs.js';
import { finished, inOrder, type Prepared, type Step } from './run.js';

/** For some dimensions, which position of the input each of the result's shows; -1: none, it holds `value`. */
export type Sources = ReadonlyMap<number, Int32Array>;

/** The largest number of dimensions that one call remaps. */
const AXES = 3;

export function remappedShape(shape: readonly number[], sources: Sources): number[] {
  return shape.map((size, axis) => sources.get(axis)?.length ?? size);
}

/** A channels-last tensor stays so where its batch is left alone. */
export function remappedLayout(x: Tensor, sources: Sources): number {
  const own = layoutOf(x);
  return own !== ROW_MAJOR && [...sources.keys()].every((axis) => axis >= own) ? own : ROW_MAJOR;
}

/** One call of the backend: dimensions that lie side by side; those before them are its batch, those after its channels. */
interface Part {
  readonly map: RemapGeometry;
  readonly batch: number;
  /** Elements that it reads, and that it writes. */
  readonly from: number;
  readonly to: number;
}

/** Everything but the moving. */
export function prepareRemap(
  x: Tensor,
  sources: Sources,
  value: number,
  mode: Mode,
  operation: string,
): Prepared {
  const shape = remappedShape(x.shape, sources);
  const layout = remappedLayout(x, sources);
  let data = inLayout(x, layout, mode, operation);
  if (sources.size === 0) {
    const copy = wrap(duplicate(data), layout, shape);
    record(copy, operation, [x], (upstream) => [upstream]);
    return finished(copy);
  }
  const parts = partsOf(x.shape, sources, layout, value);
  const binding = active();
  const steps: Step[] = [];
  const empty = elementCount(shape) === 0;
  for (const { map, batch, to } of empty ? [] : parts) {
    const from = data;
    const y = allocateOutput([to], operation);
    steps.push({
      run: () => binding.remap(map, from, y, batch),
      submit: () => binding.submit('remap', map, from, y, batch),
    });
    data = y;
  }
  const output = wrap(empty ? allocateOutput(shape, operation) : data, layout, shape);
  const inputShape = x.shape;
  record(output, operation, [x], (upstream) => {
    const gradient = gradientOf(
      parts,
      inLayout(upstream, layout, 'now', operation),
      elementCount(inputShape),
    );
    return [gradientTensor(gradient, layout, inputShape)];
  });
  return empty ? finished(output) : inOrder(output, steps);
}

function gradientOf(
  parts: readonly Part[],
  upstream: Float32Array,
  length: number,
): Float32Array<ArrayBuffer> {
  if (upstream.length === 0) return gradientMemory([length]).fill(0);
  let from = upstream;
  let gradient = gradientMemory([0]);
  for (const { map, batch, from: elements } of parts.toReversed()) {
    gradient = gradientMemory([elements]);
    active().remapGradient(map, from, gradient, batch);
    if (from !== upstream) recycle(from);
    from = gradient;
  }
  return gradient;
}

function partsOf(shape: readonly number[], sources: Sources, layout: number, value: number): Part[] {
  const order = memoryOrder(shape.length, layout);
  const sizes = [...shape];
  return runsOf(order, sources).map((run) => {
    const extent = (places: number[]) => places.reduce((product, axis) => product * sizes[axis], 1);
    const batch = extent(order.slice(0, run[0]));
    const from = extent(order);
    const axes = run.map((place) => order[place]);
    const missing = new Array<null>(AXES - axes.length).fill(null);
    const [a, b, c] = [...missing, ...axes].map((axis) => ({
      size: axis === null ? 1 : sizes[axis],
      source: (axis === null ? undefined : sources.get(axis)) ?? Int32Array.of(0),
    }));
    const map: RemapGeometry = {
      channels: extent(order.slice(run[run.length - 1] + 1)),
      inputSize: [a.size, b.size, c.size],
      source: [a.source, b.source, c.source],
      value,
    };
    for (const axis of axes) sizes[axis] = sources.get(axis)?.length ?? sizes[axis];
    return { map, batch, from, to: extent(order) };
  });
}

/** Places in memory of the dimensions to remap, in runs of up to three neighbours. */
function runsOf(order: readonly number[], sources: Sources): number[][] {
  const runs: number[][] = [];
  order.forEach((axis, place) => {
    if (!sources.has(axis)) return;
    const last = runs.at(-1);
    if (last !== undefined && last.length < AXES && last[last.length - 1] === place - 1) last.push(place);
    else runs.push([place]);
  });
  return runs;
}
