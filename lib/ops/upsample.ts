// Images of another size: each output a weighted sum of the inputs around the place it comes from. It is a sparse matrix
// times the pixels, and its gradient the transposed matrix.

import type { RemapGeometry, Triple } from '../../binding.js';
import { active } from '../backend/index.js';
import { part } from '../backend/substitute.js';
import { show, wrongType, wrongValue } from '../errors.js';
import { gradientMemory, gradientTensor, record, recording } from '../tensor/autograd.js';
import { allocateOutput } from '../tensor/shape.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { channelAxisOf, channelsLast, checkNotEmpty, checkTensor, type Mode } from './inputs.js';
import { flag, knownOptions, oneOf, type PerDimension, perDimension, toTriple } from './options.js';
import { type AxisMode, type ResampledAxis, resampledAxis } from './resample-axis.js';
import { finished, inOrder, type Prepared, runNow, type Step } from './run.js';
import { type SparseMatrix, transposed } from './sparse-matrix.js';
import { traced, tracing } from './trace.js';
import { matrixOf } from './upsample-matrix.js';

/**
 * - `'nearest'`: the input at floor(i * step), as PyTorch has it; `'nearest-exact'`: the one whose centre is nearest
 * - `'linear'` (1-D), `'bilinear'` (2-D), `'trilinear'` (3-D): between the two inputs around it along each dimension
 * - `'bicubic'` (2-D): Keys's cubic convolution of the four around it, a = -0.75
 */
export type UpsampleMode = 'nearest' | 'nearest-exact' | 'linear' | 'bilinear' | 'trilinear' | 'bicubic';

export interface UpsampleOptions {
  /** The output's size along each spatial dimension; this or scaleFactor. */
  size?: PerDimension | null;
  /** Output positions for each input position: sizes are floor(size * scaleFactor). */
  scaleFactor?: number | readonly number[] | null;
  /** 'nearest'. */
  mode?: UpsampleMode;
  /** Whether the corner pixels' centres lie on one another, instead of the image's edges; not for the nearest modes; false. */
  alignCorners?: boolean | null;
}

/** The number of spatial dimensions that a mode is for; null where it serves all. */
const RANKS: Readonly<Record<UpsampleMode, readonly [rank: number | null, axis: AxisMode]>> = {
  nearest: [null, 'nearest'],
  'nearest-exact': [null, 'nearest-exact'],
  linear: [1, 'linear'],
  bilinear: [2, 'linear'],
  trilinear: [3, 'linear'],
  bicubic: [2, 'cubic'],
};

/** Checked options. */
export interface UpsampleSettings {
  readonly size: PerDimension | null;
  readonly scaleFactor: number | readonly number[] | null;
  readonly mode: UpsampleMode;
  readonly alignCorners: boolean;
  /** Instead: whether output i lies at i / scale, as of a sampled signal. ONNX has it so. */
  readonly asymmetric?: boolean;
  /** Instead of a mode: the taps along each spatial dimension, worked out for images of one size. */
  readonly taps?: readonly ResampledAxis[];
}

export function parseUpsample(options: UpsampleOptions | undefined, operation: string): UpsampleSettings {
  const given = knownOptions(options, ['size', 'scaleFactor', 'mode', 'alignCorners'], operation);
  const size = given.size ?? null;
  const scaleFactor = given.scaleFactor ?? null;
  if ((size === null) === (scaleFactor === null)) {
    throw wrongValue(
      operation,
      size === null
        ? 'either size or scaleFactor should be defined'
        : 'only one of size or scaleFactor should be defined',
    );
  }
  for (const factor of scaleFactor === null ? [] : [scaleFactor].flat()) {
    if (typeof factor !== 'number') {
      throw wrongType(operation, `scaleFactor must be a number or a list of them, not ${show(scaleFactor)}`);
    }
    if (!(factor > 0 && factor < 2 ** 31)) {
      throw wrongValue(operation, `scaleFactor must be positive, but got scaleFactor=${show(scaleFactor)}`);
    }
  }
  const mode = oneOf(given.mode ?? 'nearest', Object.keys(RANKS) as UpsampleMode[], 'mode', operation);
  const alignCorners = flag(given.alignCorners ?? false, 'alignCorners', operation);
  if (alignCorners && RANKS[mode][1].startsWith('nearest')) {
    throw wrongValue(
      operation,
      `alignCorners can only be set with a linear or cubic mode, but mode is '${mode}'`,
    );
  }
  return { size, scaleFactor, mode, alignCorners };
}

