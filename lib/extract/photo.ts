// From decoded pixels to what a network takes, as torchvision's `ImageClassification` transform and timm's evaluation
// transform do it to a PIL image, bit for bit: resize, centre crop, numbers from 0 to 1, mean and deviation.

import { type Box, type ImageSize, inputsOf, type Part, type Pixels, resize } from '../image/resize.js';
import type { Preset } from './presets.js';

/** Python's round of halves. */
function toEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** The size to which an image is resized, and the part of it that is kept. */
export function placement(
  image: ImageSize,
  { resize: side, crop }: Pick<Preset, 'resize' | 'crop'>,
): ImageSize & { readonly crop: Box } {
  const { width, height } = image;
  const long = Math.trunc((side * Math.max(width, height)) / Math.min(width, height));
  const [toWidth, toHeight] = width <= height ? [side, long] : [long, side];
  const left = toEven((toWidth - crop) / 2);
  const top = toEven((toHeight - crop) / 2);
  return { width: toWidth, height: toHeight, crop: { left, top, width: crop, height: crop } };
}

/** Three channels: grey three times, transparency dropped (PIL's `convert('RGB')`). */
export function toRgb(image: Pixels): Pixels {
  const { data, width, height, channels } = image;
  if (channels === 3) return image;
  const out = new Uint8Array(width * height * 3);
  const [green, blue] = channels < 3 ? [0, 0] : [1, 2];
  for (let from = 0, to = 0; to < out.length; from += channels, to += 3) {
    out[to] = data[from];
    out[to + 1] = data[from + green];
    out[to + 2] = data[from + blue];
  }
  return { data: out, width, height, channels: 3 };
}

/** What float32 each byte of each channel becomes: (byte / 255 - mean) / std, rounded after each step. */
export function normalisation({ mean, std }: Pick<Preset, 'mean' | 'std'>): readonly Float32Array[] {
  return mean.map((middle, channel) =>
    Float32Array.from({ length: 256 }, (_, byte) => {
      const centred = Math.fround(Math.fround(byte / 255) - Math.fround(middle));
      return Math.fround(centred / Math.fround(std[channel]));
    }),
  );
}

/** The part of an image that a preset's pixels are made from. */
export function photoInputs(image: ImageSize, preset: Preset): Box {
  return inputsOf(image, { ...placement(image, preset), interpolation: preset.interpolation });
}

/** The pixels that a preset keeps of an image, [crop, crop, 3]; of one of which a part is there, if it has {@link photoInputs}. */
export function photoPixels(image: Pixels & { readonly partOf?: Part }, preset: Preset): Uint8Array {
  const { partOf } = image;
  const { width, height, crop } = placement(partOf ?? image, preset);
  return resize(toRgb(image), width, height, { crop, interpolation: preset.interpolation, partOf }).data;
}

/** The pixels that a preset keeps of an image that has been resized as it wants: [crop, crop, 3]. */
export function middlePixels(image: Pixels, preset: Preset): Uint8Array {
  const { data, width } = toRgb(image);
  const { left, top, width: across, height } = placement(image, preset).crop;
  const out = new Uint8Array(across * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * width + left) * 3;
    out.set(data.subarray(from, from + across * 3), y * across * 3);
  }
  return out;
}

/** Writes pixels [side, side, 3] to `values` as [3, side, side], by the normalisation of a preset. */
export function normalise(
  pixels: Uint8Array | Float32Array,
  [red, green, blue]: readonly Float32Array[],
  values: Float32Array,
): void {
  const area = pixels.length / 3;
  for (let i = 0, at = 0; i < area; i++, at += 3) {
    values[i] = red[pixels[at]];
    values[area + i] = green[pixels[at + 1]];
    values[2 * area + i] = blue[pixels[at + 2]];
  }
}
