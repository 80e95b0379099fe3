// Which way a convolution is computed, found by watching it.

import type { ConvGeometry } from '../../binding.js';
import { observe } from '../../lib/ops/trace.js';

/** The algorithm of the one convolution in `run`, which computes nothing. */
export function algorithmOf(run: () => unknown): ConvGeometry['algorithm'] {
  const found: ConvGeometry['algorithm'][] = [];
  observe((step) => {
    if (step.kind === 'conv') found.push(step.geometry.algorithm);
  }, run);
  if (found.length !== 1) throw new Error(`${found.length} convolutions instead of one`);
  return found[0];
}
