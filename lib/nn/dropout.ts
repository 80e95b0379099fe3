// Dropout as layers: at work in training mode only.

import { channelAxisOfDropout, prepareChannelDropout } from '../ops/channel-dropout.js';
import { checkedProbability, prepareDropout } from '../ops/dropout.js';
import { checkTensor, type Mode } from '../ops/inputs.js';
import { finished, type Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { Layer } from './layer.js';

abstract class AnyDropout extends Layer {
  readonly p: number;

  constructor(p: number, label: string) {
    super();
    this.p = checkedProbability(p, label);
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkTensor(x, 'x', this.operation);
    return this.training ? this.drop(x, mode) : finished(x);
  }

  protected abstract drop(x: Tensor, mode: Mode): Prepared;

  protected override extraRepr(): string {
    return `p=${this.p}`;
  }
}

/**
 * Sets elements to 0 with probability p in training mode, and divides the others by 1 - p; see `ops.dropout`.
 *
 * @throws RangeError where p is no probability.
 * @example
 * new nn.Dropout(0.2).eval().forward(Tensor.ones([2])).toArray(); // [1, 1]
 */
export class Dropout extends AnyDropout {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  protected readonly operation = 'dropout';

  constructor(p = 0.5) {
    super(p, 'Dropout');
  }

  protected drop(x: Tensor, mode: Mode): Prepared {
    return prepareDropout(x, this.p, undefined, mode);
  }
}

abstract class ChannelDropout extends AnyDropout {
  /** Spatial dimensions. */
  protected abstract readonly rank: 1 | 2 | 3;

  protected get operation(): string {
    return `dropout${this.rank}d`;
  }

  protected drop(x: Tensor, mode: Mode): Prepared {
    const axis = channelAxisOfDropout(x, this.rank, this.operation);
    return prepareChannelDropout(x, this.p, undefined, axis, mode, this.operation);
  }
}

/** Drops whole channels of [N, C, L] or [C, L] in training mode; see `ops.dropout2d`. @throws RangeError where p is no probability. */
export class Dropout1d extends ChannelDropout {
  protected get rank(): 1 {
    return 1;
  }

  constructor(p = 0.5) {
    super(p, 'Dropout1d');
  }
}

/**
 * Sets whole channels of [N, C, H, W] to 0 with probability p in training mode; see `ops.dropout2d`.
 *
 * @throws RangeError where p is no probability.
 * @example
 * new nn.Dropout2d(0.2).forward(Tensor.ones([2, 8, 5, 5])).shape; // [2, 8, 5, 5]
 */
export class Dropout2d extends ChannelDropout {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  protected get rank(): 2 {
    return 2;
  }

  constructor(p = 0.5) {
    super(p, 'Dropout2d');
  }
}

/** Drops whole channels of [N, C, D, H, W] or [C, D, H, W] in training mode; see `ops.dropout2d`. @throws RangeError where p is no probability. */
export class Dropout3d extends ChannelDropout {
  protected get rank(): 3 {
    return 3;
  }

  constructor(p = 0.5) {
    super(p, 'Dropout3d');
  }
}
