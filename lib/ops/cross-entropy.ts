// Losses of classes: how surprised a distribution over classes is by the one that it should have had.

import { active } from '../backend/index.js';
import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { gradientMemory, gradientTensor, record, recording } from '../tensor/autograd.js';
import { allocateOutput, sameShape, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { Tensor } from '../tensor/tensor.js';
import { checkTensor, inLayout, rowMajor } from './inputs.js';
import { checkConstant, checkedReduction, type Reduction, reduced, spread, sumOf } from './loss-reduction.js';
import { knownOptions } from './options.js';
import { softCrossEntropy } from './soft-cross-entropy.js';
import { checkedTargets, type Targets } from './targets.js';
import { traced, tracing } from './trace.js';

export interface NLLLossOptions {
  /** [C]: what each class counts; null: all the same. */
  weight?: Tensor | null;
  /** Rows with this target count nothing; -100. */
  ignoreIndex?: number;
  /** 'mean': over the rows that count, by their classes' weights. */
  reduction?: Reduction;
}

export interface CrossEntropyOptions extends NLLLossOptions {
  /** How much of the target is spread over all classes: 0 to 1; 0. */
  labelSmoothing?: number;
}

/** Checked options. */
export interface ClassLossSettings {
  readonly weight: Tensor | null;
  readonly ignoreIndex: number;
  readonly reduction: Reduction;
}

export interface CrossEntropySettings extends ClassLossSettings {
  readonly labelSmoothing: number;
}

const NAMES = ['weight', 'ignoreIndex', 'reduction'];

export function parseNLL(options: NLLLossOptions | undefined, operation: string): ClassLossSettings {
  const given = knownOptions(options, NAMES, operation);
  const { weight = null, ignoreIndex = -100 } = given;
  if (weight !== null) checkTensor(weight, 'weight', operation);
  checkConstant(weight, 'weight', operation);
  if (typeof ignoreIndex !== 'number' || !Number.isInteger(ignoreIndex)) {
    throw wrongType(operation, `ignoreIndex must be a whole number, not ${show(ignoreIndex)}`);
  }
  return { weight, ignoreIndex, reduction: checkedReduction(given.reduction, operation) };
}

export function parseCrossEntropy(
  options: CrossEntropyOptions | undefined,
  operation: string,
): CrossEntropySettings {
  const { labelSmoothing = 0, ...rest } = knownOptions(options, [...NAMES, 'labelSmoothing'], operation);
  if (typeof labelSmoothing !== 'number') {
    throw wrongType(operation, `labelSmoothing must be a number, not ${show(labelSmoothing)}`);
  }
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw wrongValue(operation, `labelSmoothing must be between 0 and 1, but got ${labelSmoothing}`);
  }
  return { labelSmoothing, ...parseNLL(rest, operation) };
}

/**
 * The cross-entropy of logits [N, C], [N, C, d1, …] or [C] and the classes they should have had, [N], [N, d1, …] or one: the
 * mean of -logSoftmax(logits)[class]. With label smoothing e, the wanted distribution is 1 - e at the class and e / C
 * everywhere (Szegedy et al. 2016). A target of the logits' own shape is the wanted distribution itself.
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
  const { places, length, layout } = rowsOf(logits, 'logits', operation);
  const weight = weightOf(settings.weight, length, operation);
  if (tracing()) {
    const step = { kind: 'other', operation, inputs: [logits] } as const;
    return traced(step, reduction === 'none' ? places : [], ROW_MAJOR).output;
  }
  if (target instanceof Tensor && sameShape(target.shape, shape)) {
    return softCrossEntropy(logits, target, settings);
  }
  const targets = checkedTargets(target, places, length, settings.ignoreIndex, operation);
  const binding = active();
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

/** The classes of each place lie side by side in `layout`. */
function rowsOf(x: Tensor, name: string, operation: string) {
  const { shape } = x;
  const axis = shape.length === 1 ? 0 : 1;
  const length = shape[axis];
  if (shape.length === 0 || length === 0) {
    throw wrongShape(operation, `${name} must be [N, C], [N, C, …] or [C], but got ${showShape(shape)}`);
  }
  return {
    places: shape.toSpliced(axis, 1),
    length,
    layout: axis < shape.length - 1 ? axis : ROW_MAJOR,
  };
}

/**
 * The mean of -logProbabilities[class] over the rows of [N, C], [N, C, d1, …] or [C], for classes [N], [N, d1, …] or one: what
 * follows `logSoftmax`. Both together are {@link crossEntropy}.
 *
 * @throws TypeError | RangeError where a target is fractional or no class; ShapeError where targets are too many or too few.
 * @example
 * ops.nllLoss(Tensor.from([[-1, -2], [-3, -4]]), [0, 1]).item(); // 2.5
 */
export function nllLoss(logProbabilities: Tensor, target: Targets, options?: NLLLossOptions): Tensor {
  return nllLossOf(logProbabilities, target, parseNLL(options, 'nllLoss'));
}

export function nllLossOf(logProbabilities: Tensor, target: Targets, settings: ClassLossSettings): Tensor {
  const operation = 'nllLoss';
  checkTensor(logProbabilities, 'logProbabilities', operation);
  const { shape } = logProbabilities;
  const { reduction } = settings;
  const { places, length, layout } = rowsOf(logProbabilities, 'logProbabilities', operation);
  const weight = weightOf(settings.weight, length, operation);
  if (tracing()) {
    const step = { kind: 'other', operation, inputs: [logProbabilities] } as const;
    return traced(step, reduction === 'none' ? places : [], ROW_MAJOR).output;
  }
  const targets = checkedTargets(target, places, length, settings.ignoreIndex, operation);
  const losses = allocateOutput([targets.length], operation);
  if (targets.length > 0) {
    const logs = inLayout(logProbabilities, layout, 'now', operation);
    active().crossEntropy(logs, targets, weight, 0, losses);
  }
  const divisor = reduction === 'mean' ? totalWeight(targets, weight) : 1;
  const output = reduced(losses, places, reduction, divisor);
  record(output, operation, [logProbabilities], (upstream) => {
    const rows = spread(upstream, targets.length, reduction, divisor);
    const gradient = gradientMemory(shape).fill(0);
    targets.forEach((own, row) => {
      if (own >= 0) gradient[row * length + own] = -rows[row] * (weight === null ? 1 : weight[own]);
    });
    return [gradientTensor(gradient, layout, shape)];
  });
  return output;
}
