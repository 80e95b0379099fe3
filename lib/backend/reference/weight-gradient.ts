// The work of a weight gradient: chunks of output positions in order, and in each the rows of the weight (a tap of an input
// channel) four at a time, by pairs of output channels. The tile is the convolution's own, with positions for its taps.
import type { Conv } from '../../../binding.js';
import { wrongValue } from '../../errors.js';
import { checkApart, checkCount, checkFloats } from './checks.js';
import { planOf, type ReferenceConv } from './conv.js';
import type { Work } from './jobs.js';
import { NO_TAP } from './padding.js';
import { hasExactSmallSums, smallestExponent } from './rounding.js';
import { CHUNK, sumPositionsWork } from './sums.js';
import { runTile, TILE_CHANNELS, TILE_POSITIONS } from './tile.js';
import { WinogradGradientWork } from './winograd-gradient.js';

export function convWeightGradientWork(
  conv: Conv,
  x: Float32Array,
  upstream: Float32Array,
  gradient: Float32Array,
  biasGradient: Float32Array | null,
  batch: number,
): Work {
  const operation = 'convWeightGradient';
  const plan = planOf(operation, conv);
  const { outChannels, transposed, algorithm, inputLayout, outputLayout } = plan.geometry;
  if (transposed || algorithm === 'winograd2')
    throw wrongValue(operation, "conv must not be transposed, nor 'winograd2'");
  if (inputLayout !== 'channelsLast' || outputLayout !== 'channelsLast')
    throw wrongValue(operation, 'conv must read and write channels-last images');
  if (plan.inputStride > plan.geometry.inChannels || plan.outputStride > outChannels)
    throw wrongValue(operation, 'a weight gradient reads whole images');
  checkCount(operation, 'batch', batch, 0);
  checkFloats(operation, 'x', x, batch * plan.inputLength);
  checkFloats(operation, 'upstream', upstream, batch * plan.outputLength);
  checkFloats(operation, 'gradient', gradient, outChannels * plan.groupInputs * plan.taps);
  checkApart(operation, gradient, [x, upstream], 'none');
  const work =
    algorithm === 'direct'
      ? new WeightGradientWork(plan, x, upstream, gradient, batch)
      : new WinogradGradientWork(plan, x, upstream, gradient, batch);
  if (biasGradient === null) return work;
  checkFloats(operation, 'biasGradient', biasGradient, outChannels);
  checkApart(operation, biasGradient, [x, upstream, gradient], 'none');
  return inTurn(work, sumPositionsWork(upstream, biasGradient, batch * plan.positions));
}

const inTurn = (first: Work, second: Work): Work => ({
  units: first.units + second.units,
  run(begin, end) {
    if (begin < first.units) first.run(begin, Math.min(end, first.units));
    if (end > first.units) second.run(Math.max(0, begin - first.units), end - first.units);
  },
});

/** Where the tile finds row i of position p: what the rows read is gathered in that order. */
const OFFSETS = Int32Array.from({ length: TILE_POSITIONS * CHUNK }, (_, i) => i);

/** Units in the order chunk, group, block of rows. */
class WeightGradientWork implements Work {
  readonly units: number;
  readonly #chunks: number;
  readonly #blocks: number;
  readonly #gathered = new Float32Array(TILE_POSITIONS * CHUNK);
  readonly #pairs: Float32Array;
  readonly #state = new Float64Array(TILE_POSITIONS * TILE_CHANNELS);
  #loaded = -1;
  /** The smallest exponent of the pairs that are loaded. */
  #exponent = 0;

  constructor(
    readonly plan: ReferenceConv,
    readonly x: Float32Array,
    readonly upstream: Float32Array,
    readonly gradient: Float32Array,
    readonly batch: number,
  ) {
    const { taps, groupInputs, groupOutputs, positions, geometry } = plan;
    // An empty batch still has a chunk, of no positions: the sums are zeros.
    this.#chunks = Math.max(1, Math.ceil((batch * positions) / CHUNK));
    this.#blocks = Math.ceil((groupInputs * taps) / TILE_POSITIONS);
    this.#pairs = new Float32Array(Math.ceil(groupOutputs / TILE_CHANNELS) * TILE_CHANNELS * CHUNK);
    this.units = this.#chunks * geometry.groups * this.#blocks;
  }

