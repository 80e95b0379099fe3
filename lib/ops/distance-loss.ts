// Losses of the distance between an output and what was wanted, element by element: its square, its size, and Huber's
// mixtures of both.

import { active } from '../backend/index.js';
import { show, wrongType, wrongValue } from '../errors.js';
import { gradientMemory, gradientTensor, record, recording } from '../tensor/autograd.js';
import { allocateOutput } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import type { Tensor } from '../tensor/tensor.js';
import { rowMajor } from './inputs.js';
import {
  checkedReduction,
  checkPair,
  parseReduction,
  type Reduction,
  type ReductionOptions,
  reduced,
  upstreamOf,
} from './loss-reduction.js';
import { knownOptions } from './options.js';
import { traced, tracing } from './trace.js';

/** What distances d cost; `slopes` are the derivatives of that times a factor. Neither writes to d. */
interface Penalty {
  losses(d: Float32Array, y: Float32Array): void;
  slopes(d: Float32Array, factor: number, y: Float32Array): void;
}

/** Everything a loss of distances does beside its penalty. */
function distanceLoss(
  x: Tensor,
  target: Tensor,
  penalty: Penalty,
  reduction: Reduction,
  operation: string,
): Tensor {
  checkPair(x, target, operation);
  const { shape } = x;
  if (tracing()) {
    const step = { kind: 'other', operation, inputs: [x, target] } as const;
    return traced(step, reduction === 'none' ? shape : [], ROW_MAJOR).output;
  }
  // Sums over positions go in logical order, whatever the layout
  const binding = active();
  const distance = allocateOutput(shape, operation);
  const losses = allocateOutput(shape, operation);
  const count = distance.length;
  if (count > 0) {
    binding.binary('sub', rowMajor(x, 'now', operation), rowMajor(target, 'now', operation), distance);
    penalty.losses(distance, losses);
  }
  const output = reduced(losses, shape, reduction, count);
  if (recording([x, target])) {
    record(output, operation, [x, target], (upstream, needs) => {
      const gradient = gradientMemory(shape);
      const { factor, each } = upstreamOf(upstream, reduction, count);
      if (count > 0) {
        penalty.slopes(distance, factor, gradient);
        if (each !== null) binding.binary('mul', gradient, each, gradient);
      }
      const opposite = needs[1] ? gradientMemory(shape) : null;
      if (opposite !== null) binding.scale(-1, gradient, opposite);
      return [
        gradientTensor(gradient, ROW_MAJOR, shape),
        opposite === null ? null : gradientTensor(opposite, ROW_MAJOR, shape),
      ];
    });
  }
  return output;
}

const SQUARE: Penalty = {
  losses: (d, y) => active().binary('mul', d, d, y),
  slopes: (d, factor, y) => active().scale(2 * factor, d, y),
};

/** Twice this takes the smallest float32 past 1. */
const LARGE = 2 ** 127;
const ABSOLUTE = { kind: 'leakyRelu', negativeSlope: -1 } as const;

const SIZE: Penalty = {
  losses: (d, y) => active().activate(ABSOLUTE, d, y),
  /** The sign of d, 0 of 0. */
  slopes(d, factor, y) {
    const binding = active();
    binding.scale(LARGE, d, y);
    binding.scale(LARGE, y, y);
    binding.clamp(-1, 1, y, y);
    binding.scale(factor, y, y);
  },
};

/** c * (d - c / 2) / divisor, where c is d held between -bend and bend: d^2 / 2 up to there, a straight line beyond. */
function bent(bend: number, divisor: number): Penalty {
  const limit = Math.fround(bend);
  return {
    losses(d, y) {
      const binding = active();
      const held = new Float32Array(d.length);
      binding.clamp(-limit, limit, d, held);
      binding.scale(-0.5, held, y);
      binding.binary('add', d, y, y);
      binding.binary('mul', held, y, y);
      if (divisor !== 1) binding.scale(1 / divisor, y, y);
    },
    slopes(d, factor, y) {
      active().clamp(-limit, limit, d, y);
      active().scale(factor / divisor, y, y);
    },
  };
}

/**
 * The mean of the squares of x - target, shapes equal.
 *
 * @throws ShapeError where the shapes differ.
 * @example
 * ops.mseLoss(Tensor.from([1, 2]), Tensor.from([1, 4])).item(); // 2
 */
