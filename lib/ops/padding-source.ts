// Which position of an axis a position beyond its ends shows, in every mode of padding.

import type { PaddingMode } from '../../binding.js';

/** The position that `at`, perhaps beyond the ends of an axis of `size`, shows; -1 for none. */
export function shownPosition(at: number, size: number, mode: PaddingMode): number {
  if (at >= 0 && at < size) return at;
  switch (mode) {
    case 'zeros':
      return -1;
    case 'reflect':
      return at < 0 ? -at : 2 * (size - 1) - at;
    case 'replicate':
      return at < 0 ? 0 : size - 1;
    case 'circular':
      return at < 0 ? at + size : at - size;
  }
}
