// What is known of one explained output element, and of each product in its sum.

import type { Activation, ConvGeometry } from '../../binding.js';

/** One product of the sum, or a tap over zero padding, which adds none. */
export interface ExplainedTap {
  /** The tap's place in the kernel, one number per dimension. */
  readonly kernel: readonly number[];
  /** The input channel. */
  readonly channel: number;
  /** The input position under the tap; null where there is none: zero padding, or between the inputs of a transposed convolution. */
  readonly input: readonly number[] | null;
  /** Whether the tap lies outside the image, wherever a padding mode took its value from. */
  readonly padded: boolean;
  readonly value: number | null;
  readonly weight: number;
  /** value * weight before rounding: the sum fuses its multiplications. */
  readonly product: number | null;
  /** The sum so far, as a float32. */
  readonly total: number;
}

/** The parts of one output element; String(...) prints them. */
export interface Parts {
  readonly operation: string;
  /** How the layer computes. With Winograd's tiles of 2x2 or 4x4, `value` is its own, and all else that of the direct sum. */
  readonly algorithm: ConvGeometry['algorithm'];
  /** The element, as `[n, c, i, j]`. */
  readonly position: readonly number[];
  readonly outputShape: readonly number[];
  /** Taps of each dimension. */
  readonly kernelSize: readonly number[];
  /** In the order of the sum: kernel positions, and within each the input channels. */
  readonly taps: readonly ExplainedTap[];
  /** Before the bias. */
  readonly total: number;
  readonly bias: number | null;
  /** Before the activation. */
  readonly sum: number;
  readonly activation: Activation['kind'];
  /** Bit for bit what the layer gives there. */
  readonly value: number;
}
