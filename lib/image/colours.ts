// Numbers to colours: scales whose steps look even. Viridis (van der Walt and Smith 2015) for amounts, red and blue on
// either side of white (Brewer's RdBu, 2003) for signed ones, grey for both.

import type { Colour } from './canvas.js';

export const COLOUR_SCALES = ['viridis', 'diverging', 'grey'] as const;
export type ColourScale = (typeof COLOUR_SCALES)[number];

/** Evenly spaced colours of each scale, as hexadecimal RGB; between them it goes straight. */
const anchors: Readonly<Record<ColourScale, readonly number[]>> = {
  viridis: [
    0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b, 0xfde725,
  ],
  diverging: [
    0x053061, 0x2166ac, 0x4393c3, 0x92c5de, 0xd1e5f0, 0xf7f7f7, 0xfddbc7, 0xf4a582, 0xd6604d, 0xb2182b,
    0x67001f,
  ],
  grey: [0x000000, 0xffffff],
};

/** What stands for a value that is no number. */
const NOT_A_NUMBER: Colour = [255, 0, 255];

/** The colour of a position from 0 to 1; beyond them the nearest end. */
export function colourAt(scale: ColourScale, position: number): Colour {
  if (Number.isNaN(position)) return NOT_A_NUMBER;
  const colours = anchors[scale];
  const place = Math.min(Math.max(position, 0), 1) * (colours.length - 1);
  const below = Math.min(Math.floor(place), colours.length - 2);
  const part = place - below;
  const channel = (shift: number): number => {
    const from = (colours[below] >> shift) & 255;
    return Math.round(from + part * (((colours[below + 1] >> shift) & 255) - from));
  };
  return [channel(16), channel(8), channel(0)];
}
