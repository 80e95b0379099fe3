// The weight gradient of a 3x3 convolution by Winograd's F(3x3, 4x4), step by step as native/winograd/gradient.h takes it:
// tiles of 4x4 outputs of the upstream gradient and what they read are transformed, products are summed over tiles in chains
// of 32, element by element, and the sums of a pair of channels are interpolated to its nine taps.
import { fmaf } from '../../numerics/fmaf.js';
import type { ReferenceConv } from './conv.js';
import type { Work } from './jobs.js';
import { NO_TAP } from './padding.js';
import { hasExactSmallSums, smallestExponent } from './rounding.js';
import { runTile, TILE_CHANNELS, TILE_POSITIONS } from './tile.js';
import { A, A2, AT_A, AT_B, AT_ZERO, B, B2, fmaOfConstant, transformInput } from './winograd.js';
import { TileAxis } from './winograd-work.js';

const { fround } = Math;

const TILE = 4;
const SIDE = 6;
const ELEMENTS = SIDE * SIDE;
const TAPS = 9;
/** Tiles whose products are one chain; the sums of the chains are added in order. */
const CHAIN = 32;

type Lines = Float32Array;

/** One line of upstream's transform: the tile's polynomial at the points. */
function upstreamLine(g: Lines, at: number, step: number, out: Lines, outAt: number, outStep: number): void {
  const g0 = g[at];
  const g1 = g[at + step];
  const g2 = g[at + 2 * step];
  const g3 = g[at + 3 * step];
  const evenA = fmaOfConstant(A2, g2, g0);
  const oddA = fmaOfConstant(A2, g3, g1);
  const evenB = fmaOfConstant(B2, g2, g0);
  const oddB = fmaOfConstant(B2, g3, g1);
  out[outAt] = g0;
  out[outAt + outStep] = fmaOfConstant(A, oddA, evenA);
  out[outAt + 2 * outStep] = fmaOfConstant(-A, oddA, evenA);
  out[outAt + 3 * outStep] = fmaOfConstant(B, oddB, evenB);
  out[outAt + 4 * outStep] = fmaOfConstant(-B, oddB, evenB);
  out[outAt + 5 * outStep] = g3;
}

// Over the products of the points' distances, which upstream's transform left out so that its constants are exact.
const AT_ZERO_1 = fround(1 / AT_ZERO);
const [AT_A_1, AT_A_A, AT_A_A2] = [1, A, A2].map((power) => fround(power / AT_A));
const [AT_B_1, AT_B_B, AT_B_B2] = [1, B, B2].map((power) => fround(power / AT_B));

/** One line of the sums to three taps. */
function tapsLine(m: Lines, at: number, step: number, out: Lines, outAt: number, outStep: number): void {
  const sumA = fround(m[at + step] + m[at + 2 * step]);
  const differenceA = fround(m[at + step] - m[at + 2 * step]);
  const sumB = fround(m[at + 3 * step] + m[at + 4 * step]);
  const differenceB = fround(m[at + 3 * step] - m[at + 4 * step]);
  out[outAt] = fmaf(AT_B_1, sumB, fmaf(AT_A_1, sumA, fround(AT_ZERO_1 * m[at])));
  out[outAt + outStep] = fmaf(AT_B_B, differenceB, fround(AT_A_A * differenceA));
  out[outAt + 2 * outStep] = fmaf(AT_B_B2, sumB, fmaf(AT_A_A2, sumA, m[at + 5 * step]));
}

/** Where the hot loop finds row i of tile t. */
const OFFSETS = Int32Array.from({ length: TILE_POSITIONS * CHAIN }, (_, i) => i);

