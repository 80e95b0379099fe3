// The work of one convolution over a batch: units in the order image, tile of output positions, block of channel pairs.
import type { Conv, PackedFilter } from '../../../binding.js';
import { show, wrongType, wrongValue } from '../../errors.js';
import { checkApart, checkCount, checkFloats, spanOf } from './checks.js';
import { filterShape, planOf, type ReferenceConv, ReferenceFilter } from './conv.js';
import { runDepthwiseTile } from './depthwise-tile.js';
import { consecutive, type Work } from './jobs.js';
import { toChannelsFirstWork, toChannelsLastWork } from './layout.js';
import { NO_TAP } from './padding.js';
import { hasExactSmallSums, smallestExponent } from './rounding.js';
import { scaledInputWork } from './scaled-input.js';
import { runTile, TILE_CHANNELS, TILE_POSITIONS } from './tile.js';
import { WinogradWork } from './winograd-work.js';

/** FMAs that one unit of background work may take, about: a tenth of a millisecond. */
const UNIT = 2 ** 17;

export function convWork(
  conv: Conv,
  filter: PackedFilter,
  x: Float32Array,
  y: Float32Array,
  batch: number,
  residual: Float32Array | null = null,
  scale: Float32Array | null = null,
  shift: Float32Array | null = null,
): Work {
  const plan = planOf('conv', conv);
  if (!(filter instanceof ReferenceFilter))
    throw wrongType('conv', `filter must come from the reference backend's packFilter, got ${show(filter)}`);
  if (filter.released)
    throw wrongType('conv', 'filter has been released', 'pack the weights again with packFilter');
  if (filter.shape !== filterShape(plan.geometry))
    throw wrongValue(
      'conv',
      `filter is for ${filter.shape}, the convolution takes ${filterShape(plan.geometry)}`,
    );
  checkCount('conv', 'batch', batch, 0);
  const { inChannels, outChannels, inputSize, inputLayout, outputLayout } = plan.geometry;
  const inputs = batch * inputSize[0] * inputSize[1] * inputSize[2];
  checkFloats('conv', 'x', x, spanOf(inputs, plan.inputStride, inChannels));
  checkFloats('conv', 'y', y, spanOf(batch * plan.positions, plan.outputStride, outChannels));
  if (residual !== null) checkFloats('conv', 'residual', residual, y.length);
  checkApart('conv', y, residual === null ? [x] : [x, residual], 'none');
  const parts: Work[] = [];
  let source = x;
  if (inputLayout === 'channelsFirst') {
    const positions = inputSize[0] * inputSize[1] * inputSize[2];
    source = new Float32Array(x.length);
    parts.push(toChannelsLastWork(x, source, batch, inChannels, positions));
  }
  if (scale !== null || plan.inputStride !== inChannels) {
    source = new Float32Array(inputs * inChannels);
    parts.push(scaledInputWork(plan, x, y, scale, shift, source, batch));
  }
  let added = residual;
  if (residual !== null && outputLayout === 'channelsFirst') {
    added = new Float32Array(y.length);
    parts.push(toChannelsLastWork(residual, added, batch, outChannels, plan.positions));
  }
  const target = outputLayout === 'channelsFirst' ? new Float32Array(y.length) : y;
  parts.push(channelsLastWork(plan, filter, source, target, batch, added));
  if (target !== y) parts.push(toChannelsFirstWork(target, y, batch, outChannels, plan.positions));
  return parts.length === 1 ? parts[0] : consecutive(parts);
}

function channelsLastWork(
  plan: ReferenceConv,
  filter: ReferenceFilter,
  x: Float32Array,
  y: Float32Array,
  batch: number,
  residual: Float32Array | null,
): Work {
  const { algorithm } = plan.geometry;
  if (algorithm !== 'direct') return new WinogradWork(plan, filter, algorithm, x, y, batch, residual);
  return new ConvWork(plan, filter, x, y, batch, residual);
}

