// Padding in every mode, and cropping: each position of the result says where it comes from, dimension by dimension.

import type { PaddingMode, RemapGeometry } from '../../binding.js';
import { active } from '../backend/index.js';
import { duplicate } from '../backend/substitute.js';
import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { allocateOutput, elementCount, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { checkTensor, inLayout, layoutOf, type Mode } from './inputs.js';
import { knownOptions, oneOf, wholeNumber } from './options.js';
import { finished, inOrder, type Prepared, runNow, type Step } from './run.js';
import { traced, tracing } from './trace.js';

export type PadMode = 'constant' | Exclude<PaddingMode, 'zeros'>;

export interface PadOptions {
  /**
   * Either pairs `[begin, end]` for the last dimensions, in their order: `[[top, bottom], [left, right]]`; or PyTorch's flat
   * list, which begins with the last dimension: `[left, right, top, bottom]`. A negative number crops.
   */
  padding: readonly (readonly [number, number])[] | readonly number[];
  /**
   * What the added positions hold; 'constant'. 'reflect' mirrors at the edge, which it leaves out; 'replicate' repeats the
   * edge; 'circular' goes on at the other end.
   */
  mode?: PadMode;
  /** With mode 'constant': the number; 0. */
  value?: number;
}

/** How much is added along each of the last dimensions, and what. */
export interface PadSettings {
  /** [begin, end] of the last dimensions, in their order. */
  readonly pairs: readonly (readonly [number, number])[];
  readonly mode: PadMode;
  readonly value: number;
}

const MODES: readonly PadMode[] = ['constant', 'reflect', 'replicate', 'circular'];
const LEAST = -(2 ** 31);
/** What the engine's 32-bit tables can index. */
const LARGEST = 2 ** 31 - 1;

export function parsePad(options: PadOptions, operation: string): PadSettings {
  const { padding, mode, value } = knownOptions(options, ['padding', 'mode', 'value'], operation);
  const kind = mode === undefined ? 'constant' : oneOf(mode, MODES, 'mode', operation);
  if (value !== undefined) {
    if (typeof value !== 'number') {
      throw wrongType(operation, `value must be a number, not ${show(value)}`);
    }
    if (kind !== 'constant') {
      throw wrongValue(operation, `Padding mode "${kind}" doesn't take in value argument`);
    }
  }
  return { pairs: parsePairs(padding, operation), mode: kind, value: Math.fround(value ?? 0) };
}

function parsePairs(padding: unknown, operation: string): [number, number][] {
  if (padding === undefined) throw wrongType(operation, 'padding is missing');
  const cure = 'give [begin, end] pairs, or the last dimension first: [left, right, top, bottom]';
  if (!Array.isArray(padding)) {
    throw wrongType(operation, `padding must be a list, not ${show(padding)}`, cure);
  }
  const amount = (one: unknown): number =>
    wholeNumber(one, LEAST, 'padding', 'padding is too small', operation);
  if (padding.some(Array.isArray)) {
    return Array.from(padding, (pair: unknown): [number, number] => {
      if (!Array.isArray(pair) || pair.length !== 2) {
        throw wrongValue(operation, `a padding pair is [begin, end], but got padding=${show(padding)}`, cure);
      }
      return [amount(pair[0]), amount(pair[1])];
    });
  }
  if (padding.length % 2 !== 0) {
    throw wrongValue(
      operation,
      `Padding length must be divisible by 2, but got padding=${show(padding)}`,
      cure,
    );
  }
  const pairs: [number, number][] = [];
  for (let i = 0; i < padding.length; i += 2) pairs.unshift([amount(padding[i]), amount(padding[i + 1])]);
  return pairs;
}

/**
 * x with positions added before and after, along its last dimensions; negative numbers take away. Any number of dimensions
 * may be padded, in any mode.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @throws ShapeError where nothing is left, or a mode would need more positions than there are: 'reflect' can add one less
 * than the size, 'circular' the size.
 * @example
 * const x = Tensor.from([[1, 2, 3]]);
 * ops.pad(x, { padding: [2, 1], mode: 'reflect' }).toArray(); // [[3, 2, 1, 2, 3, 2]]
 * ops.pad(x, { padding: [[1, 0], [0, 1]], value: 9 }).toArray(); // [[9, 9, 9, 9], [1, 2, 3, 9]]
 */
export function pad(x: Tensor, options: PadOptions): Tensor {
  return runNow(preparePad(x, parsePad(options, 'pad'), 'now', 'pad'));
}

/** The largest number of dimensions that one remapping treats. */
const AXES = 3;

/** Everything but the computing of padding. */
export function preparePad(x: Tensor, settings: PadSettings, mode: Mode, operation: string): Prepared {
  checkTensor(x, 'x', operation);
  const { pairs } = settings;
  const rank = x.shape.length;
  if (pairs.length > rank) {
    throw wrongShape(
      operation,
      `Padding length should be less than or equal to two times the input dimension but got padding length ${2 * pairs.length} ` +
        `and input of dimension ${rank}`,
    );
  }
  const first = rank - pairs.length;
  const sources = new Map<number, Int32Array>();
  pairs.forEach(([begin, end], i) => {
    if (begin === 0 && end === 0) return;
    sources.set(first + i, sourcesOf(x.shape, first + i, begin, end, settings, operation));
  });
  const shape = x.shape.map((size, axis) => sources.get(axis)?.length ?? size);

  // A channels-last tensor stays so where its channels and batch are left alone.
  const own = layoutOf(x);
  const layout = own !== ROW_MAJOR && [...sources.keys()].every((axis) => axis > own) ? own : ROW_MAJOR;
  if (tracing()) {
    const begin = new Map(pairs.map(([before], i) => [first + i, before]));
    return traced({ kind: 'pad', operation, inputs: [x], sources, begin }, shape, layout);
  }
  let data = inLayout(x, layout, mode, operation);
  if (sources.size === 0) {
    return finished(wrap(duplicate(data), layout, shape));
  }
  if (elementCount(shape) === 0) return finished(wrap(allocateOutput(shape, operation), layout, shape));

  // Each step pads dimensions that lie side by side in memory; those before them are its batch, those after its channels.
  const binding = active();
  const memory = shape.map((_, axis) => axis);
  if (layout !== ROW_MAJOR) memory.push(...memory.splice(layout, 1));
  const sizes = [...x.shape];
  const steps: Step[] = [];
  for (const run of runsOf(memory, sources)) {
    const extents = (places: number[]) => places.reduce((product, axis) => product * sizes[axis], 1);
    const batch = extents(memory.slice(0, run[0]));
    const axes = run.map((place) => memory[place]);
    const missing = new Array<null>(AXES - axes.length).fill(null);
    const [a, b, c] = [...missing, ...axes].map((axis) => ({
      size: axis === null ? 1 : sizes[axis],
      source: (axis === null ? undefined : sources.get(axis)) ?? Int32Array.of(0),
    }));
    const map: RemapGeometry = {
      channels: extents(memory.slice(run[run.length - 1] + 1)),
      inputSize: [a.size, b.size, c.size],
      source: [a.source, b.source, c.source],
      value: settings.value,
    };
    for (const axis of axes) sizes[axis] = shape[axis];
    const from = data;
    const y = allocateOutput(sizes, operation);
    steps.push({
      run: () => binding.remap(map, from, y, batch),
      submit: () => binding.submit('remap', map, from, y, batch),
    });
    data = y;
  }
  return inOrder(wrap(data, layout, shape), steps);
}

/** Places in memory of the dimensions to pad, in runs of up to three neighbours. */
function runsOf(memory: readonly number[], sources: ReadonlyMap<number, Int32Array>): number[][] {
  const runs: number[][] = [];
  memory.forEach((axis, place) => {
    if (!sources.has(axis)) return;
    const last = runs.at(-1);
    if (last !== undefined && last.length < AXES && last[last.length - 1] === place - 1) last.push(place);
    else runs.push([place]);
  });
  return runs;
}

/** Where each position of a padded dimension comes from; -1 for nowhere. */
function sourcesOf(
  shape: readonly number[],
  axis: number,
  begin: number,
  end: number,
  { mode }: PadSettings,
  operation: string,
): Int32Array {
  const size = shape[axis];
  const length = size + begin + end;
  const received = `but got: padding (${begin}, ${end}) at dimension ${axis} of input ${showShape(shape)}`;
  if (length < 0 || (length === 0 && mode !== 'constant')) {
    throw wrongShape(
      operation,
      `The input size ${size}, plus negative padding ${begin} and ${end}, resulted in a negative output size, which is invalid, ${received}`,
    );
  }
  if (length > LARGEST) {
    throw wrongValue(operation, `a padded dimension has at most ${LARGEST} positions, ${received}`);
  }
  const widest = Math.max(begin, end);
  if (mode === 'reflect' && widest > 0 && widest >= size) {
    throw wrongShape(
      operation,
      `Padding size should be less than the corresponding input dimension, ${received}`,
    );
  }
  if (mode === 'circular' && widest > size) {
    throw wrongShape(operation, `Padding value causes wrapping around more than once, ${received}`);
  }
  if (mode === 'replicate' && widest > 0 && size === 0) {
    throw wrongShape(operation, `there is no edge to repeat, ${received}`);
  }
  const sources = new Int32Array(length);
  for (let i = 0; i < length; i++) sources[i] = source(i - begin, size, mode);
  return sources;
}

function source(at: number, size: number, mode: PadMode): number {
  if (at >= 0 && at < size) return at;
  switch (mode) {
    case 'constant':
      return -1;
    case 'reflect':
      return at < 0 ? -at : 2 * (size - 1) - at;
    case 'replicate':
      return at < 0 ? 0 : size - 1;
    case 'circular':
      return at < 0 ? at + size : at - size;
  }
}
