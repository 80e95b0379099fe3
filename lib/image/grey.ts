// Grey from decoded pixels in whole numbers: luma of ITU-R BT.601 with 16-bit weights, transparency over white.

import { wrongValue } from '../errors.js';
import { type Box, type Pixels, wholeImage } from './resize.js';

/** round(value * alpha / 255 + white * (255 - alpha) / 255), exact for bytes. */
const overWhite = (value: number, alpha: number): number => {
  const sum = value * alpha + 255 * (255 - alpha) + 128;
  return (sum + (sum >> 8)) >> 8;
};

/**
 * One grey channel from 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels:
 * (19595 R + 38470 G + 7471 B + 32768) >> 16, then laid over white where there is transparency. Of all pixels, or
 * of those in `box`.
 *
 * @throws RangeError for another channel count.
 */
export function toGrey(image: Pixels, box: Box = wholeImage(image)): Pixels {
  const { data, channels } = image;
  const { width, height } = box;
  if (channels < 1 || channels > 4) {
    throw wrongValue('toGrey', `an image has 1 to 4 channels, received ${channels}`);
  }
  const out = new Uint8Array(width * height);
  const colour = channels > 2;
  const transparent = channels === 2 || channels === 4;
  for (let y = 0, i = 0; y < height; y++) {
    let at = ((box.top + y) * image.width + box.left) * channels;
    for (let x = 0; x < width; x++, i++, at += channels) {
      const luma = colour
        ? (19595 * data[at] + 38470 * data[at + 1] + 7471 * data[at + 2] + 32768) >> 16
        : data[at];
      out[i] = transparent ? overWhite(luma, data[at + channels - 1]) : luma;
    }
  }
  return { data: out, width, height, channels: 1 };
}