class ConvWork implements Work {
  readonly units: number;
  readonly #offsets: Int32Array;
  readonly #state = new Float64Array(TILE_POSITIONS * TILE_CHANNELS);
  /** Of all pairs of a unit, where the convolution is depthwise. */
  readonly #sums: Float64Array;
  readonly #pairsOfGroup: number;
  readonly #pairs: number;
  readonly #pairsPerUnit: number;
  readonly #blocks: number;
  readonly #tiles: number;
  #source: Float32Array = new Float32Array(0);
  #image = -1;
  /** The smallest exponent of the image. */
  #exponent = 0;
  #tile = -1;

  constructor(
    readonly plan: ReferenceConv,
    readonly filter: ReferenceFilter,
    readonly x: Float32Array,
    readonly y: Float32Array,
    batch: number,
    readonly residual: Float32Array | null,
  ) {
    const { taps, groupInputs, groupOutputs, geometry, positions } = plan;
    this.#offsets = new Int32Array(TILE_POSITIONS * taps);
    // Depthwise channels pair up across groups, as if all were in one.
    const within = plan.isDepthwise ? geometry.outChannels : groupOutputs;
    this.#pairsOfGroup = Math.ceil(within / TILE_CHANNELS);
    this.#pairs = (geometry.outChannels / within) * this.#pairsOfGroup;
    const costOfPair = taps * groupInputs * TILE_POSITIONS * TILE_CHANNELS;
    this.#pairsPerUnit = Math.max(1, Math.floor(UNIT / costOfPair));
    this.#blocks = Math.ceil(this.#pairs / this.#pairsPerUnit);
    const sums = plan.isDepthwise ? Math.min(this.#pairs, this.#pairsPerUnit) : 0;
    this.#sums = new Float64Array(sums * TILE_POSITIONS * TILE_CHANNELS);
    this.#tiles = Math.ceil(positions / TILE_POSITIONS);
    this.units = batch * this.#tiles * this.#blocks;
  }

  run(begin: number, end: number): void {
    // A run from the start reads an x that may have been written since the last one
    if (begin === 0) this.#image = this.#tile = -1;
    for (let unit = begin; unit < end; unit++) {
      const block = unit % this.#blocks;
      const tile = Math.floor(unit / this.#blocks);
      if (tile !== this.#tile) this.#loadTile(tile);
      const first = block * this.#pairsPerUnit;
      const end = Math.min(first + this.#pairsPerUnit, this.#pairs);
      if (this.plan.isDepthwise) this.#runDepthwisePairs(first, end);
      else this.#runPairs(first, end);
    }
  }

  /** Points the offsets at the taps of a tile. A tap in zero padding points at zeros behind a copy of the image. */
  #loadTile(tile: number): void {
    this.#tile = tile;
    const image = Math.floor(tile / this.#tiles);
    if (image !== this.#image) this.#loadImage(image);
    const { geometry, inputLength, positions } = this.plan;
    const { outputSize, inputSize, inChannels } = geometry;
    const [kernelDepth, kernelHeight, kernelWidth] = geometry.kernelSize;
    const [depths, heights, widths] = this.plan.sources;
    const offsets = this.#offsets;
    for (let p = 0; p < TILE_POSITIONS; p++) {
      // Past the end of the image the last position is computed again, and not stored.
      const position = Math.min((tile % this.#tiles) * TILE_POSITIONS + p, positions - 1);
      const line = Math.floor(position / outputSize[2]);
      const width = (position - line * outputSize[2]) * kernelWidth;
      const depth = Math.floor(line / outputSize[1]);
      const height = (line - depth * outputSize[1]) * kernelHeight;
      let at = p;
      for (let i = 0; i < kernelDepth; i++) {
        const d = depths[depth * kernelDepth + i];
        for (let j = 0; j < kernelHeight; j++) {
          const h = heights[height + j];
          const row = d === NO_TAP || h === NO_TAP ? NO_TAP : (d * inputSize[1] + h) * inputSize[2];
          for (let k = 0; k < kernelWidth; k++) {
            const w = widths[width + k];
            offsets[at] = row === NO_TAP || w === NO_TAP ? inputLength : (row + w) * inChannels;
            at += TILE_POSITIONS;
          }
        }
      }
    }
  }

  #loadImage(image: number): void {
    const { inputLength, hasPadding, geometry } = this.plan;
    const values = this.x.subarray(image * inputLength, (image + 1) * inputLength);
    this.#image = image;
    this.#exponent = smallestExponent(values);
    if (!hasPadding) {
      this.#source = values;
      return;
    }
    if (this.#source.length === 0) this.#source = new Float32Array(inputLength + geometry.inChannels);
    this.#source.set(values);
  }

  /** Channel pairs [begin, end) of the tile that is loaded. */
  #runPairs(begin: number, end: number): void {
    const { taps, groupInputs, groupOutputs, positions, activate, outputLength, outputStride } = this.plan;
    const { weights, bias, exponents } = this.filter;
    const [state, y, source, offsets, residual] = [
      this.#state,
      this.y,
      this.#source,
      this.#offsets,
      this.residual,
    ];
    const pairsOfGroup = this.#pairsOfGroup;
    const start = (this.#tile % this.#tiles) * TILE_POSITIONS;
    const rows = Math.min(TILE_POSITIONS, positions - start);
    const corner = this.#image * outputLength + start * outputStride;
    for (let pair = begin; pair < end; pair++) {
      const group = Math.floor(pair / pairsOfGroup);
      const within = (pair - group * pairsOfGroup) * TILE_CHANNELS;
      for (let i = 0; i < TILE_POSITIONS * TILE_CHANNELS; i++) state[i] = 0;
      const first = pair * taps * groupInputs * TILE_CHANNELS;
      const quick = hasExactSmallSums(this.#exponent, exponents[pair]);
      runTile(source, offsets, group * groupInputs, weights, first, taps, groupInputs, state, quick);

      const columns = Math.min(TILE_CHANNELS, groupOutputs - within);
      for (let n = 0; n < columns; n++) {
        let at = corner + group * groupOutputs + within + n;
        const added = bias[TILE_CHANNELS * pair + n];
        for (let p = 0; p < rows; p++, at += outputStride) {
          let value = Math.fround(state[TILE_CHANNELS * p + n] + added);
          if (residual !== null) value = Math.fround(value + residual[at]);
          y[at] = activate === null ? value : activate(value);
        }
      }
    }
  }

  /** The same of a depthwise convolution, whose channels pair up across groups. */
  #runDepthwisePairs(begin: number, end: number): void {
    const { taps, positions, activate, outputLength, outputStride, geometry } = this.plan;
    const { residual } = this;
    const { bias } = this.filter;
    const channels = geometry.outChannels;
    const [y, sums] = [this.y, this.#sums];
    const offsets = this.#offsets;
    runDepthwiseTile(this.#source, this.#exponent, offsets, this.filter, taps, channels, begin, end, sums);
    const start = (this.#tile % this.#tiles) * TILE_POSITIONS;
    const rows = Math.min(TILE_POSITIONS, positions - start);
    const last = Math.min(TILE_CHANNELS * end, channels);
    for (let p = 0; p < rows; p++) {
      const corner = this.#image * outputLength + (start + p) * outputStride;
      const from = TILE_CHANNELS * p - TILE_POSITIONS * TILE_CHANNELS * begin;
      for (let c = TILE_CHANNELS * begin; c < last; c++) {
        let value = Math.fround(sums[from + TILE_POSITIONS * TILE_CHANNELS * (c >> 1) + (c & 1)] + bias[c]);
        if (residual !== null) value = Math.fround(value + residual[corner + c]);
        y[corner + c] = activate === null ? value : activate(value);
      }
    }
  }
}
