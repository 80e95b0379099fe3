// Dropout as a layer: at work in training mode only.

import { checkedProbability, prepareDropout } from '../ops/dropout.js';
import { checkTensor, type Mode } from '../ops/inputs.js';
import { finished, type Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { Layer } from './layer.js';

/**
 * Sets elements to 0 with probability p in training mode, and divides the others by 1 - p; see `ops.dropout`.
 *
 * @throws RangeError where p is no probability.
 * @example
 * new nn.Dropout(0.2).eval().forward(Tensor.ones([2])).toArray(); // [1, 1]
 */
export class Dropout extends Layer {
  protected readonly operation = 'dropout';
  readonly p: number;

  constructor(p = 0.5) {
    super();
    this.p = checkedProbability(p, 'Dropout');
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkTensor(x, 'x', this.operation);
    return this.training ? prepareDropout(x, this.p, undefined, mode) : finished(x);
  }

  protected override extraRepr(): string {
    return `p=${this.p}`;
  }
}
