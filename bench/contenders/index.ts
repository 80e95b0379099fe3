// The contenders by name: `convkit:ISA`, `convkit:ISA:nchw`, `convkit:ISA:winograd`, `convkit:reference`, `plain`, `onnxruntime`,
// `onnxruntime:kept`, `onnxruntime:nospin`, `tfjs`.

import type { Isa } from '../../binding.js';
import type { Contender, Settings } from './contender.js';
import { convkitContender } from './convkit.js';
import { onnxruntime } from './onnxruntime.js';
import { plain } from './plain.js';
import { tfjs } from './tfjs.js';

/** The contender that ratios are taken to. */
export const BASELINE = 'onnxruntime';

/** @throws Absent where it cannot take part here. */
export async function makeContender(name: string, settings: Settings): Promise<Contender> {
  const [family, variant, manner] = name.split(':');
  if (family === 'convkit')
    return convkitContender(settings, {
      backend: variant as Isa | 'reference',
      layout: manner === 'nchw' ? 'nchw' : 'channelsLast',
      algorithm: manner === 'winograd' ? 'winograd' : 'auto',
    });
  if (family === 'onnxruntime') return onnxruntime(settings, { spinning: variant !== 'nospin' });
  if (family === 'tfjs') return tfjs(settings);
  if (name === 'plain') return plain(settings);
  throw new RangeError(`bench: unknown contender '${name}'`);
}

/**
 * The variables that a contender's process runs under. convkit's addon tells glibc to keep freed memory; a process
 * that loads onnxruntime alone hands it back, and that is the baseline; `onnxruntime:kept` shows it under the same terms.
 */
export function environmentOf(name: string): Record<string, string> {
  if (name !== 'onnxruntime:kept') return {};
  return { MALLOC_MMAP_THRESHOLD_: `${32 << 20}`, MALLOC_TRIM_THRESHOLD_: `${256 << 20}` };
}

/** Runs in scalar code or in JavaScript: a hundred times slower, so it gets small layers and few rounds. */
export const isSlow = (name: string): boolean =>
  ['convkit:reference', 'convkit:scalar', 'plain', 'tfjs'].some((slow) => name.startsWith(slow));

/** Computes in JavaScript on one thread, whatever the number of threads. */
export const isJavaScript = (name: string): boolean =>
  ['convkit:reference', 'plain', 'tfjs'].some((slow) => name.startsWith(slow));

/** The instruction set a convkit contender runs on; null for the rest. */
export function isaOf(name: string): Isa | null {
  const [family, variant] = name.split(':');
  return family === 'convkit' && variant !== 'reference' ? (variant as Isa) : null;
}
