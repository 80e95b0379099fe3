// Losses as modules: forward(output, target).

import {
  type BinaryCrossEntropyOptions,
  type BinaryCrossEntropyWithLogitsOptions,
  type BinarySettings,
  binaryCrossEntropyOf,
  binaryCrossEntropyWithLogitsOf,
  parseBinaryCrossEntropy,
  parseWithLogits,
} from '../ops/binary-cross-entropy.js';
import {
  type ClassLossSettings,
  type CrossEntropyOptions,
  type CrossEntropySettings,
  crossEntropyOf,
  type NLLLossOptions,
  nllLossOf,
  parseCrossEntropy,
  parseNLL,
} from '../ops/cross-entropy.js';
import {
  type BentSettings,
  type HuberLossOptions,
  huberLossOf,
  l1LossOf,
  mseLossOf,
  parseHuber,
  parseSmoothL1,
  type SmoothL1LossOptions,
  smoothL1LossOf,
} from '../ops/distance-loss.js';
import { parseReduction, type Reduction, type ReductionOptions } from '../ops/loss-reduction.js';
import type { Targets } from '../ops/targets.js';
import type { Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';

/**
 * Cross-entropy of logits and classes; see `ops.crossEntropy`.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * const loss = new nn.CrossEntropyLoss({ labelSmoothing: 0.1 });
 * loss.forward(Tensor.from([[2, -1, 0]]), [0]).shape; // []
 */
export class CrossEntropyLoss extends Module {
  readonly #settings: CrossEntropySettings;

  constructor(options?: CrossEntropyOptions) {
    super();
    this.#settings = parseCrossEntropy(options, 'CrossEntropyLoss');
  }

  override forward(logits: Tensor, target: Targets): Tensor {
    return crossEntropyOf(logits, target, this.#settings);
  }

  protected override extraRepr(): string {
    const { labelSmoothing, reduction } = this.#settings;
    return `labelSmoothing=${labelSmoothing}, reduction=${reduction}`;
  }
}

/**
 * The negative log-likelihood of classes, from what `nn.LogSoftmax` gives; see `ops.nllLoss`.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new nn.NLLLoss().forward(Tensor.from([[-1, -2]]), [1]).item(); // 2
 */
export class NLLLoss extends Module {
  readonly #settings: ClassLossSettings;

  constructor(options?: NLLLossOptions) {
    super();
    this.#settings = parseNLL(options, 'NLLLoss');
  }

  override forward(logProbabilities: Tensor, target: Targets): Tensor {
    return nllLossOf(logProbabilities, target, this.#settings);
  }

  protected override extraRepr(): string {
    return `reduction=${this.#settings.reduction}`;
  }
}

abstract class BinaryLoss extends Module {
  protected readonly settings: BinarySettings;

  constructor(settings: BinarySettings) {
    super();
    this.settings = settings;
  }

  protected override extraRepr(): string {
    return `reduction=${this.settings.reduction}`;
  }
}

/**
 * Binary cross-entropy of probabilities; see `ops.binaryCrossEntropy`.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new nn.BCELoss().forward(Tensor.from([1, 0]), Tensor.from([1, 0])).item(); // 0
 */
export class BCELoss extends BinaryLoss {
  constructor(options?: BinaryCrossEntropyOptions) {
    super(parseBinaryCrossEntropy(options, 'BCELoss'));
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropyOf(x, target, this.settings);
  }
}

/**
 * Binary cross-entropy of logits; see `ops.binaryCrossEntropyWithLogits`.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * // Three labels, the second rare
 * const loss = new nn.BCEWithLogitsLoss({ posWeight: Tensor.from([1, 10, 1]) });
 * loss.forward(Tensor.zeros([4, 3]), Tensor.zeros([4, 3])).shape; // []
 */
export class BCEWithLogitsLoss extends BinaryLoss {
  constructor(options?: BinaryCrossEntropyWithLogitsOptions) {
    super(parseWithLogits(options, 'BCEWithLogitsLoss'));
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropyWithLogitsOf(x, target, this.settings);
  }
}

abstract class DistanceLoss extends Module {
  protected readonly reduction: Reduction;

  constructor(reduction: Reduction) {
    super();
    this.reduction = reduction;
  }

  protected override extraRepr(): string {
    return `reduction=${this.reduction}`;
  }
}

/** The mean of the squares of differences; see `ops.mseLoss`. @throws TypeError | RangeError where an option is not one. */
export class MSELoss extends DistanceLoss {
  constructor(options?: ReductionOptions) {
    super(parseReduction(options, 'MSELoss'));
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    return mseLossOf(x, target, this.reduction);
  }
}

/** The mean of the sizes of differences; see `ops.l1Loss`. @throws TypeError | RangeError where an option is not one. */
export class L1Loss extends DistanceLoss {
  constructor(options?: ReductionOptions) {
    super(parseReduction(options, 'L1Loss'));
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    return l1LossOf(x, target, this.reduction);
  }
}

abstract class BentLoss extends Module {
  protected readonly settings: BentSettings;
  readonly #name: string;

  constructor(settings: BentSettings, name: string) {
    super();
    this.settings = settings;
    this.#name = name;
  }

  protected override extraRepr(): string {
    return `${this.#name}=${this.settings.bend}, reduction=${this.settings.reduction}`;
  }
}

/**
 * Squares of small differences, sizes of large ones; see `ops.smoothL1Loss`.
 *
 * @throws TypeError | RangeError where an option is not one.
 */
export class SmoothL1Loss extends BentLoss {
  constructor(options?: SmoothL1LossOptions) {
    super(parseSmoothL1(options, 'SmoothL1Loss'), 'beta');
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    return smoothL1LossOf(x, target, this.settings);
  }
}

/** The same scaled by delta; see `ops.huberLoss`. @throws TypeError | RangeError where an option is not one. */
export class HuberLoss extends BentLoss {
  constructor(options?: HuberLossOptions) {
    super(parseHuber(options, 'HuberLoss'), 'delta');
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    return huberLossOf(x, target, this.settings);
  }
}
