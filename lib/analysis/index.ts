// The formulas of the field and what they say of a network, as `analysis.*`. Nothing here computes a network's values but
// `explain`, which computes one.

export {
  type ConvDescription,
  type DenseCost,
  type DenseEquivalentOptions,
  denseEquivalent,
  flops,
  type LinearDescription,
  macs,
  type PlacedConvDescription,
  parameterCount,
  separableSaving,
} from './cost.js';
export { type Explanation, explain, type PerTap } from './explain.js';
export type { ExplainedTap, Parts } from './explained.js';
export { type ReceptiveField, type ReceptiveFieldOptions, receptiveField } from './receptive-field.js';
export type { SummaryRow, SummaryTotals } from './rows.js';
export {
  effectiveKernelSize,
  type OutputSizeOptions,
  outputSize,
  samePadding,
  type TransposedOutputSizeOptions,
  transposedOutputSize,
  type WindowSizes,
} from './sizes.js';
export { type Summary, type SummaryOptions, summary } from './summary.js';
