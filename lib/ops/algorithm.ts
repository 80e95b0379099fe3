// Which way a convolution is computed, and why: a total function of the layer and the size of one image. Never of the
// batch, the processor or a timing, because the choice changes bits and results must not depend on those.

import type { ConvGeometry, Triple } from '../../binding.js';
import { wrongValue } from '../errors.js';
import { oneOf } from './options.js';

/**
 * - `'auto'`: Winograd's tiles where they are faster and the layer is no small example, otherwise directly: chosen by the layer
 *   and the size of one image
 * - `'direct'`: sums every window as it is: whole numbers come out exact, and the error bound is the tightest
 * - `'winograd'`: minimal filtering (Winograd 1980; Lavin and Gray 2016) of 3x3 kernels of stride 1, by tiles of 2x2 or 4x4
 *   outputs: up to 2 or 3.5 times as fast. Its gradients are computed so too: the input's by the same choice, the weight's by
 *   tiles of 4x4. Its relative root mean square error (unit variance, He's weights) is 0.6e-6 with tiles of
 *   2x2 and 1.6e-6 with 4x4 at most, whatever the number of channels; direct sums have 0.4e-6 at 64 channels, 1.1e-6 at 512 and
 *   2.3e-6 at 2048
 */
export type Algorithm = 'auto' | 'direct' | 'winograd';

const ALGORITHMS: readonly Algorithm[] = ['auto', 'direct', 'winograd'];

export const checkAlgorithm = (value: unknown, operation: string): Algorithm =>
  oneOf(value, ALGORITHMS, 'algorithm', operation);

/** Two sizes, three where the first is not 1. */
const shown = (sizes: Triple): string => (sizes[0] === 1 ? sizes.slice(1) : sizes).join('x');

/** What decides whether Winograd's tiles can serve. */
interface Layer {
  readonly kernelSize: Triple;
  readonly stride: Triple;
  readonly groups: number;
  /** Planes added in front and behind: those would be convolved by the bias alone. */
  readonly padBegin: Triple;
  readonly padEnd: Triple;
}

const servesWinograd = ({ kernelSize, stride, groups, padBegin, padEnd }: Layer): boolean =>
  groups === 1 && kernelSize.join() === '1,3,3' && stride.join() === '1,1,1' && padBegin[0] + padEnd[0] === 0;

/** What Winograd's algorithm asks of a layer. @throws RangeError where it is demanded of another. */
export function checkWinograd(asked: Algorithm, layer: Layer, operation: string): void {
  if (asked !== 'winograd' || servesWinograd(layer)) return;
  const { kernelSize, stride, groups } = layer;
  const depth = layer.padBegin[0] + layer.padEnd[0];
  throw wrongValue(
    operation,
    `algorithm 'winograd' needs a 3x3 kernel, stride 1 and groups=1, but got kernel ${shown(kernelSize)}, ` +
      `stride ${shown(stride)} and groups=${groups}${depth > 0 ? `, and ${depth} planes of padding` : ''}`,
    "use 'auto' or 'direct'",
  );
}

type Sizes = Omit<ConvGeometry, 'algorithm'>;
type Winograd = Exclude<ConvGeometry['algorithm'], 'direct'>;

/** With fewer channels, transforms cost what tiles spare. */
const LEAST_CHANNELS = 16;
/** Multiply-accumulates: layers of less take some ten microseconds anyhow, and what people compute by hand comes out exact. */
const LEAST_WORK = 2 ** 20;

/** The algorithm for one image of a layer that may have been asked for one. */
export function chooseAlgorithm(asked: Algorithm, sizes: Sizes): ConvGeometry['algorithm'] {
  if (asked === 'direct' || !servesWinograd(sizes)) return 'direct';
  const two = winogradCost(sizes, 'winograd2');
  const four = winogradCost(sizes, 'winograd4') + waitingCost(sizes);
  const tiles = four < two ? 'winograd4' : 'winograd2';
  if (asked === 'winograd') return tiles;
  const { inChannels, outChannels, outputSize } = sizes;
  const work = 9 * inChannels * outChannels * outputSize[0] * outputSize[1] * outputSize[2];
  if (Math.min(inChannels, outChannels) < LEAST_CHANNELS || work < LEAST_WORK) return 'direct';
  return Math.min(two, four) < directCost(sizes) ? tiles : 'direct';
}

/**
 * The algorithm of a layer's weight gradient: F(3x3, 4x4), whose tiles of 4x4 outputs take 36 multiplications for the sum's 144,
 * or the sum itself.
 */
