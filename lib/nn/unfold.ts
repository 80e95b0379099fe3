// Windows as columns and back, as layers; the work is that of ops.unfold and ops.fold.

import type { Mode } from '../ops/inputs.js';
import type { PerDimension } from '../ops/options.js';
import type { Prepared } from '../ops/run.js';
import {
  type FoldOptions,
  type FoldSettings,
  parseFold,
  parseUnfold,
  prepareFold,
  prepareUnfold,
  type UnfoldOptions,
  type WindowSettings,
} from '../ops/unfold.js';
import type { Tensor } from '../tensor/tensor.js';
import { shownSizes } from './describe.js';
import { Layer } from './layer.js';

/** What follows the sizes in the constructors. */
export type WindowOptions = Omit<UnfoldOptions, 'kernelSize'>;

const RANK = 2;

function describe(settings: WindowSettings): string {
  const { kernelSize, stride, padding, dilation } = settings;
  const sizes = Object.entries({ kernelSize, stride, padding, dilation });
  return sizes.map(([name, triple]) => `${name}=${shownSizes(triple, RANK)}`).join(', ');
}

/**
 * The windows of a convolution as columns: x [N, C, H, W] or [C, H, W] to [N, C * kernelHeight * kernelWidth, L]; see
 * `ops.unfold`.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * new nn.Unfold(3, { padding: 1 }).forward(Tensor.randn([1, 2, 4, 5])).shape; // [1, 18, 20]
 */
export class Unfold extends Layer {
  readonly #settings: WindowSettings;

  constructor(kernelSize: PerDimension, options?: WindowOptions) {
    super();
    this.#settings = parseUnfold({ ...options, kernelSize }, 'Unfold');
  }

  protected get operation(): string {
    return 'unfold';
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    return prepareUnfold(x, this.#settings, mode);
  }

  protected override extraRepr(): string {
    return describe(this.#settings);
  }
}

/**
 * Columns summed back into images of size `outputSize`: [N, C * kernelHeight * kernelWidth, L] to [N, C, H, W]; see
 * `ops.fold`.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * new nn.Fold([4, 5], 3, { padding: 1 }).forward(Tensor.randn([1, 18, 20])).shape; // [1, 2, 4, 5]
 */
export class Fold extends Layer {
  readonly #settings: FoldSettings;

  constructor(outputSize: FoldOptions['outputSize'], kernelSize: PerDimension, options?: WindowOptions) {
    super();
    this.#settings = parseFold({ ...options, outputSize, kernelSize }, 'Fold');
  }

  protected get operation(): string {
    return 'fold';
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    return prepareFold(x, this.#settings, mode);
  }

  protected override extraRepr(): string {
    return `outputSize=${shownSizes(this.#settings.outputSize, RANK)}, ${describe(this.#settings)}`;
  }
}
