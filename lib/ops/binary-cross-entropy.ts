// Losses of independent yes-or-no questions, from probabilities or from logits. Each element has a share t of yes and 1 - t of
// no; both losses are t * (cost of no) + (1 - t) * (cost of yes), and only those costs differ.

import { active } from '../backend/index.js';
import { wrongShape, wrongValue } from '../errors.js';
import { log64 } from '../numerics/double.js';
import { greater } from '../numerics/elementary.js';
import { gradientMemory, gradientTensor, record, recording, save } from '../tensor/autograd.js';
import { allocateOutput, sameShape, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { logicalArray, Tensor, wrap } from '../tensor/tensor.js';
import { combine, commonShape } from './broadcast.js';
import { checkTensor, rowMajor } from './inputs.js';
import {
  checkConstant,
  checkedReduction,
  checkPair,
  type Reduction,
  type ReductionOptions,
  reduced,
  upstreamOf,
} from './loss-reduction.js';
import { knownOptions } from './options.js';
import { traced, tracing } from './trace.js';

export interface BinaryCrossEntropyOptions extends ReductionOptions {
  /** What each element's loss is multiplied by: in x's shape, or one that repeats to it. */
  weight?: Tensor | null;
}

export interface BinaryCrossEntropyWithLogitsOptions extends BinaryCrossEntropyOptions {
  /** What the share of yes is multiplied by, such as one number a class: in x's shape, or one that repeats to it. */
  posWeight?: Tensor | null;
}

/** Checked options. */
export interface BinarySettings {
  readonly weight: Tensor | null;
  readonly posWeight: Tensor | null;
  readonly reduction: Reduction;
}

function parseBinary(
  options: BinaryCrossEntropyWithLogitsOptions | undefined,
  names: readonly ('weight' | 'posWeight')[],
  operation: string,
): BinarySettings {
  const given = knownOptions(options, [...names, 'reduction'], operation);
  const { weight = null, posWeight = null } = given;
  for (const [name, tensor] of [
    ['weight', weight],
    ['posWeight', posWeight],
  ] as const) {
    if (tensor !== null) checkTensor(tensor, name, operation);
    checkConstant(tensor, name, operation);
  }
  return { weight, posWeight, reduction: checkedReduction(given.reduction, operation) };
}

/** What an element costs, and the derivative of that, by its x and its weighted shares of yes and no. */
interface Cost {
  losses(x: Float32Array, yes: Float32Array, no: Float32Array, y: Float32Array): void;
  slopes(x: Float32Array, yes: Float32Array, no: Float32Array, y: Float32Array): void;
}

function binaryLoss(
  x: Tensor,
  target: Tensor,
  { weight, posWeight, reduction }: BinarySettings,
  cost: Cost,
  operation: string,
): Tensor {
  checkPair(x, target, operation);
  checkConstant(target, 'target', operation);
  const { shape } = x;
  if (tracing()) {
    const step = { kind: 'other', operation, inputs: [x, target] } as const;
    return traced(step, reduction === 'none' ? shape : [], ROW_MAJOR).output;
  }
  const product = (a: Tensor, factor: Tensor | null, name: string): Tensor => {
    if (factor === null) return a;
    if (!sameShape(commonShape(a, factor, operation), shape)) {
      const sizes = `${showShape(factor.shape)} does not repeat to x's ${showShape(shape)}`;
      throw wrongShape(operation, `${name} ${sizes}`);
    }
    return together('mul', a, factor, shape, operation);
  };
  const against = product(together('sub', ONE, target, shape, operation), weight, 'weight');
  const towards = product(product(target, posWeight, 'posWeight'), weight, 'weight');
  const [no, yes] = [against, towards].map((share) => rowMajor(share, 'now', operation));
  // The target's own array may be written to before the gradient is asked for
  const kept = towards === target ? yes.slice() : yes;

  const losses = allocateOutput(shape, operation);
  const count = losses.length;
  // Read here, and not by the backend alone: compile refuses it
  if (count > 0) cost.losses(logicalArray(x, operation), kept, no, losses);
  const output = reduced(losses, shape, reduction, count);
  if (recording([x])) {
    const saved = save(x);
    record(output, operation, [x], (upstream) => {
      const gradient = gradientMemory(shape);
      const { factor, each } = upstreamOf(upstream, reduction, count);
      if (count > 0) {
        cost.slopes(rowMajor(saved(), 'now', operation), kept, no, gradient);
        if (each === null) active().scale(factor, gradient, gradient);
        else active().binary('mul', gradient, each, gradient);
      }
      return [gradientTensor(gradient, ROW_MAJOR, shape)];
    });
  }
  return output;
}

const ONE = Tensor.ones([]);

/** Two tensors combined in row-major order, without a record. */
function together(
  kind: 'sub' | 'mul',
  a: Tensor,
  b: Tensor,
  shape: readonly number[],
  operation: string,
): Tensor {
  const y = allocateOutput(shape, operation);
  combine(kind, a, b, shape, ROW_MAJOR, y, operation);
  return wrap(y, ROW_MAJOR, shape);
}

const SOFTPLUS = { kind: 'softplus', negativeSlope: 0, beta: 1, threshold: 20 } as const;
const SIGMOID = { kind: 'sigmoid', negativeSlope: 0 } as const;

/** no * f(x) + sign * yes * f(-x). */
function bothSides(
  kind: typeof SOFTPLUS | typeof SIGMOID,
  combination: 'add' | 'sub',
  x: Float32Array,
  yes: Float32Array,
  no: Float32Array,
  y: Float32Array,
): void {
  const binding = active();
  const other = new Float32Array(x.length);
  binding.scale(-1, x, other);
  binding.activate(kind, other, other);
  binding.binary('mul', other, yes, other);
  binding.activate(kind, x, y);
  binding.binary('mul', y, no, y);
  binding.binary(combination, y, other, y);
}

/** Of logits: log(1 + e^x) for no and log(1 + e^-x) for yes. Neither overflows, and sums of them cancel nothing. */
const OF_LOGITS: Cost = {
  losses: (x, yes, no, y) => bothSides(SOFTPLUS, 'add', x, yes, no, y),
  slopes: (x, yes, no, y) => bothSides(SIGMOID, 'sub', x, yes, no, y),
};

/** The least logarithm, as in PyTorch: a probability of 0 costs 100 and not infinity. */
const LEAST = -100;
/** x * (1 - x) is at least this where it divides. */
const SMALLEST = Math.fround(1e-12);

const costOf = (probability: number): number => {
  const logarithm = log64(probability);
  return logarithm < LEAST ? -LEAST : -logarithm;
};

/** Of probabilities: -log(1 - x) for no and -log x for yes, in float64, rounded once. The same code computes on every backend. */
const OF_PROBABILITIES: Cost = {
  losses(x, yes, no, y) {
    x.forEach((p, i) => {
      if (p < 0 || p > 1) {
        throw wrongValue(
          'binaryCrossEntropy',
          `all elements of input should be between 0 and 1, but element ${i} is ${p}`,
          'apply a sigmoid first, or use binaryCrossEntropyWithLogits',
        );
      }
      y[i] = yes[i] * costOf(p) + no[i] * costOf(1 - p);
    });
  },
  slopes(x, yes, no, y) {
    x.forEach((p, i) => {
      y[i] = (no[i] * p - yes[i] * (1 - p)) / greater(SMALLEST, p * (1 - p));
    });
  },
};

const WEIGHT = ['weight'] as const;
const WEIGHTS = ['weight', 'posWeight'] as const;

/**
 * The mean of -(t * log x + (1 - t) * log(1 - x)) over probabilities x and targets t from 0 to 1, shapes equal. Logarithms are
 * -100 at least. From logits {@link binaryCrossEntropyWithLogits} is more accurate, and faster.
 *
 * @throws RangeError where an element of x is no probability; ShapeError where shapes differ.
 * @example
 * ops.binaryCrossEntropy(Tensor.from([1, 0.5]), Tensor.from([1, 0])).item().toFixed(4); // '0.3466'
 */
export function binaryCrossEntropy(x: Tensor, target: Tensor, options?: BinaryCrossEntropyOptions): Tensor {
  return binaryCrossEntropyOf(x, target, parseBinaryCrossEntropy(options, 'binaryCrossEntropy'));
}

export const parseBinaryCrossEntropy = (
  options: BinaryCrossEntropyOptions | undefined,
  operation: string,
): BinarySettings => parseBinary(options, WEIGHT, operation);

export const binaryCrossEntropyOf = (x: Tensor, target: Tensor, settings: BinarySettings): Tensor =>
  binaryLoss(x, target, settings, OF_PROBABILITIES, 'binaryCrossEntropy');

/**
 * {@link binaryCrossEntropy} of sigmoid(x): the mean of posWeight * t * log(1 + e^-x) + (1 - t) * log(1 + e^x).
 *
 * @throws ShapeError where shapes differ.
 * @example
 * ops.binaryCrossEntropyWithLogits(Tensor.from([0, 200]), Tensor.from([1, 1])).item().toFixed(4); // '0.3466'
 */
export function binaryCrossEntropyWithLogits(
  x: Tensor,
  target: Tensor,
  options?: BinaryCrossEntropyWithLogitsOptions,
): Tensor {
  return binaryCrossEntropyWithLogitsOf(x, target, parseWithLogits(options, 'binaryCrossEntropyWithLogits'));
}

export const parseWithLogits = (
  options: BinaryCrossEntropyWithLogitsOptions | undefined,
  operation: string,
): BinarySettings => parseBinary(options, WEIGHTS, operation);

export const binaryCrossEntropyWithLogitsOf = (x: Tensor, target: Tensor, settings: BinarySettings): Tensor =>
  binaryLoss(x, target, settings, OF_LOGITS, 'binaryCrossEntropyWithLogits');
