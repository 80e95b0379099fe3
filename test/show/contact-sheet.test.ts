import { describe, expect, it } from 'vitest';
import { Canvas } from '../../lib/image/canvas.js';
import { colourAt } from '../../lib/image/colours.js';
import { drawText, LETTER_HEIGHT, LETTER_WIDTH } from '../../lib/image/lettering.js';
import { contactSheet, type SheetOptions, type Tile } from '../../lib/show/contact-sheet.js';

const plane = (values: number[], width: number): Tile => ({
  label: '',
  picture: { values: Float32Array.from(values), width, height: values.length / width },
});
const options: SheetOptions = { title: 't', colours: 'auto', joint: false, size: 8, columns: null };

/** The colours of a sheet that are no background or lettering, in order of first appearance. */
function inks(canvas: Canvas): string[] {
  const found = new Set<string>();
  for (let i = 0; i < canvas.data.length; i += 3) found.add(canvas.data.subarray(i, i + 3).join());
  return [...found].filter((colour) => !['38,38,42', '235,235,235', '180,180,186'].includes(colour));
}

const ink = (scale: Parameters<typeof colourAt>[0], position: number): string =>
  colourAt(scale, position).join();

describe('a contact sheet', () => {
  it('gives the least number the first colour and the largest the last', () => {
    expect(inks(contactSheet([plane([2, 3, 5, 10], 2)], options))).toEqual(
      [0, 1 / 8, 3 / 8, 1].map((position) => ink('viridis', position)),
    );
  });

  it('puts zero in the middle of a diverging scale where numbers are negative', () => {
    expect(inks(contactSheet([plane([-1, 0, 4, 2], 2)], options))).toEqual(
      [3 / 8, 1 / 2, 1, 3 / 4].map((position) => ink('diverging', position)),
    );
  });

  it('shares one range where asked, and otherwise gives each picture its own', () => {
    const tiles = [plane([0, 1], 2), plane([0, 2], 2)];
    const grey = { ...options, colours: 'grey' } as const;
    expect(inks(contactSheet(tiles, grey))).toEqual(['0,0,0', '255,255,255']);
    expect(inks(contactSheet(tiles, { ...grey, joint: true }))).toEqual([
      '0,0,0',
      '128,128,128',
      '255,255,255',
    ]);
  });

  it('marks what is no number, and draws a constant plane in the middle of its scale', () => {
    expect(inks(contactSheet([plane([0, Number.NaN, 1, 1], 2)], options))).toContain('255,0,255');
    expect(inks(contactSheet([plane([3, 3, 3, 3], 2)], { ...options, colours: 'grey' }))).toEqual([
      '128,128,128',
    ]);
  });

  it('enlarges by whole pixels: every value is a square of the same size', () => {
    const { data } = contactSheet([plane([0, 1, 2, 3], 2)], { ...options, colours: 'grey', size: 9 });
    const count = (colour: number) => {
      let pixels = 0;
      for (let i = 0; i < data.length; i += 3)
        if (data[i] === colour && data[i + 1] === colour && data[i + 2] === colour) pixels++;
      return pixels;
    };
    expect([0, 85, 170, 255].map(count)).toEqual([16, 16, 16, 16]);
  });

  it('takes as many columns as asked', () => {
    const tiles = Array.from({ length: 6 }, () => plane([0, 1, 2, 3], 2));
    const [wide, narrow] = [6, 2].map((columns) => contactSheet(tiles, { ...options, columns }));
    expect(wide.width).toBe(2 * 10 + 6 * 8 + 5 * 6);
    expect(narrow.width).toBe(2 * 10 + 2 * 8 + 6);
    expect(narrow.height).toBeGreaterThan(wide.height);
  });
});

describe('letters', () => {
  it('differ from one another, and none touches its neighbour', () => {
    const seen = new Set<string>();
    const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz-+.,:/_[]()=';
    for (const letter of alphabet) {
      const canvas = new Canvas(LETTER_WIDTH, LETTER_HEIGHT, [0, 0, 0]);
      drawText(canvas, letter, 0, 0, [1, 1, 1]);
      seen.add(canvas.data.join(''));
      for (let y = 0; y < LETTER_HEIGHT; y++) expect(canvas.data[(y * LETTER_WIDTH + 5) * 3]).toBe(0);
    }
    expect(seen.size).toBe(alphabet.length);
    expect([...seen].filter((drawn) => !drawn.includes('1'))).toEqual([]);
  });
});
