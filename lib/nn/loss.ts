// Losses as modules: forward(output, target).

import {
  type CrossEntropyOptions,
  type CrossEntropySettings,
  crossEntropyOf,
  type MSELossOptions,
  mseLossOf,
  parseCrossEntropy,
  parseReduction,
  type Reduction,
} from '../ops/loss.js';
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

/** The mean of the squares of differences; see `ops.mseLoss`. */
export class MSELoss extends Module {
  readonly #reduction: Reduction;

  constructor(options?: MSELossOptions) {
    super();
    this.#reduction = parseReduction(options, 'MSELoss');
  }

  override forward(x: Tensor, target: Tensor): Tensor {
    return mseLossOf(x, target, this.#reduction);
  }

  protected override extraRepr(): string {
    return `reduction=${this.#reduction}`;
  }
}
