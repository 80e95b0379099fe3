// Antialiased resizing of uint8 images in whole numbers, so that every machine gives the same pixels. The method is Pillow's
// (ImagingResample), whose pixels come out: separable, a filter widened by the reduction factor, weights rounded to 22
// fractional bits, each pass rounded to uint8. The backend sums; this says what. Knows nothing of files or tensors.

import type { ResizeAxis } from '../../binding.js';
import { active } from '../backend/index.js';
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

const KEPT = 8;
const kept = new Map<string, ResizeAxis>();

/** The weights of a side, kept for images of the same size: photos come in few sizes, and weights take 0.2 ms. */
function weightsFor(
  inputSize: number,
  outputSize: number,
  span: Span,
  interpolation: Interpolation,
): ResizeAxis {
  const key = [inputSize, outputSize, span.from, span.size, interpolation].join();
  const axis = kept.get(key) ?? weightsOf(inputSize, outputSize, span, interpolation);
  kept.delete(key);
  kept.set(key, axis);
  for (const [oldest] of kept) {
    if (kept.size <= KEPT) break;
    kept.delete(oldest);
  }
  return axis;
}

/** For each output position of a span: where its taps start, and weights that sum to about 2^22. */
function weightsOf(
  inputSize: number,
  outputSize: number,
  { from, size }: Span,
  interpolation: Interpolation,
): ResizeAxis {
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
  /** The image of which only these pixels were kept, from a corner on; all of it. It has those that `inputsOf` names. */
  readonly partOf?: Part;
}

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** The size of a whole image, and the corner from which on pixels of it were kept. */
export interface Part extends ImageSize {
  readonly left: number;
  readonly top: number;
}

/** The part of an image that a part of its resized self is made from. */
export function inputsOf(
  image: ImageSize,
  wanted: ImageSize & Required<Pick<ResizeOptions, 'crop' | 'interpolation'>>,
): Box {
  const { width, height, crop, interpolation } = wanted;
  const [left, right] = ends(
    weightsFor(image.width, width, { from: crop.left, size: crop.width }, interpolation),
  );
  const [top, bottom] = ends(
    weightsFor(image.height, height, { from: crop.top, size: crop.height }, interpolation),
  );
  return { left, top, width: right - left, height: bottom - top };
}

/** Outputs follow one another, and so do the inputs that they begin and end with. */
function ends({ start, count }: ResizeAxis): [begin: number, end: number] {
  const last = start.length - 1;
  return [start[0], start[last] + count[last]];
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
  const whole = options.partOf ?? wholeImage(image);
  const box = options.box ?? wholeImage(whole);
  const crop = options.crop ?? { left: 0, top: 0, width, height };
  const interpolation = options.interpolation ?? 'bilinear';
  const sizes = [width, height, image.channels];
  if (!sizes.every(isSize)) {
    throw wrongValue('resize', `sizes must be positive whole numbers, received ${show(sizes)}`);
  }
  checkBox(box, whole.width, whole.height, 'image');
  checkBox(crop, width, height, 'result');
  const rows = weightsFor(box.height, height, { from: crop.top, size: crop.height }, interpolation);
  const columns = weightsFor(box.width, width, { from: crop.left, size: crop.width }, interpolation);
  const data = new Uint8Array(crop.width * crop.height * image.channels);
  const geometry = {
    channels: image.channels,
    height: image.height,
    width: image.width,
    rows: movedBy(box.top - whole.top, rows),
    columns: movedBy(box.left - whole.left, columns),
  };
  active().resizeBytes(geometry, image.data, data);
  return { data, width: crop.width, height: crop.height, channels: image.channels };
}

const movedBy = (places: number, axis: ResizeAxis): ResizeAxis => ({
  ...axis,
  start: axis.start.map((from) => from + places),
});

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
export const wholeImage = ({ width, height }: ImageSize): Box => ({
  left: 0,
  top: 0,
  width,
  height,
});

/** The largest centred square of an image; where a side is one pixel longer, the extra pixel goes right or below. */
export function centreSquare(image: ImageSize): Box {
  const side = Math.min(image.width, image.height);
  return { left: (image.width - side) >> 1, top: (image.height - side) >> 1, width: side, height: side };
}
