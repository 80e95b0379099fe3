// A 3x3 convolution by Winograd's minimal filtering over a batch: units of four tiles, whose products go through the same
// hot loop as a direct convolution's. A dilation of d makes d * d interleaved grids of the output.
import type { ConvGeometry } from '../../../binding.js';
import type { ReferenceConv, ReferenceFilter } from './conv.js';
import type { Work } from './jobs.js';
import { NO_TAP, source } from './padding.js';
import { hasExactSmallSums, smallestExponent } from './rounding.js';
import { runTile, TILE_CHANNELS, TILE_POSITIONS } from './tile.js';
import { transformInput, transformOutput, type WinogradTile } from './winograd.js';

/** Input channels of a chain; the chains of a product are added up in order. */
const CHAIN = 256;

/** Outputs of a tile along one axis. */
export const tileOf = (algorithm: 'winograd2' | 'winograd4'): WinogradTile =>
  algorithm === 'winograd4' ? 4 : 2;

/** The tiles of one axis: where each one's outputs start, and the input coordinate of each of its elements. */
export class TileAxis {
  readonly starts: number[] = [];
  readonly sources: Int32Array;

  constructor(geometry: ConvGeometry, axis: 1 | 2, tile: WinogradTile) {
    const output = geometry.outputSize[axis];
    const input = geometry.inputSize[axis];
    const dilation = geometry.dilation[axis];
    // A transposed axis is the plain one of kernels turned over
    const begin = geometry.padBegin[axis];
    const padBegin = geometry.transposed ? 2 * dilation - begin : begin;
    for (let remainder = 0; remainder < dilation; remainder++)
      for (let o = remainder; o < output; o += tile * dilation) this.starts.push(o);
    const side = tile + 2;
    this.sources = new Int32Array(this.starts.length * side);
    this.starts.forEach((start, t) => {
      for (let i = 0; i < side; i++) {
        const at = start + i * dilation - padBegin;
        // Only outputs beyond the image would need what lies beyond the padding: it reads as zero.
        const inside = at < input + geometry.padEnd[axis];
        this.sources[t * side + i] = inside ? source(geometry.paddingMode, input, at) : NO_TAP;
      }
    });
  }
}

export class WinogradWork implements Work {
  readonly units: number;
  readonly #tile: WinogradTile;
  readonly #elements: number;
  readonly #height: TileAxis;
  readonly #width: TileAxis;
  readonly #tiles: number;
  readonly #pairs: number;
  /** [element][one of four tiles][channel] */
  readonly #v: Float32Array;
  /** [one of four tiles][one of a pair of channels][element] */
  readonly #m: Float32Array;
  readonly #offsets = new Int32Array(TILE_POSITIONS);
  readonly #state = new Float64Array(TILE_POSITIONS * TILE_CHANNELS);
  /** The smallest exponent among the transformed tiles. */
  #exponent = 0;
  readonly #values: Float32Array;
  readonly #places: Int32Array;
  readonly #outputs: Float32Array;

