// Which way a convolution is computed, and why: a total function of the layer and the size of one image. Never of the
// batch, the processor or a timing, because the choice may change bits and results must not depend on those.

import type { ConvGeometry } from '../../binding.js';
import { wrongValue } from '../errors.js';
import { oneOf } from './options.js';

/** `'auto'` chooses; `'direct'` sums every window as it is. */
export type Algorithm = 'auto' | 'direct';

const ALGORITHMS: readonly Algorithm[] = ['auto', 'direct'];

export function checkAlgorithm(value: unknown, operation: string): Algorithm {
  if (value === 'winograd') {
    throw wrongValue(
      operation,
      "algorithm 'winograd' is not available in this version",
      "use 'auto' or 'direct'",
    );
  }
  return oneOf(value, ALGORITHMS, 'algorithm', operation);
}

/** The algorithm for one image of a layer. */
export function chooseAlgorithm(asked: Algorithm): ConvGeometry['algorithm'] {
  if (asked !== 'auto') return asked;
  // It serves every geometry, and small teaching examples come out exact.
  return 'direct';
}
