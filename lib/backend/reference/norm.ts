// Reference normalisation: statistics, what they make of each element, and the gradients of both. The steps are those that
// binding.d.ts states.
import type { Activation, NormGeometry } from '../../../binding.js';
import { show, wrongType, wrongValue } from '../../errors.js';
import { relu, relu6 } from '../../numerics/elementary.js';
import { fmaf } from '../../numerics/fmaf.js';
import { type Coefficients, coefficientsOf } from '../../numerics/normalization.js';
import { activationOf } from './activation.js';
import { checkApart, checkCount, checkFloats, countElements, lengthOf, oneOf } from './checks.js';
import type { Work } from './jobs.js';
import { CHUNK } from './sums.js';

const { fround } = Math;

/** Floats that one unit treats one by one. */
const UNIT = 8192;

export function checkNorm(operation: string, norm: NormGeometry): number {
  if (typeof norm !== 'object' || norm === null)
    throw wrongType(operation, `norm must be an object, got ${show(norm)}`);
  checkCount(operation, 'batch', norm.batch, 0);
  checkCount(operation, 'positions', norm.positions, 0);
  checkCount(operation, 'channels', norm.channels, 1);
  checkCount(operation, 'groups', norm.groups, 1);
  if (norm.channels % norm.groups !== 0) throw wrongValue(operation, 'groups must divide channels');
  if (typeof norm.epsilon !== 'number')
    throw wrongType(operation, `epsilon must be a number, got ${show(norm.epsilon)}`);
  oneOf(operation, 'activation', norm.activation, ['none', 'relu', 'relu6']);
  oneOf(operation, 'statistics', norm.statistics, ['own', 'given']);
  return countElements(operation, 'x', [norm.batch, norm.positions, norm.channels]);
}

/** Checks an array that may be null. */
export function checkOptional(operation: string, name: string, value: unknown, length: number): void {
  if (value !== null) checkFloats(operation, name, value, length);
}

type Scalar = (x: number) => number;

/** The elements [begin, end) of channels-last memory whose first one has the given channel. */
function affineRange(
  apply: Scalar | null,
  x: Float32Array,
  coefficients: Coefficients,
  from: number,
  channels: number,
  residual: Float32Array | null,
  y: Float32Array,
  begin: number,
  end: number,
): void {
  const { scale, shift } = coefficients;
  for (let i = begin; i < end; i++) {
    const c = from + (i % channels);
    const v = fround(fmaf(x[i], scale[c], shift[c]) + (residual === null ? 0 : residual[i]));
    y[i] = apply === null ? v : apply(v);
  }
}

export function affineWork(
  activation: Activation,
  x: Float32Array,
  scale: Float32Array,
  shift: Float32Array,
  residual: Float32Array | null,
  y: Float32Array,
): Work {
  const operation = 'affine';
  const apply = activationOf(operation, activation);
  const channels = lengthOf(operation, 'scale', scale);
  if (channels === 0) throw wrongValue(operation, 'scale must have elements');
  const length = lengthOf(operation, 'x', x);
  checkFloats(operation, 'x', x, Math.floor(length / channels) * channels);
  checkFloats(operation, 'shift', shift, channels);
  checkOptional(operation, 'residual', residual, length);
  checkFloats(operation, 'y', y, length);
  checkApart(operation, y, residual === null ? [x] : [x, residual], 'same memory');
  checkApart(operation, y, [scale, shift], 'none');
  return {
    units: Math.ceil(length / UNIT),
    run: (begin, end) =>
      affineRange(
        apply,
        x,
        { scale, shift },
        0,
        channels,
        residual,
        y,
        begin * UNIT,
        Math.min(end * UNIT, length),
      ),
  };
}

/** The three numbers of every image, chunk and channel. */
interface Partials {
  readonly mean: Float32Array;
  readonly error: Float32Array;
  readonly squares: Float32Array;
}

/** One chunk of one image, given by its number over all images. */
function momentsOfChunk(norm: NormGeometry, x: Float32Array, chunk: number, partials: Partials): void {
  const { positions, channels } = norm;
  const chunks = Math.ceil(positions / CHUNK);
  const first = (chunk % chunks) * CHUNK;
  const rows = Math.min(CHUNK, positions - first);
  const from = (Math.floor(chunk / chunks) * positions + first) * channels;
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let r = 0; r < rows; r++) sum = fround(sum + x[from + r * channels + c]);
    const mean = fround(sum / rows);
    let error = 0;
    let squares = 0;
    for (let r = 0; r < rows; r++) {
      const d = fround(x[from + r * channels + c] - mean);
      error = fround(error + d);
      squares = fmaf(d, d, squares);
    }
    partials.mean[chunk * channels + c] = mean;
    partials.error[chunk * channels + c] = error;
    partials.squares[chunk * channels + c] = squares;
  }
}