export function mseLoss(x: Tensor, target: Tensor, options?: ReductionOptions): Tensor {
  return mseLossOf(x, target, parseReduction(options, 'mseLoss'));
}

export const mseLossOf = (x: Tensor, target: Tensor, reduction: Reduction): Tensor =>
  distanceLoss(x, target, SQUARE, reduction, 'mseLoss');

/**
 * The mean of |x - target|, shapes equal. Where both are the same the gradient is 0.
 *
 * @throws ShapeError where the shapes differ.
 * @example
 * ops.l1Loss(Tensor.from([1, 2]), Tensor.from([1, 5])).item(); // 1.5
 */
export function l1Loss(x: Tensor, target: Tensor, options?: ReductionOptions): Tensor {
  return l1LossOf(x, target, parseReduction(options, 'l1Loss'));
}

export const l1LossOf = (x: Tensor, target: Tensor, reduction: Reduction): Tensor =>
  distanceLoss(x, target, SIZE, reduction, 'l1Loss');

export interface SmoothL1LossOptions extends ReductionOptions {
  /** From which distance on the loss is a straight line; 1. With 0 it is {@link l1Loss}. */
  beta?: number;
}

export interface HuberLossOptions extends ReductionOptions {
  /** From which distance on the loss is a straight line; 1. */
  delta?: number;
}

/** Checked options of a loss that bends. */
export interface BentSettings {
  readonly bend: number;
  readonly reduction: Reduction;
}

export function parseSmoothL1(options: SmoothL1LossOptions | undefined, operation: string): BentSettings {
  const { beta = 1, reduction } = knownOptions(options, ['beta', 'reduction'], operation);
  const bend = checkedBend(beta, 'beta', operation);
  return { bend, reduction: checkedReduction(reduction, operation) };
}

export function parseHuber(options: HuberLossOptions | undefined, operation: string): BentSettings {
  const { delta = 1, reduction } = knownOptions(options, ['delta', 'reduction'], operation);
  const bend = checkedBend(delta, 'delta', operation);
  if (bend === 0) throw wrongValue(operation, 'delta must be greater than 0');
  return { bend, reduction: checkedReduction(reduction, operation) };
}

/** A number that is still one, and not 0, as a float32. */
function checkedBend(value: unknown, name: string, operation: string): number {
  if (typeof value !== 'number') throw wrongType(operation, `${name} must be a number, not ${show(value)}`);
  const rounded = Math.fround(value);
  if (rounded >= 0 && rounded < Infinity && (rounded > 0 || value === 0)) return value;
  throw wrongValue(
    operation,
    `${name} must be a finite float32, not negative, but got ${name}=${show(value)}`,
  );
}

/**
 * The mean of d^2 / (2 beta) where the distance d = x - target is smaller than beta, and of |d| - beta / 2 elsewhere (Girshick
 * 2015, Fast R-CNN).
 *
 * @throws ShapeError where the shapes differ.
 * @example
 * ops.smoothL1Loss(Tensor.from([0.5, 3]), Tensor.from([0, 0]), { reduction: 'none' }).toArray(); // [0.125, 2.5]
 */
export function smoothL1Loss(x: Tensor, target: Tensor, options?: SmoothL1LossOptions): Tensor {
  return smoothL1LossOf(x, target, parseSmoothL1(options, 'smoothL1Loss'));
}

export function smoothL1LossOf(x: Tensor, target: Tensor, { bend, reduction }: BentSettings): Tensor {
  return distanceLoss(x, target, bend === 0 ? SIZE : bent(bend, bend), reduction, 'smoothL1Loss');
}

/**
 * The mean of d^2 / 2 where the distance d = x - target is smaller than delta, and of delta * (|d| - delta / 2) elsewhere (Huber
 * 1964).
 *
 * @throws ShapeError where the shapes differ.
 * @example
 * ops.huberLoss(Tensor.from([1, 3]), Tensor.from([0, 0]), { delta: 2, reduction: 'none' }).toArray(); // [0.5, 4]
 */
export function huberLoss(x: Tensor, target: Tensor, options?: HuberLossOptions): Tensor {
  return huberLossOf(x, target, parseHuber(options, 'huberLoss'));
}

export const huberLossOf = (x: Tensor, target: Tensor, { bend, reduction }: BentSettings): Tensor =>
  distanceLoss(x, target, bent(bend, 1), reduction, 'huberLoss');
