// Softmax as a layer, and its logarithm.

import { show, wrongType } from '../errors.js';
import { checkTensor, type Mode } from '../ops/inputs.js';
import { knownOptions } from '../ops/options.js';
import { checkedDimension } from '../ops/rearrange.js';
import type { Prepared } from '../ops/run.js';
import { prepareSoftmax } from '../ops/softmax.js';
import type { Tensor } from '../tensor/tensor.js';
import { Layer } from './layer.js';

export interface SoftmaxLayerOptions {
  /** The dimension whose elements sum to 1; without it 0 of tensors with 0, 1 or 3 dimensions, else 1, as PyTorch has it. */
  dim?: number | null;
}

abstract class SoftmaxLayer extends Layer {
  readonly #dim: number | null;

  constructor(options: SoftmaxLayerOptions | number | undefined, label: string) {
    super();
    const dim = typeof options === 'number' ? options : (knownOptions(options, ['dim'], label).dim ?? null);
    if (dim !== null && !Number.isInteger(dim)) {
      throw wrongType(label, `dim must be a whole number, not ${show(dim)}`);
    }
    this.#dim = dim;
  }

  protected abstract override readonly operation: 'softmax' | 'logSoftmax';

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkTensor(x, 'x', this.operation);
    const rank = x.shape.length;
    const dim = this.#dim ?? (rank === 0 || rank === 1 || rank === 3 ? 0 : 1);
    return prepareSoftmax(x, this.operation, checkedDimension(dim, rank, 'dim', this.operation), mode);
  }

  protected override extraRepr(): string {
    return `dim=${this.#dim}`;
  }
}

/**
 * e^x over the sum of e^x along a dimension; see `ops.softmax`.
 *
 * @example
 * new nn.Softmax({ dim: 1 }).forward(Tensor.from([[0, 0]])).toArray(); // [[0.5, 0.5]]
 */
export class Softmax extends SoftmaxLayer {
  protected readonly operation = 'softmax';
  constructor(options?: SoftmaxLayerOptions | number) {
    super(options, 'Softmax');
  }
}

/** The logarithm of softmax along a dimension; see `ops.logSoftmax`. */
export class LogSoftmax extends SoftmaxLayer {
  protected readonly operation = 'logSoftmax';
  constructor(options?: SoftmaxLayerOptions | number) {
    super(options, 'LogSoftmax');
  }
}