/** Units: the elements of every chain of tiles in order, then the input channels. */
export class WinogradGradientWork implements Work {
  readonly units: number;
  readonly #height: TileAxis;
  readonly #width: TileAxis;
  readonly #tiles: number;
  readonly #elementUnits: number;
  readonly #quads: number;
  readonly #pairs: number;
  /** [element][four input channels][tile of a chain][4] */
  readonly #v: Float32Array;
  /** [element][pair of output channels][tile of a chain][2] */
  readonly #u: Float32Array;
  /** [element][input channel][output channel] */
  readonly #sums: Float32Array;
  readonly #state = new Float64Array(TILE_POSITIONS * TILE_CHANNELS);
  readonly #tile = new Float32Array(ELEMENTS);
  readonly #lines = new Float32Array(ELEMENTS);
  #loaded = -1;

  constructor(
    readonly plan: ReferenceConv,
    readonly x: Float32Array,
    readonly upstream: Float32Array,
    readonly gradient: Float32Array,
    batch: number,
  ) {
    const { inChannels, outChannels, outputSize } = plan.geometry;
    this.#height = new TileAxis(plan.geometry, 1, TILE);
    this.#width = new TileAxis(plan.geometry, 2, TILE);
    this.#tiles = batch * outputSize[0] * this.#height.starts.length * this.#width.starts.length;
    this.#quads = Math.ceil(inChannels / TILE_POSITIONS);
    this.#pairs = Math.ceil(outChannels / TILE_CHANNELS);
    this.#v = new Float32Array(ELEMENTS * this.#quads * TILE_POSITIONS * CHAIN);
    this.#u = new Float32Array(ELEMENTS * this.#pairs * TILE_CHANNELS * CHAIN);
    this.#sums = new Float32Array(ELEMENTS * inChannels * outChannels);
    // An empty batch still has a chain, of no tiles: the sums are zeros.
    this.#elementUnits = Math.max(1, Math.ceil(this.#tiles / CHAIN)) * ELEMENTS;
    this.units = this.#elementUnits + inChannels;
  }

