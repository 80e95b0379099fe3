// Layer normalisation (Ba, Kiros, Hinton 2016): every row by its own mean and variance, each place with a weight of its own.

import { show, wrongShape, wrongType } from '../errors.js';
import { elementCount, sameShape, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import type { Tensor } from '../tensor/tensor.js';
import { NO_ACTIVATION } from './activation.js';
import type { ImageNormCall } from './group-norm.js';
import { checkTensor, type Mode } from './inputs.js';
import { type NormParameters, parseEpsilon } from './norm-options.js';
import { prepareNormalization } from './normalize.js';
import { knownOptions, wholeNumber } from './options.js';
import { type Prepared, runNow, withOutput } from './run.js';
import { traced, tracing } from './trace.js';

export interface LayerNormOptions extends NormParameters {
  /** The sizes of the last dimensions, which are normalised together; a number for the last alone. */
  normalizedShape: number | readonly number[];
  /** Added to the variance; 1e-5. */
  eps?: number;
}

/** Positive sizes, at least one. */
export function parseNormalizedShape(value: unknown, operation: string): readonly number[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) {
    throw wrongType(operation, `normalizedShape must have at least one size, not ${show(value)}`);
  }
  const law = 'the sizes of normalizedShape must be positive';
  return Object.freeze(list.map((size) => wholeNumber(size, 1, 'normalizedShape', law, operation)));
}

/** Weight or bias in the normalised shape, or null. */
function perPlace(value: unknown, name: string, shape: readonly number[], operation: string): Tensor | null {
  if (value === undefined || value === null) return null;
  checkTensor(value, name, operation);
  if (sameShape(value.shape, shape)) return value;
  throw wrongShape(
    operation,
    `Expected ${name} to be of same shape as normalized_shape, but got ${name} of shape ${showShape(value.shape)} and normalized_shape = ${showShape(shape)}`,
  );
}

/**
 * x [..., normalizedShape] with the elements of every row, its last dimensions, brought to mean 0 and variance 1, times weight
 * [normalizedShape], plus bias [normalizedShape].
 *
 * @throws ShapeError where sizes disagree.
 * @example
 * ops.layerNorm(Tensor.from([[1, 3], [10, 30]]), { normalizedShape: 2, eps: 0 }).toArray(); // [[-1, 1], [-1, 1]]
 */
export function layerNorm(x: Tensor, options: LayerNormOptions): Tensor {
  const operation = 'layerNorm';
  const given = knownOptions(options, ['normalizedShape', 'weight', 'bias', 'eps'], operation);
  const shape = parseNormalizedShape(given.normalizedShape, operation);
  const call = {
    weight: perPlace(given.weight, 'weight', shape, operation),
    bias: perPlace(given.bias, 'bias', shape, operation),
    epsilon: parseEpsilon(given.eps, operation),
  };
  return runNow(prepareLayerNorm(x, shape, call, 'now', operation));
}

/** Everything but the computing: group normalisation of images of one position, with the places of a row as channels. */
export function prepareLayerNorm(
  x: Tensor,
  normalizedShape: readonly number[],
  { weight, bias, epsilon }: ImageNormCall,
  mode: Mode,
  operation: string,
): Prepared {
  checkTensor(x, 'x', operation);
  const { shape } = x;
  if (!sameShape(shape.slice(-normalizedShape.length), normalizedShape)) {
    throw wrongShape(
      operation,
      `Given normalized_shape=${showShape(normalizedShape)}, expected input with shape [*, ${normalizedShape.join(', ')}], but got input of size ${showShape(shape)}`,
    );
  }
  if (tracing()) return traced({ kind: 'other', operation, inputs: [x] }, shape, ROW_MAJOR);
  const channels = elementCount(normalizedShape);
  const batch = elementCount(shape.slice(0, shape.length - normalizedShape.length));
  const row = (tensor: Tensor | null) => (tensor === null ? null : flattened(tensor, channels));
  const prepared = prepareNormalization({
    x: x.reshape([batch, channels]),
    channelAxis: 1,
    extent: { batch, positions: 1, channels, groups: 1 },
    weight: row(weight),
    bias: row(bias),
    epsilon,
    residual: null,
    activation: NO_ACTIVATION,
    given: null,
    tell: null,
    mode,
    operation,
  });
  return withOutput(prepared, prepared.output.reshape(shape));
}

const flattened = (tensor: Tensor, count: number): Tensor =>
  tensor.shape.length === 1 ? tensor : tensor.reshape([count]);
