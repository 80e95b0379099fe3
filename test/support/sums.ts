// Random sums over positions.
import type { Random } from './random.js';

export interface Sum {
  readonly family: 'sumPositions';
  readonly x: Float32Array;
  readonly positions: number;
  readonly channels: number;
}

/** Around the ends of chunks of 256, and of the vectors and blocks of vectors that columns are cut into. */
const POSITIONS = [0, 1, 2, 7, 255, 256, 257, 511, 512, 513, 1000, 3000];
const CHANNELS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 511, 512, 513];

export function drawSum(random: Random, draw: (length: number) => Float32Array): Sum {
  const channels = random.of(CHANNELS);
  const positions = random.of(channels > 65 ? POSITIONS.slice(0, 7) : POSITIONS);
  return { family: 'sumPositions', x: draw(positions * channels), positions, channels };
}
