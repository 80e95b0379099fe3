// What a summary says, as data.

import type { ConvGeometry } from '../../binding.js';

/** One call of one module. Numbers of a module with modules inside include theirs. */
export interface SummaryRow {
  /** As `namedModules` has it, such as 'features.0'; '' is the network itself. */
  readonly path: string;
  /** The class. */
  readonly type: string;
  /** 0 is the network itself. */
  readonly depth: number;
  /** The number of the call among those of its depth, from 1. */
  readonly index: number;
  /** Whether no module is called inside. */
  readonly leaf: boolean;
  /** Whether this module was called before: its parameters are those of then. */
  readonly recursive: boolean;
  readonly inputShape: readonly number[] | null;
  readonly outputShape: readonly number[] | null;
  /** The window of a leaf with one convolution or sliding pool. */
  readonly kernelSize: readonly number[] | null;
  readonly params: number;
  /** Parameters and multiply-accumulates outside the modules inside. */
  readonly own: { readonly params: number; readonly macs: number };
  /** Of the whole batch; biases not counted. */
  readonly macs: number;
  /** 2 * macs. */
  readonly flops: number;
  /** As macs, by the algorithms chosen: Winograd's tiles need fewer. Their transforms are not counted. */
  readonly multiplications: number;
  /** How a leaf with one convolution computes. */
  readonly algorithm: ConvGeometry['algorithm'] | null;
  /** Size, jump and start per spatial dimension, as {@link receptiveField} has them; null where there is none. */
  readonly receptiveField: {
    readonly size: readonly number[];
    readonly jump: readonly number[];
    readonly start: readonly number[];
  } | null;
}

export interface SummaryTotals {
  /** Each parameter once. */
  readonly params: number;
  readonly trainableParams: number;
  readonly macs: number;
  readonly flops: number;
  /** As macs, by the algorithms chosen. */
  readonly multiplications: number;
  readonly inputBytes: number;
  /** The outputs of all leaves together, as if none were freed. */
  readonly forwardBytes: number;
  readonly paramsBytes: number;
}
