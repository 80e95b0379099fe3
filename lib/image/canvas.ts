// Pixels to draw on, RGB, and the way from there to a PNG. What is drawn is for others to say.

import { requireSharp } from './decode.js';
import { type Pixels, resize } from './resize.js';

/** Red, green, blue, 0 to 255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** A picture of width x height RGB pixels, at first all of one colour. */
export class Canvas {
  readonly data: Uint8Array;

  constructor(
    readonly width: number,
    readonly height: number,
    background: Colour,
  ) {
    this.data = new Uint8Array(width * height * 3);
    for (let i = 0; i < this.data.length; i += 3) this.data.set(background, i);
  }

  /** Colours one pixel; outside the picture it does nothing. */
  set(x: number, y: number, colour: Colour): void {
    if (x >= 0 && y >= 0 && x < this.width && y < this.height)
      this.data.set(colour, (y * this.width + x) * 3);
  }

  /**
   * Lays a picture of RGB into a box: each pixel as a square of whole pixels where it is smaller, so that every value can be
   * seen; by antialiased bilinear resizing where it is larger.
   */
  place(picture: Pixels, left: number, top: number, width: number, height: number): void {
    const shrunk = picture.width > width || picture.height > height;
    const { data, width: columns, height: rows } = shrunk ? resize(picture, width, height) : picture;
    for (let y = 0; y < height; y++) {
      const from = Math.floor((y * rows) / height) * columns;
      for (let x = 0; x < width; x++) {
        const at = (from + Math.floor((x * columns) / width)) * 3;
        this.set(left + x, top + y, [data[at], data[at + 1], data[at + 2]]);
      }
    }
  }

  /** The picture as the bytes of a PNG file. @throws BackendError without sharp. */
  async toPng(): Promise<Uint8Array> {
    const sharp = await requireSharp();
    const { width, height } = this;
    return sharp(this.data, { raw: { width, height, channels: 3 } })
      .png({ compressionLevel: 9 })
      .toBuffer();
  }
}
