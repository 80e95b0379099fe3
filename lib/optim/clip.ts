// Gradients made shorter where they are too long.

import { active } from '../backend/index.js';
import { show, wrongType, wrongValue } from '../errors.js';
import { mutate } from '../tensor/autograd.js';
import { gradOf, logicalArray, Tensor } from '../tensor/tensor.js';

/**
 * Scales all gradients by one factor where their norm, as if they were one vector, is above `maxNorm`: by maxNorm /
 * (norm + 1e-6). Gives the norm as it was. The squares of each gradient are summed in float32 as the contract's sumSquares
 * says, those sums in float64 in the order of the parameters.
 *
 * @throws RangeError where the norm is NaN or infinite, or maxNorm is no number from 0 up.
 * @example
 * const weight = new Tensor(new Float32Array(2), [2], { requiresGrad: true });
 * weight.grad = Tensor.from([3, 4]);
 * optim.clipGradNorm([weight], 1); // 5
 */
export function clipGradNorm(parameters: Tensor | Iterable<Tensor>, maxNorm: number): number {
  const operation = 'clipGradNorm';
  const bound = checkedBound(maxNorm, 'maxNorm', operation);
  const gradients = gradientsOf(parameters, operation);
  const binding = active();
  const squares = new Float32Array(1);
  let total = 0;
  for (const gradient of gradients) {
    binding.sumSquares(logicalArray(gradient, operation), squares);
    total += squares[0];
  }
  const norm = Math.sqrt(total);
  if (!Number.isFinite(norm)) {
    throw wrongValue(
      operation,
      `the total norm of order 2 for gradients from parameters is ${norm}, so it cannot be clipped`,
      'look for NaN or infinity in the loss, or lower the learning rate',
    );
  }
  const factor = bound / (norm + 1e-6);
  if (factor < 1) {
    for (const gradient of gradients)
      mutate(gradient, (data) => binding.scale(factor, data, data), operation);
  }
  return norm;
}

/**
 * Puts each element of every gradient between -clipValue and clipValue.
 *
 * @throws RangeError where clipValue is no number from 0 up.
 * @example
 * const weight = new Tensor(new Float32Array(2), [2], { requiresGrad: true });
 * weight.grad = Tensor.from([3, -0.5]);
 * optim.clipGradValue([weight], 1);
 * weight.grad.toArray(); // [1, -0.5]
 */
export function clipGradValue(parameters: Tensor | Iterable<Tensor>, clipValue: number): void {
  const operation = 'clipGradValue';
  const bound = checkedBound(clipValue, 'clipValue', operation);
  const binding = active();
  for (const gradient of gradientsOf(parameters, operation)) {
    mutate(gradient, (data) => binding.clamp(-bound, bound, data, data), operation);
  }
}

function checkedBound(value: unknown, name: string, operation: string): number {
  if (typeof value !== 'number') throw wrongType(operation, `${name} must be a number, not ${show(value)}`);
  if (value >= 0) return value;
  throw wrongValue(operation, `${name} must be a number from 0 up, not ${value}`);
}

function gradientsOf(parameters: unknown, operation: string): Tensor[] {
  const wrong = (value: unknown): TypeError =>
    wrongType(operation, `parameters must be Tensors, but got ${show(value)}`, 'use net.parameters()');
  if (parameters instanceof Tensor) return gradients(parameters);
  if (typeof parameters !== 'object' || parameters === null || !(Symbol.iterator in parameters)) {
    throw wrong(parameters);
  }
  const given: unknown[] = [...(parameters as Iterable<unknown>)];
  return given.flatMap((parameter) => {
    if (!(parameter instanceof Tensor)) throw wrong(parameter);
    return gradients(parameter);
  });
}

function gradients(parameter: Tensor): Tensor[] {
  const gradient = gradOf(parameter);
  return gradient === null ? [] : [gradient];
}
