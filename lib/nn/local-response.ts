// The layer of local response normalisation; the work is ops.localResponseNorm's.

import type { Mode } from '../ops/inputs.js';
import {
  type LocalResponseOptions,
  parseLocalResponse,
  prepareLocalResponse,
  type ResponseSettings,
} from '../ops/local-response.js';
import type { Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { Layer } from './layer.js';

/**
 * [N, C, ...] with each element over a power of the mean square of `size` neighbouring channels; see
 * `ops.localResponseNorm`. It learns nothing.
 *
 * @throws TypeError | RangeError where a number or option is not one.
 * @example
 * new nn.LocalResponseNorm(5).forward(Tensor.randn([1, 8, 6, 6])).shape; // [1, 8, 6, 6]
 */
export class LocalResponseNorm extends Layer {
  readonly #settings: ResponseSettings;

  constructor(size: number, options?: LocalResponseOptions) {
    super();
    this.#settings = parseLocalResponse(size, options, 'LocalResponseNorm');
  }

  protected get operation(): string {
    return 'localResponseNorm';
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    return prepareLocalResponse(x, this.#settings, mode, this.operation);
  }

  protected override extraRepr(): string {
    const { size, alpha, beta, k } = this.#settings;
    return `${size}, alpha=${alpha}, beta=${beta}, k=${k}`;
  }
}
