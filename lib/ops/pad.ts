// Padding in every mode, and cropping: each position of the result says where it comes from, dimension by dimension.

import type { PaddingMode } from '../../binding.js';
import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkTensor, type Mode } from './inputs.js';
import { knownOptions, oneOf, wholeNumber } from './options.js';
import { shownPosition } from './padding-source.js';
import { prepareRemap, remappedLayout, remappedShape } from './remap.js';
import { type Prepared, runNow } from './run.js';
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
  if (tracing()) {
    const begin = new Map(pairs.map(([before], i) => [first + i, before]));
    const step = { kind: 'pad', operation, inputs: [x], sources, begin } as const;
    return traced(step, remappedShape(x.shape, sources), remappedLayout(x, sources));
  }
  return prepareRemap(x, sources, settings.value, mode, operation);
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
  const shows = mode === 'constant' ? 'zeros' : mode;
  for (let i = 0; i < length; i++) sources[i] = shownPosition(i - begin, size, shows);
  return sources;
}
