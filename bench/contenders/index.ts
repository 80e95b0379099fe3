// The contenders by name: `convkit:ISA`, `convkit:ISA:nchw`, `convkit:reference`, `plain`, `onnxruntime`,
// `onnxruntime:nospin`, `tfjs`.

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
  const [family, variant, layout] = name.split(':');
  if (family === 'convkit')
    return convkitContender(settings, {
      backend: variant as Isa | 'reference',
      layout: layout === 'nchw' ? 'nchw' : 'channelsLast',
    });
  if (family === 'onnxruntime') return onnxruntime(settings, { spinning: variant !== 'nospin' });
  if (family === 'tfjs') return tfjs(settings);
  if (name === 'plain') return plain(settings);
  throw new RangeError(`bench: unknown contender '${name}'`);
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