/**
 * Resizes x [N, C, L], [N, C, H, W] or [N, C, D, H, W] along its spatial dimensions, down as well as up (without
 * antialiasing); PyTorch's `interpolate`.
 *
 * @throws RangeError where a mode is for another number of dimensions.
 * @throws ShapeError where x is no batch of images.
 * @example
 * ops.upsample(Tensor.from([[[1, 3]]]), { scaleFactor: 2, mode: 'linear' }).toArray(); // [[[1, 1.5, 2.5, 3]]]
 */
export function upsample(x: Tensor, options: UpsampleOptions): Tensor {
  return runNow(prepareUpsample(x, parseUpsample(options, 'upsample'), 'now'));
}

/** Everything but the computing of a resizing under checked settings. */
export function prepareUpsample(x: Tensor, settings: UpsampleSettings, mode: Mode): Prepared {
  const operation = 'upsample';
  checkTensor(x, 'x', operation);
  const rank = x.shape.length - 2;
  if (rank < 1 || rank > 3) {
    throw wrongValue(
      operation,
      `input must be 3-D, 4-D or 5-D, but got input of size: [${x.shape.join(', ')}]`,
    );
  }
  const [wanted] = RANKS[settings.mode];
  if (wanted !== null && wanted !== rank && settings.taps === undefined) {
    throw wrongValue(
      operation,
      `mode '${settings.mode}' is for ${wanted} spatial dimension${wanted > 1 ? 's' : ''}, but x [${x.shape.join(', ')}] has ${rank}`,
      `use '${['linear', 'bilinear', 'trilinear'][rank - 1]}' or 'nearest'`,
    );
  }
  const channelAxis = channelAxisOf(x.shape, rank, operation);
  checkNotEmpty(x.shape, channelAxis, operation);
  const resized = resizedSizes(x.shape.slice(2), settings, operation);
  const shape = [x.shape[0], x.shape[1], ...resized];
  if (tracing()) return traced({ kind: 'other', operation, inputs: [x] }, shape, channelAxis);

  const inputSize = toTriple(x.shape.slice(2), 1);
  const outputSize = toTriple(resized, 1);
  const resampling = resamplingOf(settings, inputSize, outputSize, rank);
  const [batch, channels] = x.shape;
  const binding = active();
  const input = channelsLast(x, channelAxis, mode, operation);
  const y = allocateOutput(shape, operation);
  const output = wrap(y, channelAxis, shape);
  if (recording([x])) {
    const inputShape = x.shape;
    record(output, operation, [x], (upstream) => {
      const flowing = channelsLast(upstream, channelAxis, 'now', operation);
      const gradient = gradientMemory(inputShape);
      for (const step of multiplications(resampling.transpose(), flowing, gradient, batch, channels))
        step.run();
      return [gradientTensor(gradient, channelAxis, inputShape)];
    });
  }
  if (batch === 0) return finished(output);
  const { map } = resampling;
  if (map === null) return inOrder(output, multiplications(resampling.matrix(), input, y, batch, channels));
  const geometry: RemapGeometry = { channels, inputSize, source: map, value: 0 };
  return {
    output,
    run: () => binding.remap(geometry, input, y, batch),
    submit: () => binding.submit('remap', geometry, input, y, batch),
  };
}

