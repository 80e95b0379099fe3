// Flattening as a layer: the step between the images of a network and its vectors.

import type { Mode } from '../ops/inputs.js';
import { knownOptions } from '../ops/options.js';
import { checkedDimension, type FlattenOptions, prepareFlatten } from '../ops/rearrange.js';
import type { Prepared } from '../ops/run.js';
import { MAX_DIMENSIONS } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { Layer } from './layer.js';

/**
 * Joins the dimensions from `startDim` (1) to `endDim` (the last), in logical order whatever the layout.
 *
 * @example
 * new nn.Flatten().forward(Tensor.zeros([2, 3, 4, 4])).shape; // [2, 48]
 */
export class Flatten extends Layer {
  /** @internal See Passage. */
  static readonly keepsNothing = true;

  readonly startDim: number;
  readonly endDim: number;

  constructor(options?: FlattenOptions) {
    super();
    const { startDim = 1, endDim = -1 } = knownOptions(options, ['startDim', 'endDim'], 'Flatten');
    checkedDimension(startDim, MAX_DIMENSIONS, 'startDim', 'Flatten');
    checkedDimension(endDim, MAX_DIMENSIONS, 'endDim', 'Flatten');
    this.startDim = startDim;
    this.endDim = endDim;
  }

  protected get operation(): string {
    return 'flatten';
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    return prepareFlatten(x, this.startDim, this.endDim, mode);
  }

  protected override extraRepr(): string {
    return `startDim=${this.startDim}, endDim=${this.endDim}`;
  }
}
