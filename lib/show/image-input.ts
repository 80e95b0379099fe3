// From an image file to what a model takes: its centred square, grey or RGB, resized, as numbers from 0 to 1.

import { wrongValue } from '../errors.js';
import { decodeImage } from '../image/decode.js';
import { toGrey } from '../image/grey.js';
import { centreSquare, type Pixels, resize } from '../image/resize.js';
import { Tensor } from '../tensor/tensor.js';
import type { ShowModel } from './models.js';

/** The image as the model sees it. */
export async function squared(model: ShowModel, file: string): Promise<Pixels> {
  const decoded = await decodeImage(file).catch((error: Error) => {
    throw /sharp, which did not load/.test(error.message)
      ? error
      : wrongValue('show', `${file}: ${error.message}`);
  });
  const pixels = model.channels === 1 ? toGrey(decoded) : opaque(decoded);
  return resize(pixels, model.inputSize, model.inputSize, { box: centreSquare(pixels) });
}

/** RGB without transparency. */
function opaque({ data, width, height, channels }: Pixels): Pixels {
  const plain = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => data[Math.floor(i / 3) * channels + (channels < 3 ? 0 : i % 3)],
  );
  return { data: plain, width, height, channels: 3 };
}

/** [1, C, H, W] in 0 to 1. */
export function tensorOf({ data, width, height, channels }: Pixels): Tensor {
  const area = width * height;
  const values = Float32Array.from(
    { length: area * channels },
    (_, i) => data[(i % area) * channels + Math.floor(i / area)] / 255,
  );
  return new Tensor(values, [1, channels, height, width]);
}
