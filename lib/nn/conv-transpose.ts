// Transposed convolution layers: sizes, options and initial weights; the work is that of ops.convTranspose1d to 3d. One
// base serves every number of dimensions.

import { prepareConvTranspose } from '../ops/conv-transpose.js';
import {
  CONV_TRANSPOSE_OPTION_NAMES,
  type ConvTransposeOptions,
  type OutputSizeOption,
  parseConvTransposeOptions,
} from '../ops/conv-transpose-options.js';
import type { Mode } from '../ops/inputs.js';
import { knownOptions, type PerDimension } from '../ops/options.js';
import { type ForwardOptions, type Prepared, runInBackground, runNow } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { ConvLayer } from './conv-layer.js';
import { shownSizes } from './describe.js';

export interface ConvTransposeLayerOptions extends ConvTransposeOptions {
  /** Whether a learned number is added to each output channel; true. */
  bias?: boolean;
}

/** A transposed convolution of `rank` spatial dimensions. */
abstract class ConvTransposeLayer extends ConvLayer {
  constructor(
    rank: number,
    inChannels: number | null,
    outChannels: number,
    kernelSize: PerDimension,
    options: ConvTransposeLayerOptions | undefined,
  ) {
    const label = `ConvTranspose${rank}d`;
    const { bias = true, ...rest } = knownOptions(options, [...CONV_TRANSPOSE_OPTION_NAMES, 'bias'], label);
    const settings = parseConvTransposeOptions(rest, rank, label);
    const operation = `convTranspose${rank}d`;
    super({ label, operation, inChannels, outChannels, kernelSize, bias, settings });
  }

  /**
   * Computes the output now; `outputSize` chooses among the sizes that a stride leaves open.
   *
   * @throws ShapeError where the output cannot have that size.
   */
  override forward(x: Tensor, options?: OutputSizeOption): Tensor {
    return runNow(this.prepare(x, 'now', callOptions(options, this.operation).outputSize));
  }

  /** The same while the event loop goes on; see {@link Layer.forwardAsync}. */
  override async forwardAsync(x: Tensor, options?: ForwardOptions & OutputSizeOption): Promise<Tensor> {
    const { outputSize, ...rest } = knownOptions(options, ['signal', 'outputSize'], this.operation);
    return runInBackground(() => this.prepare(x, 'background', outputSize), rest, this.operation);
  }

  protected prepare(x: Tensor, mode: Mode, outputSize?: OutputSizeOption['outputSize']): Prepared {
    return this.settledFor(x, () =>
      prepareConvTranspose(x, this.weight, this.bias, this.settings, outputSize, mode, this.operation),
    );
  }

  protected override extraSettings(): string[] {
    const { outputPadding, rank } = this.settings;
    return outputPadding.some((size) => size > 0) ? [`outputPadding=${shownSizes(outputPadding, rank)}`] : [];
  }
}

/** What one call may say. */
const callOptions = (options: OutputSizeOption | undefined, operation: string): OutputSizeOption =>
  knownOptions(options, ['outputSize'], operation);

/**
 * 1-D transposed convolution: x [N, inChannels, L] or [inChannels, L] to [N, outChannels, L'], as
 * `ops.convTranspose1d` computes it. Weights begin, and `null` waits, as in
 * {@link ConvTranspose2d}.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * const up = new nn.ConvTranspose1d(16, 4, 3, { stride: 2, padding: 1, outputPadding: 1 });
 * up.forward(Tensor.randn([1, 16, 8])).shape; // [1, 4, 16]
 */
export class ConvTranspose1d extends ConvTransposeLayer {
  /** [inChannels, outChannels / groups, kernelWidth] */
  declare weight: Tensor;
  /** [outChannels], or null */
  declare bias: Tensor | null;

  constructor(
    inChannels: number | null,
    outChannels: number,
    kernelSize: PerDimension,
    options?: ConvTransposeLayerOptions,
  ) {
    super(1, inChannels, outChannels, kernelSize, options);
  }
}

/**
 * 2-D transposed convolution: x [N, inChannels, H, W] or [inChannels, H, W] to [N, outChannels, H', W'], as
 * `ops.convTranspose2d` computes it.
 *
 * Weight and bias begin uniform in ±1 / sqrt(outChannels / groups * product of the kernel's sizes), PyTorch's default, from
 * `manualSeed`'s sequence. With `null` for inChannels the first input says how many there are.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * const up = new nn.ConvTranspose2d(16, 4, 3, { stride: 2, padding: 1, outputPadding: 1 });
 * up.forward(Tensor.randn([1, 16, 8, 8])).shape; // [1, 4, 16, 16]
 */
export class ConvTranspose2d extends ConvTransposeLayer {
  /** [inChannels, outChannels / groups, kernelHeight, kernelWidth] */
  declare weight: Tensor;
  /** [outChannels], or null */
  declare bias: Tensor | null;

  constructor(
    inChannels: number | null,
    outChannels: number,
    kernelSize: PerDimension,
    options?: ConvTransposeLayerOptions,
  ) {
    super(2, inChannels, outChannels, kernelSize, options);
  }
}

/**
 * 3-D transposed convolution: x [N, inChannels, D, H, W] or [inChannels, D, H, W] to [N, outChannels, D', H', W'], as
 * `ops.convTranspose3d` computes it. Weights begin, and `null` waits, as in
 * {@link ConvTranspose2d}.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * const up = new nn.ConvTranspose3d(16, 4, 3, { stride: 2, padding: 1, outputPadding: 1 });
 * up.forward(Tensor.randn([1, 16, 2, 8, 8])).shape; // [1, 4, 4, 16, 16]
 */
export class ConvTranspose3d extends ConvTransposeLayer {
  /** [inChannels, outChannels / groups, kernelDepth, kernelHeight, kernelWidth] */
  declare weight: Tensor;
  /** [outChannels], or null */
  declare bias: Tensor | null;

  constructor(
    inChannels: number | null,
    outChannels: number,
    kernelSize: PerDimension,
    options?: ConvTransposeLayerOptions,
  ) {
    super(3, inChannels, outChannels, kernelSize, options);
  }
}