/** The matrix times each image. */
function multiplications(
  { starts, columns, values }: SparseMatrix,
  x: Float32Array,
  y: Float32Array,
  batch: number,
  channels: number,
): Step[] {
  const binding = active();
  return Array.from({ length: batch }, (_, image) => {
    const from = part(x, (image * x.length) / batch, ((image + 1) * x.length) / batch);
    const to = part(y, (image * y.length) / batch, ((image + 1) * y.length) / batch);
    return {
      run: () => binding.sparse(starts, columns, values, from, to, channels),
      submit: () => binding.submit('sparse', starts, columns, values, from, to, channels),
    };
  });
}

function resizedSizes(input: readonly number[], settings: UpsampleSettings, operation: string): number[] {
  const rank = input.length;
  const { size, scaleFactor } = settings;
  if (size !== null) {
    const limits = { name: 'size', least: 1, law: 'size must be positive', unit: 1 };
    return perDimension(size, rank, limits, operation).slice(3 - rank);
  }
  const factors =
    typeof scaleFactor === 'number' ? new Array<number>(rank).fill(scaleFactor) : (scaleFactor ?? []);
  if (factors.length !== rank) {
    throw wrongValue(
      operation,
      `expected scaleFactor to be a single number or a list of ${rank} numbers, but got scaleFactor=${show(scaleFactor)}`,
    );
  }
  return input.map((extent, axis) => {
    const resized = Math.floor(extent * factors[axis]);
    if (resized >= 1) return resized;
    throw wrongValue(
      operation,
      `an image of size [${input.join(', ')}] times ${show(scaleFactor)} has no pixels`,
    );
  });
}

/** A resizing of images of one size. */
interface Resampling {
  readonly key: string;
  /** Where each output comes from, of the nearest modes. */
  readonly map: readonly [Int32Array, Int32Array, Int32Array] | null;
  matrix(): SparseMatrix;
  transpose(): SparseMatrix;
}

/** Layers keep their settings, so their last few sizes are found by them. */
const resamplings = new WeakMap<UpsampleSettings, Resampling[]>();
const KEPT = 4;

function resamplingOf(settings: UpsampleSettings, input: Triple, output: Triple, rank: number): Resampling {
  const key = `${input.join()}:${output.join()}`;
  const known = resamplings.get(settings) ?? [];
  const found = known.find((one) => one.key === key);
  if (found !== undefined) return found;
  const axis = (place: number): ResampledAxis => {
    const own = settings.taps?.[place - (3 - rank)];
    if (own !== undefined) return own;
    const step = stepOf(settings, input[place], output[place], place - (3 - rank));
    const fromZero = settings.alignCorners || settings.asymmetric === true;
    return resampledAxis(RANKS[settings.mode][1], input[place], output[place], step, fromZero);
  };
  const axes = [axis(0), axis(1), axis(2)] as const;
  let matrix: SparseMatrix | null = null;
  let turned: SparseMatrix | null = null;
  const made: Resampling = {
    key,
    map: settings.mode.startsWith('nearest') ? [axes[0].sources, axes[1].sources, axes[2].sources] : null,
    matrix: () => {
      matrix ??= matrixOf(axes, input);
      return matrix;
    },
    transpose: () => {
      turned ??= transposed(made.matrix(), input[0] * input[1] * input[2]);
      return turned;
    },
  };
  resamplings.set(settings, [made, ...known].slice(0, KEPT));
  return made;
}

/** How far apart outputs lie along a dimension, in inputs; a scale factor counts as it was given. */
function stepOf(
  { scaleFactor, alignCorners }: UpsampleSettings,
  input: number,
  output: number,
  dimension: number,
): number {
  if (alignCorners) return output > 1 ? (input - 1) / (output - 1) : 0;
  const factor = typeof scaleFactor === 'number' ? scaleFactor : scaleFactor?.[dimension];
  return factor === undefined || dimension < 0 ? input / output : 1 / factor;
}