  constructor(
    readonly plan: ReferenceConv,
    readonly filter: ReferenceFilter,
    algorithm: 'winograd2' | 'winograd4',
    readonly x: Float32Array,
    readonly y: Float32Array,
    batch: number,
    readonly residual: Float32Array | null,
  ) {
    const { geometry } = plan;
    this.#tile = tileOf(algorithm);
    this.#elements = (this.#tile + 2) * (this.#tile + 2);
    this.#height = new TileAxis(geometry, 1, this.#tile);
    this.#width = new TileAxis(geometry, 2, this.#tile);
    const perPlane = this.#height.starts.length * this.#width.starts.length;
    this.#tiles = batch * geometry.outputSize[0] * perPlane;
    this.#pairs = Math.ceil(geometry.outChannels / TILE_CHANNELS);
    this.#v = new Float32Array(this.#elements * TILE_POSITIONS * geometry.inChannels);
    this.#m = new Float32Array(TILE_POSITIONS * TILE_CHANNELS * this.#elements);
    this.#values = new Float32Array(this.#elements);
    this.#places = new Int32Array(this.#elements);
    this.#outputs = new Float32Array(this.#tile * this.#tile);
    this.units = Math.ceil(this.#tiles / TILE_POSITIONS);
  }

  run(begin: number, end: number): void {
    for (let unit = begin; unit < end; unit++) {
      const first = unit * TILE_POSITIONS;
      const count = Math.min(TILE_POSITIONS, this.#tiles - first);
      for (let t = 0; t < count; t++) this.#loadTile(first + t, t);
      this.#exponent = smallestExponent(this.#v);
      for (let pair = 0; pair < this.#pairs; pair++) {
        this.#multiply(pair);
        for (let t = 0; t < count; t++) this.#storeTile(first + t, t, pair);
      }
    }
  }

  /** Transforms a tile of every input channel into place `slot` of four. */
  #loadTile(tile: number, slot: number): void {
    const { inputSize, inChannels } = this.plan.geometry;
    const side = this.#tile + 2;
    const columns = this.#width.starts.length;
    const line = Math.floor(tile / columns);
    const w = (tile - line * columns) * side;
    const plane = Math.floor(line / this.#height.starts.length);
    const h = (line - plane * this.#height.starts.length) * side;

    // Where each element's channels begin, once for all of them.
    const places = this.#places;
    for (let i = 0; i < side; i++) {
      const row = this.#height.sources[h + i];
      for (let j = 0; j < side; j++) {
        const column = this.#width.sources[w + j];
        const padding = row === NO_TAP || column === NO_TAP;
        places[i * side + j] = padding
          ? NO_TAP
          : ((plane * inputSize[1] + row) * inputSize[2] + column) * inChannels;
      }
    }

    const { x } = this;
    const [values, v] = [this.#values, this.#v];
    const elements = this.#elements;
    const step = TILE_POSITIONS * inChannels;
    for (let c = 0; c < inChannels; c++) {
      for (let e = 0; e < elements; e++) values[e] = places[e] === NO_TAP ? 0 : x[places[e] + c];
      transformInput(this.#tile, values, v, slot * inChannels + c, step);
    }
  }

  /** The products of one pair of output channels with all four tiles, element by element. */
  #multiply(pair: number): void {
    const depth = this.plan.geometry.inChannels;
    const state = this.#state;
    const quick = hasExactSmallSums(this.#exponent, this.filter.exponents[pair]);
    const [v, m, offsets, weights] = [this.#v, this.#m, this.#offsets, this.filter.weights];
    const elements = this.#elements;
    for (let e = 0; e < elements; e++) {
      for (let t = 0; t < TILE_POSITIONS; t++) offsets[t] = (e * TILE_POSITIONS + t) * depth;
      const first = (e * this.#pairs + pair) * depth * TILE_CHANNELS;
      for (let c = 0; c < depth; c += CHAIN) {
        for (let i = 0; i < TILE_POSITIONS * TILE_CHANNELS; i++) state[i] = 0;
        const length = Math.min(CHAIN, depth - c);
        runTile(v, offsets, c, weights, first + c * TILE_CHANNELS, 1, length, state, quick);
        for (let i = 0; i < TILE_POSITIONS * TILE_CHANNELS; i++) {
          const at = i * elements + e;
          m[at] = c === 0 ? state[i] : state[i] + 0 + m[at]; // a later chain of -0 counts as +0
        }
      }
    }
  }

  #storeTile(tile: number, slot: number, pair: number): void {
    const { geometry, activate } = this.plan;
    const { outputSize, outChannels, dilation } = geometry;
    const columns = this.#width.starts.length;
    const line = Math.floor(tile / columns);
    const firstColumn = this.#width.starts[tile - line * columns];
    const plane = Math.floor(line / this.#height.starts.length);
    const firstRow = this.#height.starts[line - plane * this.#height.starts.length];
    const size = this.#tile;
    const [y, outputs, residual] = [this.y, this.#outputs, this.residual];
    for (let lane = 0; lane < TILE_CHANNELS; lane++) {
      const channel = pair * TILE_CHANNELS + lane;
      if (channel === outChannels) return;
      const added = this.filter.bias[channel];
      transformOutput(size, this.#m, (slot * TILE_CHANNELS + lane) * this.#elements, outputs);
      for (let i = 0; i < size; i++) {
        const row = firstRow + i * dilation[1];
        if (row >= outputSize[1]) break;
        const corner = (plane * outputSize[1] + row) * outputSize[2];
        for (let j = 0; j < size; j++) {
          const column = firstColumn + j * dilation[2];
          if (column >= outputSize[2]) break;
          const at = (corner + column) * this.plan.outputStride + channel;
          let value = Math.fround(outputs[i * size + j] + added);
          if (residual !== null) value = Math.fround(value + residual[at]);
          y[at] = activate === null ? value : activate(value);
        }
      }
    }
  }
}
