// Antialiased resizing of uint8 images in whole numbers, so that every machine gives the same pixels. The method is Pillow's
// (ImagingResample), whose pixels come out: separable, a filter widened by the reduction factor, weights rounded to 22
// fractional bits, each pass rounded to uint8. Knows nothing of files or tensors.

import { show, wrongType, wrongValue } from '../errors.js';

/** Interleaved uint8 pixels: data[(y * width + x) * channels + c]. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** A rectangle of whole pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const precisionBits = 22; // 8 bits of pixel + 22 of weight + 1 for sums a little over one: inside int32
const half = 1 << (precisionBits - 1);

/** A triangle, or the cubic through four pixels with a = -0.5 (Keys 1981), as Pillow names them. */
export type Interpolation = 'bilinear' | 'bicubic';

const filters: Readonly<Record<Interpolation, { reach: number; at(distance: number): number }>> = {
  bilinear: { reach: 1, at: (x) => (x < 1 ? 1 - x : 0) },
  bicubic: {
    reach: 2,
    at(x) {
      const a = -0.5;
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    },
  },
};

/** A run of places along one side. */
interface Span {
  readonly from: number;
  readonly size: number;
}

/** For each output position of a span: where its taps start, and `taps` weights that sum to about 2^22. */
interface Weights {
  readonly taps: number;
  readonly start: Int32Array;
  readonly count: Int32Array;
  readonly weight: Int32Array;
}

function weightsOf(
  inputSize: number,
  outputSize: number,
  { from, size }: Span,
  interpolation: Interpolation,
): Weights {
  const { reach, at } = filters[interpolation];
  const scale = inputSize / outputSize;
  const widening = Math.max(scale, 1);
  const support = reach * widening;
  const narrowing = 1 / widening;
  const taps = Math.ceil(support) * 2 + 1;
  const start = new Int32Array(size);
  const count = new Int32Array(size);
  const weight = new Int32Array(size * taps);
  const exact = new Float64Array(taps);
  for (let i = 0; i < size; i++) {
    const centre = (from + i + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(inputSize, Math.trunc(centre + support + 0.5));
    let sum = 0;
    for (let k = begin; k < end; k++) {
      exact[k - begin] = at(Math.abs((k - centre + 0.5) * narrowing));
      sum += exact[k - begin];
    }
    start[i] = begin;
    count[i] = end - begin;
    for (let k = 0; k < end - begin; k++) {
      const share = (exact[k] / sum) * (1 << precisionBits);
      weight[i * taps + k] = Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    }
  }
  return { taps, start, count, weight };
}

/** Sums stay within int32: the weights' magnitudes add up to less than 2^22 * 1.5. */
const toByte = (sum: number): number => {
  const value = sum >> precisionBits;
  return Math.max(0, Math.min(value, 255));
};

/** The rows `rows` of a box, resized along their length by `weights`. */
function resizeRows(image: Pixels, box: Box, rows: Span, { taps, start, count, weight }: Weights): Pixels {
  const { channels, data } = image;
  const width = start.length;
  const out = new Uint8Array(width * rows.size * channels);
  let at = 0;
  for (let y = 0; y < rows.size; y++) {
    const row = ((box.top + rows.from + y) * image.width + box.left) * channels;
    for (let x = 0; x < width; x++) {
      const base = x * taps;
      const n = count[x];
      let from = row + start[x] * channels;
      if (channels === 3) {
        let [r, g, b] = [half, half, half];
        for (let k = base; k < base + n; k++, from += 3) {
          const w = weight[k];
          r = (r + Math.imul(data[from], w)) | 0;
          g = (g + Math.imul(data[from + 1], w)) | 0;
          b = (b + Math.imul(data[from + 2], w)) | 0;
        }
        out[at] = toByte(r);
        out[at + 1] = toByte(g);
        out[at + 2] = toByte(b);
        at += 3;
        continue;
      }
      for (let c = 0; c < channels; c++) {
        let sum = half;
        for (let k = 0; k < n; k++)
          sum = (sum + Math.imul(data[from + c + k * channels], weight[base + k])) | 0;
        out[at++] = toByte(sum);
      }
    }
  }
  return { data: out, width, height: rows.size, channels };
}

/** An image whose first row is row `first` of what the weights speak of. */
function resizeColumns(image: Pixels, first: number, { taps, start, count, weight }: Weights): Pixels {
  const height = start.length;
  const stride = image.width * image.channels;
  const out = new Uint8Array(stride * height);
  const sums = new Int32Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(half);
    for (let k = 0; k < count[y]; k++) {
      const at = start[y] - first + k;
      const row = image.data.subarray(at * stride, (at + 1) * stride);
      const w = weight[y * taps + k];
      for (let i = 0; i < stride; i++) sums[i] += Math.imul(row[i], w);
    }
    for (let i = 0; i < stride; i++) out[y * stride + i] = toByte(sums[i]);
  }
  return { data: out, width: image.width, height, channels: image.channels };
}

