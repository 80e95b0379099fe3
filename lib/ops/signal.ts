// Convolution and correlation of signals and images with one kernel, as signal processing means them: no channels, no
// batch, and modes for what happens at the edges.

import { wrongShape } from '../errors.js';
import { recording } from '../tensor/autograd.js';
import { elementCount, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { logicalArray, storageOf, type Tensor, wrap } from '../tensor/tensor.js';
import { prepareConv } from './conv.js';
import { type ConvSettings, type PaddingRule, parseConvOptions } from './conv-options.js';
import { checkTensor } from './inputs.js';
import { knownOptions, oneOf, toTriple } from './options.js';
import { runNow } from './run.js';
import { prepareFlip } from './slice.js';

/**
 * How much of the result to give, for a signal of size n and a kernel of size k:
 * - `'full'`: every position where they overlap, n + k - 1
 * - `'same'`: the middle n of those, as NumPy and SciPy choose it for an even k too
 * - `'valid'`: those where the kernel lies wholly inside, n - k + 1
 */
export type OverlapMode = 'full' | 'same' | 'valid';

export interface OverlapOptions {
  /** 'full', unless given. */
  mode?: OverlapMode;
}

const MODES: readonly OverlapMode[] = ['full', 'same', 'valid'];

/**
 * True convolution, of signals: x [..., n] and kernel [k] give y[i] = sum over j of kernel[j] * x[i - j]. The kernel is
 * flipped, which is what makes it commutative and associative, and the response to an impulse the kernel itself. Layers
 * called convolutions do not flip (see {@link correlate1d}): for learned weights it makes no difference, for a given filter
 * it does wherever the filter is not symmetric. Leading dimensions of x are signals of their own.
 *
 * @throws ShapeError where the kernel is no vector, or with 'valid' longer than the signal.
 * @example
 * ops.convolve1d(Tensor.from([0, 0, 1, 0, 0]), Tensor.from([1, 2, 3]), { mode: 'same' }).toArray(); // [0, 1, 2, 3, 0]
 */
export const convolve1d = (x: Tensor, kernel: Tensor, options?: OverlapOptions): Tensor =>
  overlap(x, kernel, options, 1, true, 'convolve1d');

/**
 * True convolution, of images: x [..., H, W] and kernel [h, w] give
 * y[i, j] = sum over a and b of kernel[a, b] * x[i - a, j - b]; the kernel is flipped both ways. An edge detector such as
 * Sobel's changes the sign of its answer between this and {@link correlate2d}; a Gaussian blur, being symmetric, does not
 * tell them apart. Leading dimensions of x are images of their own.
 *
 * @throws ShapeError where the kernel is no matrix, or with 'valid' larger than the image.
 * @example
 * const x = Tensor.from([[1, 2, 3], [4, 5, 6], [7, 8, 9]]);
 * ops.convolve2d(x, Tensor.from([[1, 0], [0, -1]]), { mode: 'valid' }).toArray(); // [[4, 4], [4, 4]]
 */
export const convolve2d = (x: Tensor, kernel: Tensor, options?: OverlapOptions): Tensor =>
  overlap(x, kernel, options, 2, true, 'convolve2d');

/**
 * Cross-correlation, of signals: x [..., n] and kernel [k] give y[i] = sum over j of kernel[j] * x[i + j], the kernel as it
 * is: how well it matches the signal at each place, and what "convolution" layers compute. With 'full', i begins at -(k - 1).
 *
 * @throws ShapeError where the kernel is no vector, or with 'valid' longer than the signal.
 * @example
 * ops.correlate1d(Tensor.from([0, 0, 1, 0, 0]), Tensor.from([1, 2, 3]), { mode: 'same' }).toArray(); // [0, 3, 2, 1, 0]
 */
export const correlate1d = (x: Tensor, kernel: Tensor, options?: OverlapOptions): Tensor =>
  overlap(x, kernel, options, 1, false, 'correlate1d');

/**
 * Cross-correlation, of images: x [..., H, W] and kernel [h, w] give
 * y[i, j] = sum over a and b of kernel[a, b] * x[i + a, j + b], the kernel as it is: what "convolution" layers compute.
 *
 * @throws ShapeError where the kernel is no matrix, or with 'valid' larger than the image.
 * @example
 * const x = Tensor.from([[1, 2, 3], [4, 5, 6], [7, 8, 9]]);
 * ops.correlate2d(x, Tensor.from([[1, 0], [0, -1]]), { mode: 'valid' }).toArray(); // [[-4, -4], [-4, -4]]
 */
export const correlate2d = (x: Tensor, kernel: Tensor, options?: OverlapOptions): Tensor =>
  overlap(x, kernel, options, 2, false, 'correlate2d');

function overlap(
  x: Tensor,
  kernel: Tensor,
  options: OverlapOptions | undefined,
  rank: number,
  flip: boolean,
  operation: string,
): Tensor {
  const { mode } = knownOptions(options, ['mode'], operation);
  const overlapMode = mode === undefined ? 'full' : oneOf(mode, MODES, 'mode', operation);
  checkTensor(x, 'x', operation);
  checkTensor(kernel, 'kernel', operation);
  const what = rank === 1 ? 'one-dimensional' : 'two-dimensional';
  if (kernel.shape.length !== rank || kernel.shape.includes(0)) {
    throw wrongShape(
      operation,
      `kernel must be ${what} and not empty, but got kernel of size: ${showShape(kernel.shape)}`,
    );
  }
  const leading = x.shape.slice(0, Math.max(0, x.shape.length - rank));
  const sizes = x.shape.slice(leading.length);
  if (sizes.length < rank || sizes.includes(0)) {
    throw wrongShape(
      operation,
      `x must be at least ${what} and not empty, but got input of size: ${showShape(x.shape)}`,
    );
  }
  if (overlapMode === 'valid' && sizes.some((size, axis) => size < kernel.shape[axis])) {
    throw wrongShape(
      operation,
      `with mode 'valid' the kernel must fit into x, but got kernel ${showShape(kernel.shape)} and x ${showShape(x.shape)}`,
      "use mode 'same' or 'full'",
    );
  }
  const settings = settingsOf(kernel.shape, overlapMode, operation);
  const image = x.reshape([elementCount(leading), 1, ...sizes]);
  const y = runNow(prepareConv(image, filterOf(kernel, flip), null, settings, 'now', operation));
  return y.reshape([...leading, ...y.shape.slice(2)]);
}

/** A convolution of one channel whose padding gives the mode's positions. */
function settingsOf(kernel: readonly number[], mode: OverlapMode, operation: string): ConvSettings {
  const begin = kernel.map((size) => ({ full: size - 1, same: Math.floor(size / 2), valid: 0 })[mode]);
  const end = mode === 'same' ? kernel.map((size, axis) => size - 1 - begin[axis]) : begin;
  const padding: PaddingRule = { rule: 'explicit', begin: toTriple(begin, 0), end: toTriple(end, 0) };
  return { ...parseConvOptions({}, kernel.length, operation), padding };
}

interface KnownFilter {
  version: number;
  weight: Tensor;
}

/**
 * Kernels as weights of one channel, as they are and flipped: kept, so that packing them is too. One that is being learned
 * changes from step to step.
 */
const asTheyAre = new WeakMap<Tensor, KnownFilter>();
const flipped = new WeakMap<Tensor, KnownFilter>();

function filterOf(kernel: Tensor, flip: boolean): Tensor {
  if (recording([kernel])) {
    const axes = kernel.shape.map((_, axis) => axis);
    const turned = flip ? runNow(prepareFlip(kernel, axes, 'now', 'convolve')) : kernel;
    return turned.reshape([1, 1, ...kernel.shape]);
  }
  const kept = flip ? flipped : asTheyAre;
  const { version } = storageOf(kernel);
  const known = kept.get(kernel);
  if (known?.version === version) return known.weight;
  const data = logicalArray(kernel, 'convolve').slice();
  if (flip) data.reverse();
  const weight = wrap(data, ROW_MAJOR, [1, 1, ...kernel.shape]);
  kept.set(kernel, { version, weight });
  return weight;
}
