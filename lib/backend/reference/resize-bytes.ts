// Reference resizing of images of bytes: listed weights, whole numbers, each pass rounded to bytes.
import type { ResizeAxis, ResizeGeometry } from '../../../binding.js';
import { show, wrongType, wrongValue } from '../../errors.js';
import { checkCount, countElements } from './checks.js';

const operation = 'resizeBytes';
const BITS = 22;
const HALF = 1 << (BITS - 1);

const toByte = (sum: number): number => Math.max(0, Math.min(sum >> BITS, 255));

function checkAxis(name: string, axis: ResizeAxis, size: number): void {
  if (typeof axis !== 'object' || axis === null)
    throw wrongType(operation, `${name} must be an object, got ${show(axis)}`);
  const { taps, start, count, weight } = axis;
  checkCount(operation, 'taps', taps, 0);
  for (const list of [start, count, weight]) {
    if (!(list instanceof Int32Array))
      throw wrongType(operation, `start, count and weight must be Int32Arrays, got ${show(list)}`);
  }
  const fits =
    count.length === start.length &&
    weight.length === start.length * taps &&
    start.every((from, i) => from >= 0 && count[i] >= 0 && count[i] <= taps && from + count[i] <= size);
  if (!fits) throw wrongValue(operation, `a tap along the ${name} lies outside the image, or has no weight`);
}

function checkBytes(name: string, value: unknown, length: number): void {
  if (!(value instanceof Uint8Array))
    throw wrongType(operation, `${name} must be a Uint8Array, got ${show(value)}`);
  if (value.buffer instanceof SharedArrayBuffer)
    throw wrongType(operation, `${name} must not lie in a SharedArrayBuffer`, 'copy it first');
  if (value.length !== length)
    throw wrongValue(operation, `${name} must have ${length} elements, got ${value.length}`);
}

function checked(geometry: ResizeGeometry, x: Uint8Array, y: Uint8Array): void {
  if (typeof geometry !== 'object' || geometry === null)
    throw wrongType(operation, `geometry must be an object, got ${show(geometry)}`);
  const { channels, height, width, rows, columns } = geometry;
  checkCount(operation, 'channels', channels, 1);
  checkCount(operation, 'height', height, 0);
  checkCount(operation, 'width', width, 0);
  checkAxis('rows', rows, height);
  checkAxis('columns', columns, width);
  const outputs = [rows.start.length, columns.start.length, channels];
  checkBytes('x', x, countElements(operation, 'x', [height, width, channels]));
  checkBytes('y', y, countElements(operation, 'y', outputs));
  const [a, b] = [x.byteOffset, y.byteOffset];
  if (x.buffer === y.buffer && x.length > 0 && y.length > 0 && a < b + y.length && b < a + x.length)
    throw wrongValue(operation, 'x and y must not share memory');
}

/** The rows [begin, end) of the image, resized along their length. */
function alongRows({ channels, width, columns }: ResizeGeometry, x: Uint8Array, begin: number, end: number) {
  const { taps, start, count, weight } = columns;
  const out = new Uint8Array((end - begin) * start.length * channels);
  let at = 0;
  for (let row = begin; row < end; row++) {
    for (let pixel = 0; pixel < start.length; pixel++) {
      const base = pixel * taps;
      const last = base + count[pixel];
      let from = (row * width + start[pixel]) * channels;
      if (channels === 3) {
        let [r, g, b] = [HALF, HALF, HALF];
        for (let k = base; k < last; k++, from += 3) {
          const w = weight[k];
          r = (r + Math.imul(x[from], w)) | 0;
          g = (g + Math.imul(x[from + 1], w)) | 0;
          b = (b + Math.imul(x[from + 2], w)) | 0;
        }
        out[at] = toByte(r);
        out[at + 1] = toByte(g);
        out[at + 2] = toByte(b);
        at += 3;
        continue;
      }
      for (let c = 0; c < channels; c++) {
        let sum = HALF;
        for (let k = base, i = from + c; k < last; k++, i += channels)
          sum = (sum + Math.imul(x[i], weight[k])) | 0;
        out[at++] = toByte(sum);
      }
    }
  }
  return out;
}

/** Rows of bytes, the first of which is row `first` of the image, summed by the weights of the rows. */
function acrossRows(
  { taps, start, count, weight }: ResizeAxis,
  between: Uint8Array,
  first: number,
  y: Uint8Array,
) {
  const width = start.length === 0 ? 0 : y.length / start.length;
  const sums = new Int32Array(width);
  for (let row = 0; row < start.length; row++) {
    sums.fill(HALF);
    for (let k = 0; k < count[row]; k++) {
      const from = (start[row] - first + k) * width;
      const w = weight[row * taps + k];
      for (let i = 0; i < width; i++) sums[i] += Math.imul(between[from + i], w);
    }
    for (let i = 0; i < width; i++) y[row * width + i] = toByte(sums[i]);
  }
}

export function resizeBytes(geometry: ResizeGeometry, x: Uint8Array, y: Uint8Array): void {
  checked(geometry, x, y);
  const { start, count } = geometry.rows;
  const end = start.reduce((most, from, i) => Math.max(most, from + count[i]), 0);
  const begin = start.reduce((least, from) => Math.min(least, from), end);
  acrossRows(geometry.rows, alongRows(geometry, x, begin, end), begin, y);
}
