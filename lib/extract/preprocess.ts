// What happens to an image between its file and the model: grey, centre square, size, numbers from 0 to 1.

import { type DecodeOptions, decodeImage } from '../image/decode.js';
import { toGrey } from '../image/grey.js';
import { centreSquare, type Pixels, resize } from '../image/resize.js';
import { Tensor } from '../tensor/tensor.js';

/** The steps in words, for the manifest: whoever changes one changes the other. */
export const preprocessing = (size: number): Record<string, unknown> => ({
  decode: 'sharp to uint8 sRGB, turned by EXIF orientation, first page',
  grey: '(19595 R + 38470 G + 7471 B + 32768) >> 16, transparency over white',
  crop: 'largest centred square',
  resize: `antialiased bilinear to ${size} x ${size} in whole numbers (Pillow's method)`,
  scale: 'divided by 255',
});

/** Decoded pixels as float32 in [0, 1], [size * size]. */
export function imageValues(pixels: Pixels, size: number): Float32Array {
  const { data } = resize(toGrey(pixels, centreSquare(pixels)), size, size);
  const values = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) values[i] = data[i] / 255;
  return values;
}

/** Decoded pixels as the default model takes them: [1, 1, size, size]. */
export const imageTensor = (pixels: Pixels, size: number): Tensor =>
  new Tensor(imageValues(pixels, size), [1, 1, size, size]);

/** An image file as float32 in [0, 1], [size * size]. */
export async function loadImage(path: string, size: number, options?: DecodeOptions): Promise<Float32Array> {
  return imageValues(await decodeImage(path, options), size);
}
