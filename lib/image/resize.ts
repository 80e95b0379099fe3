// Antialiased bilinear resizing of uint8 images in whole numbers, so that every machine gives the same pixels.
// The method is Pillow's (ImagingResample): separable, a triangle filter widened by the reduction factor,
// weights rounded to 22 fractional bits, each pass rounded to uint8. Knows nothing of files or tensors.

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

/** For each output position: where its taps start, and `taps` weights that sum to about 2^22. */
interface Weights {
  readonly taps: number;
  readonly start: Int32Array;
  readonly count: Int32Array;
  readonly weight: Int32Array;
}

function triangleWeights(inputSize: number, outputSize: number): Weights {
  const scale = inputSize / outputSize;
  const support = Math.max(scale, 1);
  const taps = Math.ceil(support) * 2 + 1;
  const start = new Int32Array(outputSize);
  const count = new Int32Array(outputSize);
  const weight = new Int32Array(outputSize * taps);
  const exact = new Float64Array(taps);
  for (let i = 0; i < outputSize; i++) {
    const centre = (i + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(inputSize, Math.trunc(centre + support + 0.5));
    let sum = 0;
    for (let k = begin; k < end; k++) {
      const distance = Math.abs((k - centre + 0.5) / support);
      exact[k - begin] = distance < 1 ? 1 - distance : 0;
      sum += exact[k - begin];
    }
    start[i] = begin;
    count[i] = end - begin;
    for (let k = 0; k < end - begin; k++) {
      weight[i * taps + k] = Math.trunc((exact[k] / sum) * (1 << precisionBits) + 0.5);
    }
  }
  return { taps, start, count, weight };
}

/** The sums stay within [0, 255 * 2^22 + a few taps' rounding], so one upper clamp is enough. */
const toByte = (sum: number): number => {
  const value = sum >> precisionBits;
  return Math.min(value, 255);
};

function resizeRows(image: Pixels, box: Box, width: number): Pixels {
  const { channels, data } = image;
  const { taps, start, count, weight } = triangleWeights(box.width, width);
  const out = new Uint8Array(width * box.height * channels);
  for (let y = 0; y < box.height; y++) {
    const row = ((box.top + y) * image.width + box.left) * channels;
    let at = y * width * channels;
    for (let x = 0; x < width; x++) {
      const base = x * taps;
      const n = count[x];
      for (let c = 0; c < channels; c++) {
        let from = row + start[x] * channels + c;
        let sum = half;
        for (let k = 0; k < n; k++, from += channels)
          sum = (sum + Math.imul(data[from], weight[base + k])) | 0;
        out[at++] = toByte(sum);
      }
    }
  }
  return { data: out, width, height: box.height, channels };
}

function resizeColumns(image: Pixels, height: number): Pixels {
  const stride = image.width * image.channels;
  const { taps, start, count, weight } = triangleWeights(image.height, height);
  const out = new Uint8Array(stride * height);
  const sums = new Int32Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(half);
    for (let k = 0; k < count[y]; k++) {
      const row = image.data.subarray((start[y] + k) * stride, (start[y] + k + 1) * stride);
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

/**
 * Resizes `box` of an image (all of it by default) to `width` x `height` pixels, antialiased when shrinking.
 * Within one grey level of the same filter in exact arithmetic, and the same bytes on every machine.
 *
 * @throws RangeError where a size is not a positive whole number or the box leaves the image.
 * @example
 * resize({ data: new Uint8Array([0, 255]), width: 2, height: 1, channels: 1 }, 1, 1).data; // Uint8Array [128]
 */
export function resize(image: Pixels, width: number, height: number, box?: Box): Pixels {
  checkPixels(image);
  const area = box ?? wholeImage(image);
  const sizes = [width, height, area.width, area.height, image.channels];
  if (sizes.some((size) => !Number.isSafeInteger(size) || size < 1)) {
    throw wrongValue('resize', `sizes must be positive whole numbers, received ${show(sizes)}`);
  }
  const inside = area.left + area.width <= image.width && area.top + area.height <= image.height;
  const corner = Number.isSafeInteger(area.left) && Number.isSafeInteger(area.top);
  if (!corner || !inside || area.left < 0 || area.top < 0) {
    const { left, top } = area;
    throw wrongValue(
      'resize',
      `box ${area.width} x ${area.height} at (${left}, ${top}) leaves the image ${image.width} x ${image.height}`,
    );
  }
  return resizeColumns(resizeRows(image, area, width), height);
}

/** All of an image. */
export const wholeImage = ({ width, height }: Pixels): Box => ({ left: 0, top: 0, width, height });

/** The largest centred square of an image; where a side is one pixel longer, the extra pixel goes right or below. */
export function centreSquare(image: { readonly width: number; readonly height: number }): Box {
  const side = Math.min(image.width, image.height);
  return { left: (image.width - side) >> 1, top: (image.height - side) >> 1, width: side, height: side };
}