  run(begin: number, end: number): void {
    const { groups } = this.plan.geometry;
    const { positions } = this.plan;
    for (let unit = begin; unit < end; unit++) {
      const block = unit % this.#blocks;
      const group = Math.floor(unit / this.#blocks) % groups;
      const first = Math.floor(unit / this.#blocks / groups) * CHUNK;
      const count = Math.min(CHUNK, this.batch * positions - first);
      // The first block of every run anew: another run may have other values
      if (unit === begin || block === 0 || this.#loaded !== unit - block)
        this.#loadPairs(group, first, count);
      this.#loaded = unit - block;
      this.#addBlock(group, block * TILE_POSITIONS, first, count);
    }
  }

  /** Upstream's channels of a group as the tile reads them: [pair][position][2]. */
  #loadPairs(group: number, first: number, count: number): void {
    const { groupOutputs, geometry } = this.plan;
    for (let n = 0; n < groupOutputs; n++) {
      let from = first * geometry.outChannels + group * groupOutputs + n;
      let to = (n >> 1) * TILE_CHANNELS * count + (n & 1);
      for (let p = 0; p < count; p++, from += geometry.outChannels, to += TILE_CHANNELS)
        this.#pairs[to] = this.upstream[from];
    }
    this.#exponent = smallestExponent(this.#pairs, 0, (groupOutputs + (groupOutputs & 1)) * count);
  }

  /** Adds a chunk's sums to rows [firstRow, firstRow + 4) of a group's weights. */
  #addBlock(group: number, firstRow: number, first: number, count: number): void {
    const { taps, groupInputs, groupOutputs } = this.plan;
    const { gradient } = this;
    const state = this.#state;
    const length = groupInputs * taps;
    const rows = Math.min(TILE_POSITIONS, length - firstRow);
    for (let row = 0; row < TILE_POSITIONS; row++) this.#gather(group, firstRow, row, rows, first, count);
    const exponent = smallestExponent(this.#gathered, 0, TILE_POSITIONS * count);
    const quick = hasExactSmallSums(exponent, this.#exponent);
    for (let n = 0; n < groupOutputs; n += TILE_CHANNELS) {
      state.fill(0);
      runTile(this.#gathered, OFFSETS, 0, this.#pairs, n * count, count, 1, state, quick);
      const columns = Math.min(TILE_CHANNELS, groupOutputs - n);
      for (let column = 0; column < columns; column++) {
        const at = (group * groupOutputs + n + column) * length + firstRow;
        for (let row = 0; row < rows; row++) {
          const before = first === 0 ? 0 : gradient[at + row];
          gradient[at + row] = before + state[TILE_CHANNELS * row + column];
        }
      }
    }
  }

  /** What a row's tap reads at every position; zeros in zero padding and beyond the last row. */
  #gather(group: number, firstRow: number, row: number, rows: number, first: number, count: number): void {
    const { geometry, sources, taps, groupInputs } = this.plan;
    const { kernelSize, inputSize, outputSize, inChannels } = geometry;
    const gathered = this.#gathered;
    const channel = group * groupInputs + Math.floor((firstRow + row) / taps);
    const tap = (firstRow + row) % taps;
    const kw = tap % kernelSize[2];
    const kh = Math.floor(tap / kernelSize[2]) % kernelSize[1];
    const kd = Math.floor(tap / kernelSize[2] / kernelSize[1]);
    for (let p = 0, to = row; p < count; p++, to += TILE_POSITIONS) {
      let rest = first + p;
      const w = sources[2][(rest % outputSize[2]) * kernelSize[2] + kw];
      rest = Math.floor(rest / outputSize[2]);
      const h = sources[1][(rest % outputSize[1]) * kernelSize[1] + kh];
      rest = Math.floor(rest / outputSize[1]);
      const d = sources[0][(rest % outputSize[0]) * kernelSize[0] + kd];
      const image = Math.floor(rest / outputSize[0]);
      const nothing = row >= rows || d === NO_TAP || h === NO_TAP || w === NO_TAP;
      const pixel = ((image * inputSize[0] + d) * inputSize[1] + h) * inputSize[2] + w;
      gathered[to] = nothing ? 0 : this.x[pixel * inChannels + channel];
    }
  }
}
