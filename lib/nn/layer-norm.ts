// The layer of layer normalisation; the work is ops.layerNorm's.

import type { Mode } from '../ops/inputs.js';
import { parseNormalizedShape, prepareLayerNorm } from '../ops/layer-norm.js';
import { parseEpsilon } from '../ops/norm-options.js';
import { flag, knownOptions } from '../ops/options.js';
import type { Prepared } from '../ops/run.js';
import { requireByDefault } from '../tensor/autograd.js';
import { showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { Layer } from './layer.js';

export interface LayerNormLayerOptions {
  /** Added to the variance; 1e-5. */
  eps?: number;
  /** Whether a weight and a bias for each place of a row are learned; true. */
  elementwiseAffine?: boolean;
  /** Whether there is a bias where there is a weight; true. */
  bias?: boolean;
}

/**
 * Layer normalisation of [..., normalizedShape]; see `ops.layerNorm`. Training and inference compute the same.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * new nn.LayerNorm([8, 6]).forward(Tensor.randn([4, 8, 6])).shape; // [4, 8, 6]
 */
export class LayerNorm extends Layer {
  protected readonly operation = 'layerNorm';
  /** [normalizedShape], or null */
  declare weight: Tensor | null;
  /** [normalizedShape], or null */
  declare bias: Tensor | null;
  readonly normalizedShape: readonly number[];
  readonly eps: number;

  constructor(normalizedShape: number | readonly number[], options?: LayerNormLayerOptions) {
    super();
    const label = 'LayerNorm';
    const names = ['eps', 'elementwiseAffine', 'bias'];
    const { eps, elementwiseAffine = true, bias = true } = knownOptions(options, names, label);
    this.normalizedShape = parseNormalizedShape(normalizedShape, label);
    this.eps = parseEpsilon(eps, label);
    const weighted = flag(elementwiseAffine, 'elementwiseAffine', label);
    const biased = flag(bias, 'bias', label) && weighted;
    this.weight = weighted ? requireByDefault(Tensor.ones(this.normalizedShape)) : null;
    this.bias = biased ? requireByDefault(Tensor.zeros(this.normalizedShape)) : null;
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    const call = { weight: this.weight, bias: this.bias, epsilon: this.eps };
    return prepareLayerNorm(x, this.normalizedShape, call, mode, this.operation);
  }

  protected override extraRepr(): string {
    const affine = this.weight !== null;
    const shown = `${showShape(this.normalizedShape)}, eps=${this.eps}, elementwiseAffine=${affine}`;
    return affine && this.bias === null ? `${shown}, bias=false` : shown;
  }
}
