// Digits made of seven bars, moved and noisy, for trainings that need no file from elsewhere.

import { Tensor } from '../../lib/index.js';
import { Random } from './random.js';

const SIDE = 28;
/** Which of the bars each digit has: top, upper left, upper right, middle, lower left, lower right, bottom. */
const BARS = [
  '1110111',
  '0010010',
  '1011101',
  '1011011',
  '0111010',
  '1101011',
  '1101111',
  '1010010',
  '1111111',
  '1111011',
];
/** [row, column, height, width] of each bar. */
const PLACES = [
  [5, 9, 2, 9],
  [6, 8, 7, 2],
  [6, 17, 7, 2],
  [13, 9, 2, 9],
  [14, 8, 7, 2],
  [14, 17, 7, 2],
  [20, 9, 2, 9],
] as const;

/** `count` images [count, 28, 28] of whole numbers from 0 to 255, and what they show. */
export function madeDigits(count: number, seed: number): { images: Tensor; labels: Tensor } {
  const random = new Random(seed);
  const pixels = new Float32Array(count * SIDE * SIDE);
  const labels = new Float32Array(count);
  for (let n = 0; n < count; n++) {
    const digit = random.between(0, 9);
    labels[n] = digit;
    const [down, right] = [random.between(-2, 2), random.between(-2, 2)];
    const image = pixels.subarray(n * SIDE * SIDE, (n + 1) * SIDE * SIDE);
    image.forEach((_, i) => {
      image[i] = random.between(0, 40);
    });
    PLACES.forEach(([row, column, height, width], bar) => {
      if (BARS[digit][bar] === '0') return;
      for (let r = row; r < row + height; r++) {
        for (let c = column; c < column + width; c++)
          image[(r + down) * SIDE + c + right] = random.between(160, 255);
      }
    });
  }
  return { images: new Tensor(pixels, [count, SIDE, SIDE]), labels: new Tensor(labels, [count]) };
}
