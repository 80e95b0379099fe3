// Many small pictures on one: numbers to colours over a common range or each over its own, in a grid, with labels.
// It knows nothing of models.

import { Canvas, type Colour } from '../image/canvas.js';
import { type ColourScale, colourAt } from '../image/colours.js';
import { drawText, LETTER_HEIGHT, LETTER_WIDTH, lettersIn } from '../image/lettering.js';
import type { Pixels } from '../image/resize.js';

/** One picture: a plane of numbers to be coloured, or pixels as they are. */
export interface Tile {
  readonly label: string;
  readonly picture: Plane | Pixels;
}

export interface Plane {
  /** width * height numbers, row by row. */
  readonly values: Float32Array;
  readonly width: number;
  readonly height: number;
}

export interface SheetOptions {
  /** The line above the pictures. */
  readonly title: string;
  /** 'auto': diverging where a number is negative, viridis otherwise. */
  readonly colours: ColourScale | 'auto';
  /** Whether all planes share one range, which the title then tells; otherwise each has its own, in its label. */
  readonly joint: boolean;
  /** Pixels of a picture's longer side. */
  readonly size: number;
  /** Pictures in a row; as many as make the sheet about square where null. */
  readonly columns: number | null;
}

interface Range {
  readonly low: number;
  readonly high: number;
}

const BACKGROUND: Colour = [38, 38, 42];
const TITLE: Colour = [235, 235, 235];
const LABEL: Colour = [180, 180, 186];
const GAP = 6;
const MARGIN = 10;

/** Draws the sheet. All pictures get boxes of the size of the largest. */
export function contactSheet(tiles: readonly Tile[], options: SheetOptions): Canvas {
  const planes = tiles.map(({ picture }) => ('values' in picture ? picture : null));
  const ranges = planes.map((plane) => (plane === null ? null : rangeOf(plane.values)));
  const all = ranges.filter((range) => range !== null).reduce(united, nothing);
  const scale = options.colours === 'auto' ? (all.low < 0 ? 'diverging' : 'viridis') : options.colours;
  const shown = (own: Range): Range => balanced(options.joint ? all : own, scale);

  // One box for all: whole pixels a value where the pictures are smaller than the wanted size.
  const sizes = tiles.map(({ picture: { width, height } }) => fitted(width, height, options.size));
  const boxWidth = Math.max(...sizes.map(({ width }) => width));
  const boxHeight = Math.max(...sizes.map(({ height }) => height));
  const cellHeight = boxHeight + LETTER_HEIGHT + 4;
  const columns = options.columns ?? squareColumns(tiles.length, boxWidth + GAP, cellHeight + GAP);
  const rows = Math.ceil(tiles.length / columns);
  const title = options.joint && ranges.some(Boolean) ? `${options.title}  ${said(all)}` : options.title;
  const lines = wrapped(title, columns * (boxWidth + GAP) - GAP);
  const top = MARGIN + lines.length * (LETTER_HEIGHT + 4) + 4;
  const canvas = new Canvas(
    2 * MARGIN + columns * (boxWidth + GAP) - GAP,
    top + rows * (cellHeight + GAP) - GAP + MARGIN,
    BACKGROUND,
  );

  lines.forEach((line, i) => {
    drawText(canvas, line, MARGIN, MARGIN + i * (LETTER_HEIGHT + 4), TITLE);
  });
  tiles.forEach(({ label, picture }, i) => {
    const left = MARGIN + (i % columns) * (boxWidth + GAP);
    const y = top + Math.floor(i / columns) * (cellHeight + GAP);
    const { width, height } = sizes[i];
    const plane = planes[i];
    const range = ranges[i];
    const pixels = plane === null || range === null ? rgb(picture) : coloured(plane, shown(range), scale);
    canvas.place(pixels, left, y, width, height);
    const letters = lettersIn(boxWidth);
    const own = range === null || options.joint ? '' : said(range);
    const room = letters - label.length - 1;
    const text = own.length <= room ? label + own.padStart(room + 1) : label.slice(0, letters);
    drawText(canvas, text, left, y + height + 3, LABEL);
  });
  return canvas;
}

const nothing: Range = { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY };

const united = (a: Range, b: Range): Range => ({
  low: Math.min(a.low, b.low),
  high: Math.max(a.high, b.high),
});

/** The least and the largest number; infinities and what is no number are passed over. */
function rangeOf(values: Float32Array): Range {
  let { low, high } = nothing;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

/** Zero in the middle of a diverging scale. */
function balanced(range: Range, scale: ColourScale): Range {
  if (scale !== 'diverging') return range;
  const reach = Math.max(Math.abs(range.low), Math.abs(range.high));
  return { low: -reach, high: reach };
}

function coloured({ values, width, height }: Plane, { low, high }: Range, scale: ColourScale): Pixels {
  const data = new Uint8Array(values.length * 3);
  values.forEach((value, i) => {
    const position = high > low ? (value - low) / (high - low) : Number.isNaN(value) ? value : 0.5;
    data.set(colourAt(scale, position), i * 3);
  });
  return { data, width, height, channels: 3 };
}

/** Pixels of grey or RGB as RGB. */
function rgb(picture: Plane | Pixels): Pixels {
  if ('values' in picture || picture.channels === 3) return picture as Pixels;
  const { data, width, height, channels } = picture;
  const wide = Uint8Array.from({ length: width * height * 3 }, (_, i) => data[Math.floor(i / 3) * channels]);
  return { data: wide, width, height, channels: 3 };
}

/** The box of a picture whose longer side is to be about `size`: a whole multiple where it is smaller. */
function fitted(width: number, height: number, size: number): { width: number; height: number } {
  const longer = Math.max(width, height);
  const factor = longer > size ? size / longer : Math.max(1, Math.floor(size / longer));
  return {
    width: Math.max(1, Math.round(width * factor)),
    height: Math.max(1, Math.round(height * factor)),
  };
}

/** Columns that make the sheet a little wider than tall, and among about as many those that leave the fewest gaps. */
function squareColumns(count: number, width: number, height: number): number {
  const ideal = Math.sqrt((count * height * 1.3) / width);
  const gaps = (columns: number) => Math.ceil(count / columns) * columns - count;
  const near = Array.from({ length: Math.ceil(ideal) }, (_, i) => Math.ceil(ideal * 0.7) + i);
  return near
    .filter((columns) => columns <= count)
    .reduce(
      (best, columns) => (gaps(columns) < gaps(best) ? columns : best),
      Math.min(count, Math.ceil(ideal)),
    );
}

/** A range in two digits that count; an end that is nothing beside the other is 0. */
function said({ low, high }: Range): string {
  if (low > high) return 'no numbers';
  const least = Math.max(Math.abs(low), Math.abs(high)) / 500;
  const [from, to] = [low, high].map((end) => short(Math.abs(end) < least ? 0 : end));
  return from === `-${to}` ? `+-${to}` : `${from} to ${to}`;
}

function short(value: number): string {
  const text = String(Number(value.toPrecision(2)));
  return text.length > 6 ? value.toExponential(0).replace('+', '') : text;
}

/** The title in lines that fit. */
function wrapped(text: string, width: number): string[] {
  const most = Math.max(8, Math.floor(width / LETTER_WIDTH));
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word.slice(0, most));
  }
  return lines;
}
