// From the bytes of an image to what a network takes, on sharp's threads but for the last step.

/** The mean and deviation of ImageNet's channels, by which the published weights were trained. */
const MEAN = [0.485, 0.456, 0.406];
const DEVIATION = [0.229, 0.224, 0.225];

/** The body is no image that can be read. */
export class BadImage extends Error {}

/**
 * Makes a function of an image's bytes: turned upright, the shorter side resized to `resize`, a centred square of `size` cut
 * out, normalised. Gives [3, size, size] as a Float32Array.
 */
export async function makeDecoder({ size, resize, maxPixels }) {
  const { default: sharp } = await import('sharp').catch((error) => {
    throw new Error(
      `images are decoded by sharp, which did not load (${error.message}); run: npm install sharp`,
    );
  });
  const cut = (length) => Math.floor((length - size) / 2);
  return async (bytes) => {
    let pixels;
    try {
      const { data, info } = await sharp(bytes, { failOn: 'truncated', limitInputPixels: maxPixels })
        .rotate()
        .resize(resize, resize, { fit: 'outside', kernel: 'linear' })
        .flatten({ background: 'white' })
        .toColourspace('srgb')
        .raw({ depth: 'uchar' })
        .toBuffer({ resolveWithObject: true });
      pixels = { data, ...info };
    } catch (error) {
      throw new BadImage(`the body is no image that can be read: ${error.message.split('\n')[0]}`);
    }
    if (pixels.channels !== 3) throw new BadImage(`the image has ${pixels.channels} channels, not 3`);
    return normalised(pixels, cut(pixels.width), cut(pixels.height), size);
  };
}

/** Part of interleaved bytes as planes of numbers. */
function normalised({ data, width }, left, top, size) {
  const values = new Float32Array(3 * size * size);
  for (let c = 0; c < 3; c++) {
    const scale = 1 / (255 * DEVIATION[c]);
    const shift = -MEAN[c] / DEVIATION[c];
    let to = c * size * size;
    for (let y = 0; y < size; y++) {
      let from = ((top + y) * width + left) * 3 + c;
      for (let x = 0; x < size; x++, from += 3) values[to++] = data[from] * scale + shift;
    }
  }
  return values;
}
