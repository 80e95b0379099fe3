// Reference pooling over windows listed per axis, channels innermost.
import type { Pool, PoolGeometry, Triple } from '../../../binding.js';
import { show, wrongType, wrongValue } from '../../errors.js';
import { checkApart, checkCount, checkFloats, checkTriple, countElements, oneOf, spanOf } from './checks.js';
import type { Work } from './jobs.js';
import { CHUNK } from './sums.js';

const AXES = ['depth', 'height', 'width'] as const;

export class ReferencePool {
  readonly inputLength: number;
  readonly outputLength: number;
  readonly positions: number;
  /** Elements from one output position to the next. */
  readonly outputStride: number;

  constructor(readonly geometry: PoolGeometry) {
    const { channels, inputSize, outputSize } = geometry;
    this.inputLength = countElements('createPool', 'one input image', [channels, ...inputSize]);
    this.outputStride = geometry.outputStride ?? channels;
    this.outputLength = countElements('createPool', 'one output image', [this.outputStride, ...outputSize]);
    this.positions = outputSize[0] * outputSize[1] * outputSize[2];
  }
}

export function createPool(geometry: PoolGeometry): Pool {
  const operation = 'createPool';
  if (typeof geometry !== 'object' || geometry === null)
    throw wrongType(operation, `geometry must be an object, got ${show(geometry)}`);
  oneOf(operation, 'kind', geometry.kind, ['max', 'average']);
  checkCount(operation, 'channels', geometry.channels, 1);
  checkTriple(operation, 'inputSize', geometry.inputSize, 0);
  checkTriple(operation, 'outputSize', geometry.outputSize, 1);
  checkTriple(operation, 'dilation', geometry.dilation, 1);
  if (geometry.outputStride !== undefined)
    checkCount(operation, 'outputStride', geometry.outputStride, geometry.channels);
  AXES.forEach((name, axis) => {
    checkWindows(name, geometry, axis);
  });
  const pool: object = new ReferencePool(geometry);
  return pool as Pool;
}

function checkWindows(name: string, geometry: PoolGeometry, axis: number): void {
  const count = geometry.outputSize[axis];
  const size = geometry.inputSize[axis];
  const lists = { begin: geometry.begin[axis], end: geometry.end[axis], span: geometry.span[axis] };
  for (const [list, values] of Object.entries(lists)) {
    if (!(values instanceof Int32Array))
      throw wrongType('createPool', `${list} along ${name} must be an Int32Array, got ${show(values)}`);
    if (values.length !== count)
      throw wrongValue(
        'createPool',
        `${list} along ${name} must have ${count} entries, got ${values.length}`,
      );
  }
  for (let i = 0; i < count; i++) {
    const [begin, end, span] = [lists.begin[i], lists.end[i], lists.span[i]];
    if (begin < 0 || begin >= end || end > size)
      throw wrongValue(
        'createPool',
        `window [${begin}, ${end}) along ${name} must lie in the input of ${size}`,
      );
    if (span < 1) throw wrongValue('createPool', `span along ${name} must be positive, got ${span}`);
  }
}

export function poolWork(pool: Pool, x: Float32Array, y: Float32Array, batch: number): Work {
  if (!(pool instanceof ReferencePool))
    throw wrongType('pool', `pool must come from the reference backend's createPool, got ${show(pool)}`);
  checkCount('pool', 'batch', batch, 0);
  checkFloats('pool', 'x', x, batch * pool.inputLength);
  checkFloats('pool', 'y', y, spanOf(batch * pool.positions, pool.outputStride, pool.geometry.channels));
  checkApart('pool', y, [x], 'none');
  const { geometry, positions, outputStride } = pool;
  const chunk = new Float32Array(geometry.channels);
  return {
    units: batch * positions,
    run(begin, end) {
      for (let unit = begin; unit < end; unit++) {
        const image = Math.floor(unit / positions);
        const out = y.subarray(unit * outputStride, unit * outputStride + geometry.channels);
        const position = unit - image * positions;
        if (geometry.kind === 'max') maxAt(geometry, position, x, image * pool.inputLength, out);
        else averageAt(geometry, position, x, image * pool.inputLength, out, chunk);
      }
    },
  };
}

/** The place of an output among those of its image. */
export function coordinates(position: number, [, height, width]: Triple): Triple {
  const row = Math.floor(position / width);
  return [Math.floor(row / height), row % height, position % width];
}

/** Calls `visit` with the offset of every tap of a window, in kernel order. */
export function eachTap(
  geometry: PoolGeometry,
  at: Triple,
  image: number,
  visit: (offset: number) => void,
): void {
  const { begin, end, dilation, inputSize, channels } = geometry;
  for (let d = begin[0][at[0]]; d < end[0][at[0]]; d += dilation[0])
    for (let h = begin[1][at[1]]; h < end[1][at[1]]; h += dilation[1])
      for (let w = begin[2][at[2]]; w < end[2][at[2]]; w += dilation[2])
        visit(image + ((d * inputSize[1] + h) * inputSize[2] + w) * channels);
}

/** What the sum over a window is divided by. */
export const divisorAt = ({ span }: PoolGeometry, at: Triple): number =>
  Math.fround(span[0][at[0]] * span[1][at[1]] * span[2][at[2]]);

function maxAt(
  geometry: PoolGeometry,
  position: number,
  x: Float32Array,
  image: number,
  out: Float32Array,
): void {
  out.fill(-Infinity);
  eachTap(geometry, coordinates(position, geometry.outputSize), image, (offset) => {
    for (let c = 0; c < out.length; c++) {
      const value = x[offset + c];
      // biome-ignore lint/suspicious/noSelfCompare: true for NaN alone, which wins
      if (value > out[c] || value !== value) out[c] = value;
    }
  });
}

function averageAt(
  geometry: PoolGeometry,
  position: number,
  x: Float32Array,
  image: number,
  out: Float32Array,
  chunk: Float32Array,
): void {
  const at = coordinates(position, geometry.outputSize);
  const divisor = divisorAt(geometry, at);
  const addChunk = () => {
    for (let c = 0; c < out.length; c++) out[c] += chunk[c];
    chunk.fill(0);
  };

  // Sums are rounded to float32 as they are stored
  let taps = 0;
  out.fill(0);
  chunk.fill(0);
  eachTap(geometry, at, image, (offset) => {
    for (let c = 0; c < out.length; c++) chunk[c] += x[offset + c];
    if (++taps % CHUNK === 0) addChunk();
  });
  if (taps % CHUNK !== 0) addChunk();
  for (let c = 0; c < out.length; c++) out[c] /= divisor;
}
