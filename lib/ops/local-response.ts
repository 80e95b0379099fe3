// Local response normalisation (Krizhevsky, Sutskever, Hinton 2012): each element over a power of what its neighbouring
// channels hold.

import type { LocalResponse } from '../../binding.js';
import { active } from '../backend/index.js';
import { wrongShape } from '../errors.js';
import { gradientMemory, gradientTensor, record, recording, save } from '../tensor/autograd.js';
import { allocateOutput, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { checkTensor, inLayout, type Mode } from './inputs.js';
import { nonNegative } from './norm-options.js';
import { knownOptions, wholeNumber } from './options.js';
import { finished, type Prepared, runNow } from './run.js';
import { traced, tracing } from './trace.js';

export interface LocalResponseOptions {
  /** 1e-4. */
  alpha?: number;
  /** The exponent; 0.75. */
  beta?: number;
  /** What is added to the mean of squares; 1. */
  k?: number;
}

export interface LocalResponseNormOptions extends LocalResponseOptions {
  /** How many neighbouring channels are looked at. */
  size: number;
}

/** All but the number of channels. */
export type ResponseSettings = Omit<LocalResponse, 'channels'>;

export function parseLocalResponse(
  size: unknown,
  options: LocalResponseOptions | undefined,
  operation: string,
): ResponseSettings {
  const { alpha, beta, k } = knownOptions(options, ['alpha', 'beta', 'k'], operation);
  return {
    size: wholeNumber(size, 1, 'size', 'size must be a positive integer', operation),
    alpha: nonNegative(alpha, 'alpha', 1e-4, operation),
    beta: nonNegative(beta, 'beta', 0.75, operation),
    k: nonNegative(k, 'k', 1, operation),
  };
}

/**
 * x [N, C, ...] over (k + alpha * m)^beta, where m is the sum of the squares of `size` neighbouring channels at the same
 * position (from floor(size / 2) before on, zeros beyond the ends) divided by `size`.
 *
 * @throws ShapeError where x has fewer than three dimensions.
 * @example
 * ops.localResponseNorm(Tensor.from([[[3], [4]]]), { size: 1, alpha: 1, beta: 0.5, k: 0 }).toArray(); // [[[1], [1]]]
 */
export function localResponseNorm(x: Tensor, options: LocalResponseNormOptions): Tensor {
  const operation = 'localResponseNorm';
  const { size, ...rest } = knownOptions(options, ['size', 'alpha', 'beta', 'k'], operation);
  return runNow(prepareLocalResponse(x, parseLocalResponse(size, rest, operation), 'now', operation));
}

export function prepareLocalResponse(
  x: Tensor,
  settings: ResponseSettings,
  mode: Mode,
  operation: string,
): Prepared {
  checkTensor(x, 'x', operation);
  const { shape } = x;
  if (shape.length < 3 || shape[1] === 0) {
    throw wrongShape(
      operation,
      `Expected 3D or higher dimensionality input (got ${shape.length} dimensions), with channels, but got input of size: ${showShape(shape)}`,
    );
  }
  if (tracing()) return traced({ kind: 'pointwise', operation, inputs: [x] }, shape, 1);
  const binding = active();
  const response: LocalResponse = { channels: shape[1], ...settings };
  const y = allocateOutput(shape, operation);
  const output = wrap(y, 1, shape);
  if (recording([x])) {
    const saved = save(x);
    record(output, operation, [x], (upstream) => {
      const gradient = gradientMemory(shape);
      const values = inLayout(saved(), 1, 'now', operation);
      if (gradient.length > 0) {
        active().localResponseGradient(response, values, inLayout(upstream, 1, 'now', operation), gradient);
      }
      return [gradientTensor(gradient, gradient.length > 0 ? 1 : ROW_MAJOR, shape)];
    });
  }
  if (y.length === 0) return finished(output);
  const input = inLayout(x, 1, mode, operation);
  return {
    output,
    run: () => binding.localResponse(response, input, y),
    submit: () => binding.submit('localResponse', response, input, y),
  };
}