  run(begin: number, end: number): void {
    for (let unit = begin; unit < end; unit++) {
      if (unit >= this.#elementUnits) {
        this.#interpolate(unit - this.#elementUnits);
        continue;
      }
      const chain = Math.floor(unit / ELEMENTS);
      // Anew at the first element: another run may have other values
      if (unit % ELEMENTS === 0 || this.#loaded !== chain) this.#load(chain);
      this.#add(chain, unit % ELEMENTS);
    }
  }

  /** Transforms the tiles of a chain. */
  #load(chain: number): void {
    const { inChannels, outChannels } = this.plan.geometry;
    const first = chain * CHAIN;
    const count = Math.min(CHAIN, this.#tiles - first);
    const vStep = this.#quads * TILE_POSITIONS * CHAIN;
    const uStep = this.#pairs * TILE_CHANNELS * CHAIN;
    const [tile, lines, v, u] = [this.#tile, this.#lines, this.#v, this.#u];
    for (let t = 0; t < count; t++) {
      const inputs = this.#inputPlaces(first + t);
      for (let c = 0; c < inChannels; c++) {
        for (let e = 0; e < ELEMENTS; e++) tile[e] = inputs[e] === NO_TAP ? 0 : this.x[inputs[e] + c];
        const at = ((c >> 2) * CHAIN + t) * TILE_POSITIONS + (c & 3);
        transformInput(TILE, tile, v, at, vStep);
      }
      const outputs = this.#outputPlaces(first + t);
      for (let n = 0; n < outChannels; n++) {
        for (let e = 0; e < TILE * TILE; e++)
          tile[e] = outputs[e] === NO_TAP ? 0 : this.upstream[outputs[e] + n];
        const at = ((n >> 1) * CHAIN + t) * TILE_CHANNELS + (n & 1);
        for (let i = 0; i < TILE; i++) upstreamLine(tile, i * TILE, 1, lines, i * SIDE, 1);
        for (let j = 0; j < SIDE; j++) upstreamLine(lines, j, SIDE, u, at + j * uStep, SIDE * uStep);
      }
    }
    this.#loaded = chain;
  }

  #places(tile: number): { plane: number; h: number; w: number } {
    const columns = this.#width.starts.length;
    const line = Math.floor(tile / columns);
    const plane = Math.floor(line / this.#height.starts.length);
    return { plane, h: line - plane * this.#height.starts.length, w: tile - line * columns };
  }

  /** Where the channels of every pixel that a tile reads begin. */
  #inputPlaces(tile: number): number[] {
    const { inputSize, inChannels } = this.plan.geometry;
    const { plane, h, w } = this.#places(tile);
    return Array.from({ length: ELEMENTS }, (_, e) => {
      const row = this.#height.sources[h * SIDE + Math.floor(e / SIDE)];
      const column = this.#width.sources[w * SIDE + (e % SIDE)];
      if (row === NO_TAP || column === NO_TAP) return NO_TAP;
      return ((plane * inputSize[1] + row) * inputSize[2] + column) * inChannels;
    });
  }

  /** The same of its outputs; nowhere beyond the image. */
  #outputPlaces(tile: number): number[] {
    const { outputSize, outChannels, dilation } = this.plan.geometry;
    const { plane, h, w } = this.#places(tile);
    return Array.from({ length: TILE * TILE }, (_, e) => {
      const row = this.#height.starts[h] + Math.floor(e / TILE) * dilation[1];
      const column = this.#width.starts[w] + (e % TILE) * dilation[2];
      if (row >= outputSize[1] || column >= outputSize[2]) return NO_TAP;
      return ((plane * outputSize[1] + row) * outputSize[2] + column) * outChannels;
    });
  }

  /** Adds a chain's sums of one element. */
  #add(chain: number, element: number): void {
    const { inChannels, outChannels } = this.plan.geometry;
    const count = Math.max(0, Math.min(CHAIN, this.#tiles - chain * CHAIN));
    const state = this.#state;
    const sums = this.#sums;
    for (let quad = 0; quad < this.#quads; quad++) {
      const from = (element * this.#quads + quad) * TILE_POSITIONS * CHAIN;
      const exponent = smallestExponent(this.#v, from, from + TILE_POSITIONS * count);
      for (let pair = 0; pair < this.#pairs; pair++) {
        const other = (element * this.#pairs + pair) * TILE_CHANNELS * CHAIN;
        const quick = hasExactSmallSums(
          exponent,
          smallestExponent(this.#u, other, other + TILE_CHANNELS * count),
        );
        state.fill(0);
        runTile(this.#v, OFFSETS, from, this.#u, other, count, 1, state, quick);
        for (let i = 0; i < TILE_POSITIONS * TILE_CHANNELS; i++) {
          const c = quad * TILE_POSITIONS + (i >> 1);
          const n = pair * TILE_CHANNELS + (i & 1);
          if (c >= inChannels || n >= outChannels) continue;
          const at = (element * inChannels + c) * outChannels + n;
          sums[at] = (chain === 0 ? 0 : sums[at]) + state[i];
        }
      }
    }
  }

  /** The taps of one input channel's kernels. */
  #interpolate(c: number): void {
    const { inChannels, outChannels } = this.plan.geometry;
    const [tile, lines, gradient] = [this.#tile, this.#lines, this.gradient];
    const taps = new Float32Array(TAPS);
    for (let n = 0; n < outChannels; n++) {
      for (let e = 0; e < ELEMENTS; e++) tile[e] = this.#sums[(e * inChannels + c) * outChannels + n];
      for (let i = 0; i < SIDE; i++) tapsLine(tile, i * SIDE, 1, lines, i * 3, 1);
      for (let j = 0; j < 3; j++) tapsLine(lines, j, 3, taps, j, 3);
      for (let tap = 0; tap < TAPS; tap++) gradient[(n * inChannels + c) * TAPS + tap] = taps[tap] + 0; // -0 + 0 is +0
    }
  }
}