/** All in float64. */
function combine(
  norm: NormGeometry,
  partials: Partials,
  own: number,
  mean: Float32Array,
  variance: Float32Array,
): void {
  const { positions, channels, groups } = norm;
  const chunks = Math.ceil(positions / CHUNK);
  const width = channels / groups;
  const each = (visit: (rows: number, i: number) => void): void => {
    for (let chunk = 0; chunk < chunks; chunk++) {
      const rows = Math.min(CHUNK, positions - chunk * CHUNK);
      const first = (Math.floor(own / groups) * chunks + chunk) * channels + (own % groups) * width;
      for (let i = first; i < first + width; i++) visit(rows, i);
    }
  };
  const count = positions * width;
  let total = 0;
  each((rows, i) => {
    total += rows * partials.mean[i] + partials.error[i];
  });
  const middle = total / count;
  let squares = 0;
  each((rows, i) => {
    const error = partials.error[i];
    const own = error * (1 / rows);
    const apart = partials.mean[i] + own - middle;
    squares += partials.squares[i] - error * own + rows * apart * apart;
  });
  const spread = squares / count;
  mean[own] = middle;
  // biome-ignore lint/complexity/useMathMinMax: Math.max gives +0 for -0, where this and C++ give -0
  variance[own] = spread < 0 ? 0 : spread;
}

export function normalizeWork(
  norm: NormGeometry,
  x: Float32Array,
  weight: Float32Array | null,
  bias: Float32Array | null,
  residual: Float32Array | null,
  y: Float32Array,
  meanOrNull: Float32Array | null,
  varianceOrNull: Float32Array | null,
): Work {
  const operation = 'normalize';
  const length = checkNorm(operation, norm);
  if (norm.statistics === 'given')
    throw wrongValue(operation, 'given statistics normalise by affine, not by normalize');
  const { batch, positions, channels, groups } = norm;
  checkFloats(operation, 'x', x, length);
  checkOptional(operation, 'weight', weight, channels);
  checkOptional(operation, 'bias', bias, channels);
  checkOptional(operation, 'residual', residual, length);
  checkFloats(operation, 'y', y, length);
  checkOptional(operation, 'mean', meanOrNull, batch * groups);
  checkOptional(operation, 'variance', varianceOrNull, batch * groups);
  const mean = meanOrNull ?? new Float32Array(batch * groups);
  const variance = varianceOrNull ?? new Float32Array(batch * groups);
  const inputs = [x, weight, bias, residual].filter((array) => array !== null);
  checkApart(operation, y, [...inputs, mean, variance], 'none');
  checkApart(operation, mean, [...inputs, variance], 'none');
  checkApart(operation, variance, inputs, 'none');
  if (length === 0) {
    return {
      units: 1,
      run() {
        mean.fill(0);
        variance.fill(0);
      },
    };
  }

  // Units in order: the chunks, then everything that all of them settle, then the images by pieces
  const chunks = batch * Math.ceil(positions / CHUNK);
  const partials: Partials = {
    mean: new Float32Array(chunks * channels),
    error: new Float32Array(chunks * channels),
    squares: new Float32Array(chunks * channels),
  };
  const apply = { none: null, relu, relu6 }[norm.activation];
  const image = positions * channels;
  const pieces = Math.ceil(image / UNIT);
  let coefficients: Coefficients | undefined;
  return {
    units: chunks + 1 + batch * pieces,
    run(begin, end) {
      for (let unit = begin; unit < end; unit++) {
        if (unit < chunks) momentsOfChunk(norm, x, unit, partials);
        else if (unit === chunks) {
          for (let own = 0; own < batch * groups; own++) combine(norm, partials, own, mean, variance);
          coefficients = coefficientsOf(norm, weight, bias, mean, variance);
        } else if (coefficients !== undefined) {
          const piece = unit - chunks - 1;
          const own = Math.floor(piece / pieces);
          const first = own * image + (piece % pieces) * UNIT;
          const last = Math.min(first + UNIT, (own + 1) * image);
          affineRange(apply, x, coefficients, own * channels, channels, residual, y, first, last);
        }
      }
    },
  };
}