function checkPixels(image: Pixels): void {
  if (!(image.data instanceof Uint8Array)) {
    throw wrongType('resize', `pixels must be a Uint8Array, received ${show(image.data)}`);
  }
  if (image.data.length !== image.width * image.height * image.channels) {
    throw wrongValue(
      'resize',
      `${image.width} x ${image.height} pixels of ${image.channels} channels need ` +
        `${image.width * image.height * image.channels} bytes, received ${image.data.length}`,
    );
  }
}

export interface ResizeOptions {
  /** The part of the image that is resized; all of it. */
  readonly box?: Box;
  /** The part of the result that is wanted, inside it; all of it. Nothing else is computed. */
  readonly crop?: Box;
  /** How pixels between pixels are made; bilinear. */
  readonly interpolation?: Interpolation;
}

/**
 * Resizes an image to `width` x `height` pixels, antialiased when shrinking: Pillow's pixels, on every machine.
 *
 * @throws RangeError where a size is not a positive whole number or a box leaves its image.
 * @example
 * resize({ data: new Uint8Array([0, 255]), width: 2, height: 1, channels: 1 }, 1, 1).data; // Uint8Array [128]
 */
export function resize(image: Pixels, width: number, height: number, options: ResizeOptions = {}): Pixels {
  checkPixels(image);
  const box = options.box ?? wholeImage(image);
  const crop = options.crop ?? { left: 0, top: 0, width, height };
  const interpolation = options.interpolation ?? 'bilinear';
  const sizes = [width, height, image.channels];
  if (!sizes.every(isSize)) {
    throw wrongValue('resize', `sizes must be positive whole numbers, received ${show(sizes)}`);
  }
  checkBox(box, image.width, image.height, 'image');
  checkBox(crop, width, height, 'result');
  const columns = weightsOf(box.height, height, { from: crop.top, size: crop.height }, interpolation);
  const [first, last] = [columns.start[0], columns.start.length - 1];
  const rows = { from: first, size: columns.start[last] + columns.count[last] - first };
  const along = weightsOf(box.width, width, { from: crop.left, size: crop.width }, interpolation);
  return resizeColumns(resizeRows(image, box, rows, along), first, columns);
}

const isSize = (size: number): boolean => Number.isSafeInteger(size) && size >= 1;

function checkBox(
  { left, top, width, height }: Box,
  fullWidth: number,
  fullHeight: number,
  what: string,
): void {
  if (!isSize(width) || !isSize(height)) {
    throw wrongValue('resize', `sizes must be positive whole numbers, received ${show([width, height])}`);
  }
  const corner = Number.isSafeInteger(left) && Number.isSafeInteger(top) && left >= 0 && top >= 0;
  if (!corner || left + width > fullWidth || top + height > fullHeight) {
    throw wrongValue(
      'resize',
      `box ${width} x ${height} at (${left}, ${top}) leaves the ${what} ${fullWidth} x ${fullHeight}`,
    );
  }
}

/** All of an image. */
export const wholeImage = ({ width, height }: Pixels): Box => ({ left: 0, top: 0, width, height });

/** The largest centred square of an image; where a side is one pixel longer, the extra pixel goes right or below. */
export function centreSquare(image: { readonly width: number; readonly height: number }): Box {
  const side = Math.min(image.width, image.height);
  return { left: (image.width - side) >> 1, top: (image.height - side) >> 1, width: side, height: side };
}
