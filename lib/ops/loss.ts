// Losses: how far an output is from what was wanted, as one number to descend from.

import { active } from '../backend/index.js';
import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { gradientMemory, gradientTensor, record, recording } from '../tensor/autograd.js';
import { allocateOutput, sameShape, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { checkTensor, inLayout, rowMajor } from './inputs.js';
import { knownOptions, oneOf } from './options.js';
import { checkedTargets, type Targets } from './targets.js';
import { traced, tracing } from './trace.js';

/** What becomes of the losses of rows or elements. */
export type Reduction = 'mean' | 'sum' | 'none';
const REDUCTIONS: readonly Reduction[] = ['mean', 'sum', 'none'];

export interface CrossEntropyOptions {
  /** How much of the target is spread over all classes: 0 to 1; 0. */
  labelSmoothing?: number;
  /** [C]: what each class counts; null: all the same. */
  weight?: Tensor | null;
  /** Rows with this target count nothing; -100. */
  ignoreIndex?: number;
  /** 'mean': over the rows that count, by their classes' weights. */
  reduction?: Reduction;
}

/** Checked options. */
export interface CrossEntropySettings {
  readonly labelSmoothing: number;
  readonly weight: Tensor | null;
  readonly ignoreIndex: number;
  readonly reduction: Reduction;
}

export function parseCrossEntropy(
  options: CrossEntropyOptions | undefined,
  operation: string,
): CrossEntropySettings {
  const {
    labelSmoothing = 0,
    weight = null,
    ignoreIndex = -100,
    reduction = 'mean',
  } = knownOptions(options, ['labelSmoothing', 'weight', 'ignoreIndex', 'reduction'], operation);
  if (typeof labelSmoothing !== 'number') {
    throw wrongType(operation, `labelSmoothing must be a number, not ${show(labelSmoothing)}`);
  }
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw wrongValue(operation, `labelSmoothing must be between 0 and 1, but got ${labelSmoothing}`);
  }
  if (weight !== null) checkTensor(weight, 'weight', operation);
  if (typeof ignoreIndex !== 'number' || !Number.isInteger(ignoreIndex)) {
    throw wrongType(operation, `ignoreIndex must be a whole number, not ${show(ignoreIndex)}`);
  }
  return {
    labelSmoothing,
    weight,
    ignoreIndex,
    reduction: oneOf(reduction, REDUCTIONS, 'reduction', operation),
  };
}

/**
 * The cross-entropy of logits [N, C], [N, C, d1, …] or [C] and the classes they should have had, [N], [N, d1, …] or one: the
 * mean of -logSoftmax(logits)[class]. With label smoothing e, the wanted distribution is 1 - e at the class and e / C
 * everywhere (Szegedy et al. 2016).
 *
 * @throws TypeError | RangeError where a target is fractional or no class; ShapeError where targets are too many or too few.
 * @example
 * ops.crossEntropy(Tensor.from([[0, 0], [0, 0]]), [0, 1]).item().toFixed(4); // '0.6931'
 */
export function crossEntropy(logits: Tensor, target: Targets, options?: CrossEntropyOptions): Tensor {
  return crossEntropyOf(logits, target, parseCrossEntropy(options, 'crossEntropy'));
}

export function crossEntropyOf(logits: Tensor, target: Targets, settings: CrossEntropySettings): Tensor {
  const operation = 'crossEntropy';
  checkTensor(logits, 'logits', operation);
  const { shape } = logits;
  const { labelSmoothing, reduction } = settings;
  const axis = shape.length === 1 ? 0 : 1;
  const length = shape[axis];
  if (shape.length === 0 || length === 0) {
    throw wrongShape(operation, `logits must be [N, C], [N, C, …] or [C], but got ${showShape(shape)}`);
  }
  const places = shape.toSpliced(axis, 1);
  const weight = weightOf(settings.weight, length, operation);
  if (tracing()) {
    const step = { kind: 'other', operation, inputs: [logits] } as const;
    return traced(step, reduction === 'none' ? places : [], ROW_MAJOR).output;
  }
  const targets = checkedTargets(target, places, length, settings.ignoreIndex, operation);
  const binding = active();
  const layout = axis < shape.length - 1 ? axis : ROW_MAJOR;
  const logs = allocateOutput(shape, operation);
  const losses = allocateOutput([targets.length], operation);
  if (targets.length > 0) {
    binding.softmax('logSoftmax', inLayout(logits, layout, 'now', operation), logs, length);
    binding.crossEntropy(logs, targets, weight, labelSmoothing, losses);
  }
  const divisor = reduction === 'mean' ? totalWeight(targets, weight) : 1;
  const output = reduced(losses, places, reduction, divisor);
  if (recording([logits])) {
    record(output, operation, [logits], (upstream) => {
      const rows = spread(upstream, targets.length, reduction, divisor);
      const gradient = gradientMemory(shape);
      if (targets.length > 0) {
        binding.crossEntropyGradient(logs, targets, weight, labelSmoothing, rows, gradient);
      }
      return [gradientTensor(gradient, layout, shape)];
    });
  }
  return output;
}

