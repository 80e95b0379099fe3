// Which way a convolution is computed, and why: a total function of the layer and the size of one image. Never of the
// batch, the processor or a timing, because the choice changes bits and results must not depend on those.

import type { ConvGeometry, Triple } from '../../binding.js';
import { wrongValue } from '../errors.js';
import { oneOf } from './options.js';

/**
 * - `'auto'`: chosen by the layer and the image size; at present always `'direct'`
 * - `'direct'`: sums every window as it is: whole numbers come out exact, and the error bound is the tightest
 * - `'winograd'`: minimal filtering (Winograd 1980; Lavin and Gray 2016), two to three times as fast for 3x3 kernels of stride 1
 *   with 16 channels and more; its root mean square error is about that of direct sums for tiles of 2x2, twice that for 4x4
 */
export type Algorithm = 'auto' | 'direct' | 'winograd';

const ALGORITHMS: readonly Algorithm[] = ['auto', 'direct', 'winograd'];

export const checkAlgorithm = (value: unknown, operation: string): Algorithm =>
  oneOf(value, ALGORITHMS, 'algorithm', operation);

/** What Winograd's algorithm asks of a layer. @throws RangeError where it is demanded of another. */
export function checkWinograd(
  asked: Algorithm,
  { kernelSize, stride, groups }: { kernelSize: Triple; stride: Triple; groups: number },
  operation: string,
): void {
  if (asked !== 'winograd') return;
  if (kernelSize.join() === '1,3,3' && stride.join() === '1,1,1' && groups === 1) return;
  throw wrongValue(
    operation,
    `algorithm 'winograd' needs a 3x3 kernel, stride 1 and groups=1, but got kernel ${kernelSize.slice(1).join('x')}, ` +
      `stride ${stride.slice(1).join('x')} and groups=${groups}`,
    "use 'auto' or 'direct'",
  );
}

/** The algorithm for one image of a layer that may have been asked for one. */
export function chooseAlgorithm(
  asked: Algorithm,
  geometry: Omit<ConvGeometry, 'algorithm'>,
): ConvGeometry['algorithm'] {
  return asked === 'winograd' ? winogradTiles(geometry) : 'direct';
}

// Costs in multiplications of one matrix element. A transform costs as much as so many multiplications a channel, and
// fetching an element's filters as much as so many tiles; fitted to 24 layers of 14x14 to 224x224 and 16 to 512
// channels (AVX-512, Zen 5), whose order of speed it gives within a tenth.
const TRANSFORM = { winograd2: 7.5, winograd4: 8.5 };
const FETCH = 6.5;
/** Beyond this many floats the transformed filters come from memory instead of cache. */
const CACHED_FILTER = 2 ** 22;
const FETCH_UNCACHED = 3 * FETCH;
/** With more channels, the error of 4x4 tiles passes a relative root mean square of 2e-6 (unit variance, He's weights). */
const MOST_CHANNELS_OF_FOUR = 384;

/** The tile that costs less. */
function winogradTiles(geometry: Omit<ConvGeometry, 'algorithm'>): 'winograd2' | 'winograd4' {
  if (geometry.inChannels > MOST_CHANNELS_OF_FOUR) return 'winograd2';
  return winogradCost(geometry, 'winograd4') < winogradCost(geometry, 'winograd2')
    ? 'winograd4'
    : 'winograd2';
}

function winogradCost(
  { inChannels, outChannels, outputSize, dilation }: Omit<ConvGeometry, 'algorithm'>,
  algorithm: 'winograd2' | 'winograd4',
): number {
  const tile = algorithm === 'winograd4' ? 4 : 2;
  const elements = (tile + 2) * (tile + 2);
  const along = (axis: 1 | 2) => {
    let tiles = 0;
    for (let rest = 0; rest < Math.min(dilation[axis], outputSize[axis]); rest++)
      tiles += Math.ceil(Math.ceil((outputSize[axis] - rest) / dilation[axis]) / tile);
    return tiles;
  };
  const tiles = outputSize[0] * along(1) * along(2);
  const filter = inChannels * outChannels;
  const fetch = elements * filter > CACHED_FILTER ? FETCH_UNCACHED : FETCH;
  return elements * (tiles * (filter + TRANSFORM[algorithm] * (inChannels + outChannels)) + fetch * filter);
}
