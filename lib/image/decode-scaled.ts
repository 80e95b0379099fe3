// Files to pixels of the size that is wanted. A JPEG that is much larger is scaled down while it is decoded, by the decoder
// itself, to a half, a quarter or an eighth: it leaves out what would be averaged away. sharp resizes the rest of the way.

import { BackendError } from '../errors.js';
import { type DecodeOptions, inWordsOfFiles, openImage, pixelsOf, requireSharp } from './decode.js';
import type { ImageSize, Interpolation, Pixels } from './resize.js';

export interface ScaledOptions extends DecodeOptions {
  /** The size that is wanted of an upright image of so many pixels. */
  readonly sizeFor: (image: ImageSize) => ImageSize;
  readonly interpolation: Interpolation;
}

export interface ScaledPixels extends Pixels {
  /** Whether they have the size that is wanted; otherwise they are all the pixels of the file. */
  readonly resized: boolean;
}

/**
 * How many times larger than wanted the sides of a JPEG are at least, where it is scaled: from there on sharp has libjpeg leave
 * at least half of each side out, and what is left is larger than what is wanted.
 */
const LEAST = 3;

/**
 * Decodes a file as `decodeImage` does, or a JPEG at least three times as large as wanted straight to the size that is wanted.
 * Pixels of the latter are sharp's, not Pillow's, and may differ by a level between its versions and processors.
 *
 * @throws BackendError without sharp, or where it is older than 0.33.5; Error with the decoder's own words for an unreadable file.
 */
export async function decodeScaled(path: string, options: ScaledOptions): Promise<ScaledPixels> {
  const { kernel } = await requireSharp();
  const by = { bilinear: kernel.linear, bicubic: kernel.cubic }[options.interpolation];
  if (by === undefined) {
    throw new BackendError(
      'image: scaled decoding needs sharp 0.33.5 or later; run: npm install sharp@latest',
    );
  }
  const image = await openImage(path, options);
  return inWordsOfFiles(
    (async () => {
      const { format, orientation = 1, ...stored } = await image.metadata();
      const upright = orientation > 4 ? { width: stored.height, height: stored.width } : stored;
      const { width, height } = options.sizeFor(upright);
      const shrink = Math.min(upright.width / width, upright.height / height);
      const resized = format === 'jpeg' && shrink >= LEAST;
      if (resized) image.resize({ width, height, fit: 'fill', kernel: by });
      return { ...(await pixelsOf(image)), resized };
    })(),
  );
}