function weightOf(weight: Tensor | null, classes: number, operation: string): Float32Array | null {
  if (weight === null) return null;
  if (weight.shape.length !== 1 || weight.shape[0] !== classes) {
    throw wrongShape(
      operation,
      `weight tensor should be defined either for all ${classes} classes or no classes, but got weight of size: ${showShape(weight.shape)}`,
    );
  }
  return rowMajor(weight, 'now', operation).slice();
}

/** What a mean divides by: the sum of the weights of the rows that count. */
function totalWeight(targets: Int32Array, weight: Float32Array | null): number {
  const counted = targets.filter((target) => target >= 0);
  return weight === null ? counted.length : sumOf(Float32Array.from(counted, (target) => weight[target]));
}

function sumOf(values: Float32Array): number {
  const sum = new Float32Array(1);
  active().sumPositions(values, sum, values.length);
  return sum[0];
}

/** The losses [places], their sum, or that divided. */
function reduced(
  losses: Float32Array,
  places: readonly number[],
  reduction: Reduction,
  divisor: number,
): Tensor {
  if (reduction === 'none') return wrap(losses, ROW_MAJOR, places);
  const sum = sumOf(losses);
  return wrap(Float32Array.of(reduction === 'mean' ? sum / divisor : sum), ROW_MAJOR, []);
}

/** The gradient of each row from that of the reduced loss. */
function spread(upstream: Tensor, rows: number, reduction: Reduction, divisor: number): Float32Array {
  const above = rowMajor(upstream, 'now', 'backward');
  if (reduction === 'none') return above;
  return new Float32Array(rows).fill(reduction === 'mean' ? above[0] / divisor : above[0]);
}

export interface MSELossOptions {
  /** 'mean': over all elements. */
  reduction?: Reduction;
}

export const parseReduction = (options: MSELossOptions | undefined, operation: string): Reduction =>
  oneOf(
    knownOptions(options, ['reduction'], operation).reduction ?? 'mean',
    REDUCTIONS,
    'reduction',
    operation,
  );

/**
 * The mean of the squares of x - target, shapes equal.
 *
 * @throws ShapeError where the shapes differ.
 * @example
 * ops.mseLoss(Tensor.from([1, 2]), Tensor.from([1, 4])).item(); // 2
 */
export function mseLoss(x: Tensor, target: Tensor, options?: MSELossOptions): Tensor {
  return mseLossOf(x, target, parseReduction(options, 'mseLoss'));
}

export function mseLossOf(x: Tensor, target: Tensor, reduction: Reduction): Tensor {
  const operation = 'mseLoss';
  checkTensor(x, 'x', operation);
  checkTensor(target, 'target', operation);
  const { shape } = x;
  if (!sameShape(shape, target.shape)) {
    throw wrongShape(
      operation,
      `x and target must have the same shape, but got ${showShape(shape)} and ${showShape(target.shape)}`,
      'reshape one of them',
    );
  }
  if (tracing()) {
    const step = { kind: 'other', operation, inputs: [x, target] } as const;
    return traced(step, reduction === 'none' ? shape : [], ROW_MAJOR).output;
  }
  // Sums over positions go in logical order, whatever the layout
  const binding = active();
  const distance = allocateOutput(shape, operation);
  const squares = allocateOutput(shape, operation);
  const count = distance.length;
  if (count > 0) {
    binding.scale(-1, rowMajor(target, 'now', operation), squares);
    binding.binary('add', rowMajor(x, 'now', operation), squares, distance);
    binding.binary('mul', distance, distance, squares);
  }
  const output = reduced(squares, shape, reduction, count);
  if (recording([x, target])) {
    record(output, operation, [x, target], (upstream, needs) => {
      const gradient = gradientMemory(shape);
      const above = rowMajor(upstream, 'now', operation);
      if (reduction !== 'none')
        binding.scale((2 * above[0]) / (reduction === 'mean' ? count : 1), distance, gradient);
      else if (count > 0) {
        binding.scale(2, distance, gradient);
        binding.binary('mul', gradient, above, gradient);
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
