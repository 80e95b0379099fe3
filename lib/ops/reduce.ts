// Sums and means along dimensions. The elements of one sum are taken in logical order whatever the layout: chunks of 256,
// each one chain from +0, and their sums added in order.

import { active } from '../backend/index.js';
import { show, wrongType, wrongValue } from '../errors.js';
import { gradientMemory, gradientTensor, record } from '../tensor/autograd.js';
import { allocateOutput, elementCount, sameShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { Tensor, wrap } from '../tensor/tensor.js';
import { combine, memoryOrder } from './broadcast.js';
import { checkTensor, inLayout, layoutOf, rowMajor } from './inputs.js';
import { flag, knownOptions } from './options.js';
import { permuted } from './permute.js';
import { checkedDimension } from './rearrange.js';
import { traced, tracing } from './trace.js';

export interface ReduceOptions {
  /** The dimension, or dimensions, that are summed; all of them. -1 is the last. */
  dim?: number | readonly number[] | null;
  /** Whether they stay, with size 1; false. */
  keepDim?: boolean;
}

/**
 * The sum of x along `dim`, or of all its elements.
 *
 * @throws RangeError where x has no such dimension.
 * @example
 * ops.sum(Tensor.from([[1, 2], [3, 4]]), { dim: 0 }).toArray(); // [4, 6]
 */
export const sum = (x: Tensor, options?: ReduceOptions): Tensor => reduce('sum', x, options);

/**
 * The mean of x along `dim`, or of all its elements: their sum divided once by their number. NaN of none.
 *
 * @throws RangeError where x has no such dimension.
 * @example
 * ops.mean(Tensor.randn([2, 8, 7, 7]), { dim: [2, 3] }).shape; // [2, 8]
 */
export const mean = (x: Tensor, options?: ReduceOptions): Tensor => reduce('mean', x, options);

function reduce(kind: 'sum' | 'mean', x: Tensor, options: ReduceOptions | undefined): Tensor {
  const { dim, keepDim = false } = knownOptions(options, ['dim', 'keepDim'], kind);
  checkTensor(x, 'x', kind);
  const { shape } = x;
  const summed = dimensions(dim, shape.length, kind);
  const keeps = flag(keepDim, 'keepDim', kind);
  const plan = planned(shape, layoutOf(x), summed);
  const count = shape.reduce((product, size, axis) => (summed[axis] ? product * size : product), 1);
  const kept = shape.map((size, axis) => (summed[axis] ? 1 : size));
  const outputShape = keeps ? kept : shape.filter((_, axis) => !summed[axis]);
  const layout = keptLayout(plan.order, summed, keeps);
  if (tracing()) {
    return traced({ kind: 'other', operation: kind, inputs: [x] }, outputShape, layout).output;
  }
  const y = allocateOutput(outputShape, kind);
  const divisor = kind === 'mean' ? count : 1;
  sumInto(x, plan, divisor, y, kind);
  const output = wrap(y, layout, outputShape);
  const own = layoutOf(x);
  record(output, kind, [x], (upstream) => {
    const gradient = gradientMemory(shape);
    const whole = wrap(rowMajor(upstream, 'now', kind), ROW_MAJOR, kept);
    const [how, scalar] = kind === 'mean' ? (['div', count] as const) : (['add', 0] as const);
    combine(how, whole, Tensor.full([], scalar), shape, own, gradient, kind);
    return [gradientTensor(gradient, own, shape)];
  });
  return output;
}

/** Which dimensions an option names. */
function dimensions(dim: unknown, rank: number, operation: string): boolean[] {
  const all = dim === undefined || dim === null || (Array.isArray(dim) && dim.length === 0);
  if (all) return new Array<boolean>(rank).fill(true);
  if (typeof dim !== 'number' && !Array.isArray(dim)) {
    throw wrongType(operation, `dim must be a number or a list of them, not ${show(dim)}`);
  }
  const summed = new Array<boolean>(rank).fill(false);
  for (const one of [dim].flat()) {
    const axis = checkedDimension(one, rank, 'dim', operation);
    if (summed[axis]) {
      throw wrongValue(operation, `dim ${axis} appears multiple times in the list of dims, ${show(dim)}`);
    }
    if (axis < rank) summed[axis] = true;
  }
  return summed;
}

/** How elements are brought to lie, and where the summed ones are then: [outer, count, inner]. */
interface Plan {
  /** The layout to take them in, or null for the permutation `order`. */
  readonly layout: number | null;
  readonly order: readonly number[];
  readonly outer: number;
  readonly count: number;
  readonly inner: number;
}

function planned(shape: readonly number[], own: number, summed: readonly boolean[]): Plan {
  const rank = shape.length;
  const matters = (axis: number): boolean => shape[axis] !== 1;
  for (const layout of [own, ROW_MAJOR, ...(rank > 2 ? [1] : [])]) {
    const order = memoryOrder(rank, layout);
    // The summed dimensions have to be neighbours in memory, in their logical order
    const places = order.flatMap((axis, place) => (summed[axis] && matters(axis) ? [place] : []));
    const first = places[0] ?? rank;
    const last = places.at(-1) ?? first - 1;
    const between = order.slice(first, last + 1).filter(matters);
    if (between.some((axis, i) => !summed[axis] || (i > 0 && axis < between[i - 1]))) continue;
    const extent = (axes: readonly number[]) => axes.reduce((product, axis) => product * shape[axis], 1);
    const outer = extent(order.slice(0, first));
    const count = extent(order.slice(first, last + 1));
    return { layout, order, outer, count, inner: extent(order.slice(last + 1)) };
  }
  const axes = shape.map((_, axis) => axis);
  const order = [...axes.filter((axis) => !summed[axis]), ...axes.filter((axis) => summed[axis])];
  const extent = (which: boolean) =>
    axes.reduce((product, axis) => (summed[axis] === which ? product * shape[axis] : product), 1);
  return { layout: null, order, outer: extent(false), count: extent(true), inner: 1 };
}

/** Where the channels are last in what is left of an order of dimensions, or ROW_MAJOR. */
function keptLayout(order: readonly number[], summed: readonly boolean[], keeps: boolean): number {
  const left = order.filter((axis) => !summed[axis]);
  const last = left[left.length - 1];
  if (left.length < 2 || last > left[left.length - 2]) return ROW_MAJOR;
  return keeps ? last : left.filter((axis) => axis < last).length;
}

function sumInto(x: Tensor, plan: Plan, divisor: number, y: Float32Array, operation: string): void {
  if (y.length === 0) return;
  const data =
    plan.layout === null
      ? permuted(rowMajor(x, 'now', operation), x.shape, plan.order)
      : inLayout(x, plan.layout, 'now', operation);
  active().sum(data, y, plan.outer, plan.count, plan.inner, divisor);
}

/** The sum of a gradient over the dimensions along which a tensor of `shape` repeated to meet it. */
export function sumTo(gradient: Tensor, shape: readonly number[], operation: string): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient;
  const missing = gradient.shape.length - shape.length;
  const summed = gradient.shape.map(
    (size, axis) => axis < missing || (shape[axis - missing] === 1 && size !== 1),
  );
  const plan = planned(gradient.shape, layoutOf(gradient), summed);
  const y = gradientMemory(shape);
  if (elementCount(gradient.shape) === 0) y.fill(0);
  else sumInto(gradient, plan, 1, y, operation);
  // Of full rank: those that a tensor has not are in front
  const layout = keptLayout(
    plan.order,
    summed.map((own, axis) => own && axis < missing),
    true,
  );
  const own = layout === ROW_MAJOR ? ROW_MAJOR : layout - missing;
  return gradientTensor(y, own, shape);
}
