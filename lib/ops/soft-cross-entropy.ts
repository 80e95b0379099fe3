// Cross-entropy with the distribution over classes that was wanted, in place of one class: mixed images, a teacher's opinion.

import { wrongValue } from '../errors.js';
import { elementCount } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { add, div, mul } from './arithmetic.js';
import { checkConstant, type Reduction } from './loss-reduction.js';
import { sum } from './reduce.js';
import { logSoftmax } from './softmax.js';

interface Settings {
  readonly weight: Tensor | null;
  readonly ignoreIndex: number;
  readonly reduction: Reduction;
  readonly labelSmoothing: number;
}

/** -sum over the classes of wanted * logSoftmax(logits), both of one shape; the mean is over the places, weighted or not. */
export function softCrossEntropy(logits: Tensor, wanted: Tensor, settings: Settings): Tensor {
  const { weight, ignoreIndex, reduction, labelSmoothing } = settings;
  checkConstant(wanted, 'target', 'crossEntropy');
  if (ignoreIndex >= 0) {
    const law = `ignoreIndex is not supported for floating point target, but got ${ignoreIndex}`;
    throw wrongValue('crossEntropy', law, 'give class numbers, or rows of zeros for what counts nothing');
  }
  const { shape } = logits;
  const dim = shape.length === 1 ? 0 : 1;
  const classes = shape[dim];
  const smooth =
    labelSmoothing === 0 ? wanted : add(mul(wanted, 1 - labelSmoothing), labelSmoothing / classes);
  const last = new Array<number>(shape.length - dim - 1).fill(1);
  const counted = weight === null ? smooth : mul(smooth, weight.reshape([classes, ...last]));
  const losses = mul(sum(mul(logSoftmax(logits, { dim }), counted), { dim }), -1);
  if (reduction === 'none') return losses;
  const total = sum(losses);
  return reduction === 'sum' ? total : div(total, elementCount(losses.shape));
}
