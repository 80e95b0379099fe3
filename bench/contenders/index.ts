// The contenders by name, and what the runner has to know of each before it runs.

import type { Isa } from '../../binding.js';
import type { Contender, Settings } from './contender.js';
import { type ConvkitOptions, convkitContender } from './convkit.js';
import { onnxruntime } from './onnxruntime.js';
import { plain } from './plain.js';
import { tfjs } from './tfjs.js';

/** The contender that ratios are taken to. */
export const BASELINE = 'onnxruntime';

/** `NAME:side-by-side` is that contender on one thread in as many processes at once as others have threads. */
export const SIDE_BY_SIDE = ':side-by-side';

/** @throws Absent where it cannot take part here. */
export async function makeContender(name: string, settings: Settings): Promise<Contender> {
  const [family, variant, manner] = name.split(':');
  switch (family) {
    case 'convkit':
      return convkitContender(settings, convkitOptions(variant, manner));
    case 'onnxruntime':
      return onnxruntime(settings, { spinning: variant !== 'nospin' });
    case 'tfjs':
      return tfjs(settings, variant === 'wasm' ? 'wasm' : 'cpu');
    case 'plain':
      return plain(settings);
    default:
      throw new RangeError(`bench: unknown contender '${name}'`);
  }
}

function convkitOptions(variant: string, manner: string | undefined): ConvkitOptions {
  return {
    backend: variant as Isa | 'reference',
    layout: manner === 'nchw' ? 'nchw' : 'channelsLast',
    algorithm: manner === 'winograd' || manner === 'direct' ? manner : 'auto',
  };
}

/**
 * The variables that a contender's process runs under. convkit's addon tells glibc to keep freed memory; a process
 * that loads onnxruntime alone hands it back, and that is the baseline; `onnxruntime:kept` shows it under the same terms.
 */
export function environmentOf(name: string): Record<string, string> {
  if (name !== `${BASELINE}:kept`) return {};
  return { MALLOC_MMAP_THRESHOLD_: `${32 << 20}`, MALLOC_TRIM_THRESHOLD_: `${256 << 20}` };
}

const JAVASCRIPT = ['convkit:reference', 'plain', 'tfjs'];

/** Runs in scalar code or in JavaScript: a hundred times slower, so it gets few rounds. */
export const isSlow = (name: string): boolean =>
  (JAVASCRIPT.some((slow) => name.startsWith(slow)) && name !== 'tfjs:wasm') ||
  name.startsWith('convkit:scalar');

/** Computes on one thread, whatever the number of threads. */
export const isSingle = (name: string): boolean => JAVASCRIPT.some((family) => name.startsWith(family));

/** Computes in a Python process, which is shared by the layers of a run: it takes seconds to begin. */
export const isPython = (name: string): boolean => name.split(':')[0] === 'torch';

/** The instruction set a convkit contender runs on; null for the rest. */
export function isaOf(name: string): Isa | null {
  const [family, variant] = name.split(':');
  return family === 'convkit' && variant !== 'reference' ? (variant as Isa) : null;
}