export function chooseGradientAlgorithm(asked: Algorithm, sizes: Sizes): 'direct' | 'winograd4' {
  if (asked === 'direct' || !servesWinograd(sizes)) return 'direct';
  if (asked === 'winograd') return 'winograd4';
  return chooseAlgorithm(asked, sizes) === 'direct' || winogradCost(sizes, 'winograd4') >= directCost(sizes)
    ? 'direct'
    : 'winograd4';
}

// Costs in multiplications of matrix elements. A transform costs as much as so many of them a channel and element of a tile;
// bringing an element's filters as much as so many tiles; taps that lie in zero padding for a whole tile of positions are skipped.
// Fitted to 800 layers of 16 to 1024 channels, 1x64 to 224x224 and dilations 1 to 12, on Zen 5 with AVX-512 and AVX2, one thread.
// bench/algorithms.ts measures it anew.
const TRANSFORM = 5;
const FETCH = 2;
/** Where the transformed filters are more floats than a cache holds. */
const FETCH_UNCACHED = 6;
const CACHED_FILTER = 2 ** 22;
// In a network other layers' filters go through the caches between two calls: few tiles of 4x4 wait for their own where those are
// more floats than this. Filters in turn, tiles of 2x2 and 4x4, AVX-512: 128 channels at 7x7 45 us and 74, 160 to 320 145 and 211, at
// 8x8 152 and 213, on two threads 88 and 164; at 12x12 (nine tiles) 4x4 wins.
const KEPT_FILTER = 2 ** 17;
const TILES_WHILE_FETCHING = 7;

function directCost(sizes: Sizes): number {
  const { inChannels, outChannels, outputSize } = sizes;
  const columns = (tapsInside(sizes, 2) + 3 * outputSize[2]) / 2; // tiles of positions lie along a row: half of it is skipped
  return inChannels * outChannels * outputSize[0] * tapsInside(sizes, 1) * columns;
}

/** Taps of all positions along an axis that do not lie in zero padding. */
function tapsInside({ inputSize, outputSize, dilation, padBegin, paddingMode }: Sizes, axis: 1 | 2): number {
  const output = outputSize[axis];
  if (paddingMode !== 'zeros') return 3 * output;
  return [0, 1, 2].reduce((sum, tap) => {
    const first = padBegin[axis] - tap * dilation[axis]; // the position that reads input 0
    return sum + Math.max(0, Math.min(output, first + inputSize[axis]) - Math.max(0, first));
  }, 0);
}

function winogradCost(sizes: Sizes, algorithm: Winograd): number {
  const { inChannels, outChannels } = sizes;
  const elements = elementsOf(algorithm);
  const filter = inChannels * outChannels;
  const fetch = elements * filter > CACHED_FILTER ? FETCH_UNCACHED : FETCH;
  const transforms = TRANSFORM * (inChannels + outChannels);
  return elements * (winogradTiles(sizes, algorithm) * (filter + transforms) + fetch * filter);
}

/** What fewer tiles of 4x4 than are multiplied while their filters arrive take beside {@link winogradCost}. */
function waitingCost(sizes: Sizes): number {
  const floats = elementsOf('winograd4') * sizes.inChannels * sizes.outChannels;
  if (floats <= KEPT_FILTER) return 0;
  return floats * Math.max(0, TILES_WHILE_FETCHING - winogradTiles(sizes, 'winograd4'));
}

const outputsOf = (algorithm: Winograd): number => (algorithm === 'winograd4' ? 4 : 2);
const elementsOf = (algorithm: Winograd): number => (algorithm === 'winograd4' ? 36 : 16);

/** Tiles of one image: a dilation of d makes d interleaved grids along an axis, each with tiles of its own. */
function winogradTiles({ outputSize, dilation }: Sizes, algorithm: Winograd): number {
  const along = (axis: 1 | 2): number => {
    const step = Math.min(dilation[axis], outputSize[axis]);
    const longer = outputSize[axis] % dilation[axis]; // grids with one position more
    const length = Math.floor(outputSize[axis] / dilation[axis]);
    const outputs = outputsOf(algorithm);
    if (length === 0) return step;
    return longer * Math.ceil((length + 1) / outputs) + (step - longer) * Math.ceil(length / outputs);
  };
  return outputSize[0] * along(1) * along(2);
}

/** Multiplications of one image's matrix products. */
export const winogradProducts = (sizes: Sizes, algorithm: Winograd): number =>
  elementsOf(algorithm) * winogradTiles(sizes, algorithm) * sizes.inChannels * sizes.outChannels;
