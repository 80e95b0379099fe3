// Resizing as a layer; the work is ops.upsample's.

import type { Mode } from '../ops/inputs.js';
import type { Prepared } from '../ops/run.js';
import {
  parseUpsample,
  prepareUpsample,
  type UpsampleOptions,
  type UpsampleSettings,
} from '../ops/upsample.js';
import type { Tensor } from '../tensor/tensor.js';
import { Layer } from './layer.js';

/**
 * Resizes [N, C, L], [N, C, H, W] or [N, C, D, H, W] along its spatial dimensions; see `ops.upsample`.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * new nn.Upsample({ scaleFactor: 2, mode: 'bilinear' }).forward(Tensor.zeros([1, 3, 4, 5])).shape; // [1, 3, 8, 10]
 */
export class Upsample extends Layer {
  protected readonly operation = 'upsample';
  readonly #settings: UpsampleSettings;

  constructor(options: UpsampleOptions) {
    super();
    this.#settings = parseUpsample(options, 'Upsample');
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    return prepareUpsample(x, this.#settings, mode);
  }

  protected override extraRepr(): string {
    const { size, scaleFactor, mode, alignCorners } = this.#settings;
    const sizes =
      size === null ? `scaleFactor=${JSON.stringify(scaleFactor)}` : `size=${JSON.stringify(size)}`;
    return `${sizes}, mode=${mode}${alignCorners ? ', alignCorners=true' : ''}`;
  }
}
