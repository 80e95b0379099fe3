// From the bytes of an image to what a network takes. Decoding and resizing run on sharp's threads; what is left for the event
// loop is one pass over the pixels.

/** The mean and deviation of ImageNet's channels, by which the published weights were trained. */
const MEAN = [0.485, 0.456, 0.406];
const DEVIATION = [0.229, 0.224, 0.225];
const SCALE = DEVIATION.map((deviation) => 1 / (255 * deviation));
const SHIFT = DEVIATION.map((deviation, c) => -MEAN[c] / deviation);

/** The body is no image that can be read. */
export class BadImage extends Error {}

/**
 * Makes a function of an image's bytes: turned upright, the largest centred square resized to `resize`, one of `size` cut out
 * of its middle. Gives [size, size, 3] as bytes.
 */
export async function makeDecoder({ size, resize, maxPixels }) {
  const { default: sharp } = await import('sharp').catch((error) => {
    throw new Error(
      `images are decoded by sharp, which did not load (${error.message}); run: npm install sharp`,
    );
  });
  const corner = (resize - size) >> 1;
  return async (bytes) => {
    try {
      const { data, info } = await sharp(bytes, { failOn: 'truncated', limitInputPixels: maxPixels })
        .rotate()
        .resize(resize, resize, { fit: 'cover', kernel: 'linear' })
        .extract({ left: corner, top: corner, width: size, height: size })
        .flatten({ background: 'white' })
        .toColourspace('srgb')
        .raw({ depth: 'uchar' })
        .toBuffer({ resolveWithObject: true });
      if (info.channels === 3) return data;
      throw new Error(`it has ${info.channels} channels, not 3`);
    } catch (error) {
      // sharp says "Input buffer" and "Input image" of what came
      const [reason] = error.message.replace(/^Input (buffer|image)/i, 'it').split('\n');
      throw new BadImage(`the body is no image that can be read: ${reason}`);
    }
  };
}

/** Pixels [size, size, 3] as normalised numbers, a plane a channel: [3, size, size]. */
export function normalisePlanes(pixels, values) {
  const plane = values.length / 3;
  for (let i = 0, from = 0; i < plane; i++, from += 3) {
    values[i] = pixels[from] * SCALE[0] + SHIFT[0];
    values[plane + i] = pixels[from + 1] * SCALE[1] + SHIFT[1];
    values[2 * plane + i] = pixels[from + 2] * SCALE[2] + SHIFT[2];
  }
  return values;
}
