// What this machine gives to the reference: the speed of its own hot loop, and of reading memory.
import { runTile, TILE_CHANNELS, TILE_POSITIONS } from './tile.js';

/** FLOP/s of the tile of exact FMAs, from operands that lie in the first-level cache. */
export function measurePeak(seconds: number): number {
  const depth = 512;
  const x = Float32Array.from({ length: depth }, (_, i) => 1 + i / 1024);
  const weights = Float32Array.from({ length: TILE_CHANNELS * depth }, (_, i) => (i % 2 === 0 ? 0.7 : -0.3));
  const state = new Float64Array(TILE_POSITIONS * TILE_CHANNELS);
  const offsets = new Int32Array(TILE_POSITIONS);
  const perRun = 2 * depth * state.length;
  return rate(seconds, perRun, () => {
    state.fill(0);
    runTile(x, offsets, 0, weights, 0, 1, depth, state, true);
  });
}

/** Bytes/s of summing a Float64Array of `bytes` bytes. */
export function measureBandwidth(bytes: number, seconds: number): number {
  const values = new Float64Array(Math.max(4, Math.ceil(bytes / 8)));
  let total = 0;
  const speed = rate(seconds, values.byteLength, () => {
    let [a, b, c, d] = [0, 0, 0, 0];
    const whole = values.length & ~3;
    for (let i = 0; i < whole; i += 4) {
      a += values[i];
      b += values[i + 1];
      c += values[i + 2];
      d += values[i + 3];
    }
    total += a + b + c + d;
  });
  // The sum is used, so that the loop cannot be dropped.
  return total === 0 ? speed : 0;
}

/** Units of work per second: `run` does `units` of it. The first fifth of the time warms up. */
function rate(seconds: number, units: number, run: () => void): number {
  const start = performance.now();
  while (performance.now() - start < seconds * 200) run();
  const begin = performance.now();
  let runs = 0;
  do {
    run();
    runs++;
  } while (performance.now() - begin < seconds * 800);
  return (runs * units * 1000) / (performance.now() - begin);
}
