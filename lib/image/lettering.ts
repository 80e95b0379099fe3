// Small text on pixels: a bitmap alphabet of 5 x 8, so that pictures have labels without fonts and look the same everywhere.

import type { Canvas, Colour } from './canvas.js';

/** Eight rows a block: the letters of its first line, each five pixels wide with one between. */
const ALPHABET = `
0     1     2     3     4     5     6     7     8     9     -     +
.###. ..#.. .###. .###. ...#. ##### ..##. ##### .###. .###. ..... .....
#...# .##.. #...# #...# ..##. #.... .#... ....# #...# #...# ..... ..#..
#..## ..#.. ....# ....# .#.#. ####. #.... ...#. #...# #...# ..... ..#..
#.#.# ..#.. ...#. ..##. #..#. ....# ####. ..#.. .###. .#### ##### #####
##..# ..#.. ..#.. ....# ##### ....# #...# ..#.. #...# ....# ..... ..#..
#...# ..#.. .#... #...# ...#. #...# #...# .#... #...# ...#. ..... ..#..
.###. .###. ##### .###. ...#. .###. .###. .#... .###. .##.. ..... .....
..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....

a     b     c     d     e     f     g     h     i     j     k     l
..... #.... ..... ....# ..... ..##. ..... #.... ..#.. ...#. #.... .##..
..... #.... ..... ....# ..... .#..# ..... #.... ..... ..... #.... ..#..
.###. #.##. .###. .##.# .###. .#... .#### #.##. .##.. ..##. #..#. ..#..
....# ##..# #...# #..## #...# ###.. #...# ##..# ..#.. ...#. #.#.. ..#..
.#### #...# #.... #...# ##### .#... #...# #...# ..#.. ...#. ##... ..#..
#...# #...# #...# #...# #.... .#... .#### #...# ..#.. ...#. #.#.. ..#..
.#### ####. .###. .#### .###. .#... ....# #...# .###. #..#. #..#. .###.
..... ..... ..... ..... ..... ..... .###. ..... ..... .##.. ..... .....

m     n     o     p     q     r     s     t     u     v     w     x
..... ..... ..... ..... ..... ..... ..... .#... ..... ..... ..... .....
..... ..... ..... ..... ..... ..... ..... .#... ..... ..... ..... .....
##.#. #.##. .###. ####. .#### #.##. .#### ####. #...# #...# #...# #...#
#.#.# ##..# #...# #...# #...# ##..# #.... .#... #...# #...# #...# .#.#.
#.#.# #...# #...# #...# #...# #.... .###. .#... #...# #...# #.#.# ..#..
#.#.# #...# #...# ####. .#### #.... ....# .#..# #..## .#.#. #.#.# .#.#.
#...# #...# .###. #.... ....# #.... ####. ..##. .##.# ..#.. .#.#. #...#
..... ..... ..... #.... ....# ..... ..... ..... ..... ..... ..... .....

y     z     .     ,     :     /     _     [     ]     (     )     =
..... ..... ..... ..... ..... ....# ..... .###. .###. ...#. .#... .....
..... ..... ..... ..... ..... ....# ..... .#... ...#. ..#.. ..#.. .....
#...# ##### ..... ..... ..#.. ...#. ..... .#... ...#. .#... ...#. #####
#...# ...#. ..... ..... ..... ..#.. ..... .#... ...#. .#... ...#. .....
#...# ..#.. ..... ..... ..... .#... ..... .#... ...#. .#... ...#. #####
.#### .#... .##.. .##.. ..#.. #.... ..... .#... ...#. ..#.. ..#.. .....
....# ##### .##.. ..#.. ..... #.... ##### .###. .###. ...#. .#... .....
.###. ..... ..... .#... ..... ..... ..... ..... ..... ..... ..... .....
`;

const ROWS = 8;
/** Pixels from one letter to the next. */
export const LETTER_WIDTH = 6;
/** Pixels from the top of a letter to the end of its tail. */
export const LETTER_HEIGHT = ROWS;

/** The rows of every letter. */
const letters: ReadonlyMap<string, readonly string[]> = new Map(
  ALPHABET.trim()
    .split('\n\n')
    .flatMap((block) => {
      const [names, ...rows] = block.split('\n');
      return Array.from({ length: Math.ceil(names.length / LETTER_WIDTH) }, (_, i): [string, string[]] => [
        names[i * LETTER_WIDTH],
        rows.map((row) => row.slice(i * LETTER_WIDTH, i * LETTER_WIDTH + 5)),
      ]);
    }),
);

/** How many letters fit a width. */
export const lettersIn = (width: number): number => Math.floor((width + 1) / LETTER_WIDTH);

/** Draws one line from its upper left corner. Capitals are drawn small; what the alphabet lacks is left blank. */
export function drawText(canvas: Canvas, text: string, left: number, top: number, colour: Colour): void {
  [...text.toLowerCase()].forEach((letter, i) => {
    const rows = letters.get(letter);
    rows?.forEach((row, y) => {
      for (let x = 0; x < row.length; x++) {
        if (row[x] === '#') canvas.set(left + i * LETTER_WIDTH + x, top + y, colour);
      }
    });
  });
}
