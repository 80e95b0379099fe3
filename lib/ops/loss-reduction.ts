// What losses have in common: one number for each row or element becomes their mean or sum, and the gradient of that comes
// back to each.

import { active } from '../backend/index.js';
import { wrongShape, wrongType } from '../errors.js';
import { sameShape, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { checkTensor, rowMajor } from './inputs.js';
import { knownOptions, oneOf } from './options.js';

/** What becomes of the losses of rows or elements. */
export type Reduction = 'mean' | 'sum' | 'none';
const REDUCTIONS: readonly Reduction[] = ['mean', 'sum', 'none'];

export interface ReductionOptions {
  /** 'mean': over all elements. */
  reduction?: Reduction;
}

export const parseReduction = (options: ReductionOptions | undefined, operation: string): Reduction =>
  checkedReduction(knownOptions(options, ['reduction'], operation).reduction, operation);

export const checkedReduction = (value: unknown, operation: string): Reduction =>
  oneOf(value ?? 'mean', REDUCTIONS, 'reduction', operation);

/** That both are tensors of one shape. */
export function checkPair(x: unknown, target: unknown, operation: string): void {
  checkTensor(x, 'x', operation);
  checkTensor(target, 'target', operation);
  if (sameShape(x.shape, target.shape)) return;
  throw wrongShape(
    operation,
    `x and target must have the same shape, but got ${showShape(x.shape)} and ${showShape(target.shape)}`,
    'reshape one of them',
  );
}

/** That nobody waits for the gradient of what is taken for a constant. */
export function checkConstant(tensor: Tensor | null, name: string, operation: string): void {
  if (!tensor?.requiresGrad) return;
  throw wrongType(
    operation,
    `gradients do not flow to ${name}, which requires them`,
    `give ${name}.detach()`,
  );
}

/** Added as a sum over positions: chunks of 256, each one chain, their sums in order. */
export function sumOf(values: Float32Array): number {
  const sum = new Float32Array(1);
  active().sumPositions(values, sum, values.length);
  return sum[0];
}

/** The losses [places], their sum, or that divided. */
export function reduced(
  losses: Float32Array,
  places: readonly number[],
  reduction: Reduction,
  divisor: number,
): Tensor {
  if (reduction === 'none') return wrap(losses, ROW_MAJOR, places);
  const sum = sumOf(losses);
  return wrap(Float32Array.of(reduction === 'mean' ? sum / divisor : sum), ROW_MAJOR, []);
}

/** What each loss's gradient is to be multiplied by: one number for all of them, or one for each. */
export function upstreamOf(
  upstream: Tensor,
  reduction: Reduction,
  divisor: number,
): { factor: number; each: Float32Array | null } {
  const above = rowMajor(upstream, 'now', 'backward');
  if (reduction === 'none') return { factor: 1, each: above };
  return { factor: reduction === 'mean' ? above[0] / divisor : above[0], each: null };
}

/** The gradient of each of `count` losses from that of what became of them. */
export function spread(upstream: Tensor, count: number, reduction: Reduction, divisor: number): Float32Array {
  const { factor, each } = upstreamOf(upstream, reduction, divisor);
  return each ?? new Float32Array(count).fill(factor);
}
