// Normal numbers between two bounds, wherever those lie, from the counter-based generator.

import { exp64 } from './double.js';
import { philox, type RandomStream, streamWords } from './philox.js';

/** e^-40 is below half an ulp of the densest place: further out nothing would ever be taken. */
const DEEPEST = 80;

/**
 * Fills `out` with normal numbers of a mean and standard deviation, given that they lie in [low, high]. Element i tries
 * numbers spread evenly over the bounds, those of block [i, attempt], until one lies under the bell: at least one in forty
 * does, one in two for bounds of two deviations.
 */
export function truncatedNormalInto(
  out: Float32Array,
  source: RandomStream,
  mean: number,
  deviation: number,
  low: number,
  high: number,
): void {
  const [least, most] = [Math.fround(low), Math.fround(high)];
  let [from, to] = [(low - mean) / deviation, (high - mean) / deviation];
  const nearest = Math.max(from, Math.min(to, 0)); // to the mean
  const reach = Math.sqrt(nearest * nearest + DEEPEST);
  from = Math.max(from, -reach);
  to = Math.min(to, reach);
  const key = streamWords(source.seed);
  const [streamLow, streamHigh] = streamWords(source.stream);
  const words = new Uint32Array(4);
  const tried = (first: number): number | null => {
    const x = from + (to - from) * ((words[first] + 0.5) / 4294967296);
    const height = exp64((nearest * nearest - x * x) / 2);
    return (words[first + 1] + 0.5) / 4294967296 < height ? mean + deviation * x : null;
  };
  for (let i = 0; i < out.length; i++) {
    let value: number | null = null;
    for (let attempt = 0; value === null; attempt++) {
      words[0] = i;
      words[1] = attempt + 1; // no other draw has so many blocks
      words[2] = streamLow;
      words[3] = streamHigh;
      philox(words, key, words);
      value = tried(0) ?? tried(2);
    }
    // The rounding may pass a bound.
    out[i] = Math.min(Math.max(Math.fround(value), least), most);
  }
}
