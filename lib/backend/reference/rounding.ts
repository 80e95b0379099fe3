// When float64 arithmetic followed by one rounding is an exact float32 fused multiply-add, and how to see where it may not
// be. It knows bit patterns, nothing of what is computed.
//
// fround(x * w + a) rounds the double sum s a second time. That is wrong only where s is half way between two floats and
// the first rounding lost something. Among normal floats the low 29 bits of s tell: 1000…0. Among subnormal floats half
// way points have other patterns, but where every product is a multiple of 2^-178, a sum below 2^-126 is a multiple of
// 2^-178 too (every float is one), has at most 52 bits, and so was not rounded the first time. A product is a multiple
// of the product of its factors' last places; the smallest factors other than zero have the smallest ones.

const double = new Float64Array(1);
const words = new Int32Array(double.buffer);
const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;

/** Whether a double among the normal floats lies half way between two of them. */
export function isHalfWay(sum: number): boolean {
  double[0] = sum;
  return (words[LOW] & 0x1fffffff) === 0x10000000;
}

/**
 * Whether fround(sum) may not be fma(x, w, a), where sum is x * w + a in float64 and no subnormal float is near: half way
 * between two floats, and not the exact sum. With the product exact, one of the differences is what Fast2Sum gets exactly
 * (Dekker 1971), so that both come out right for exact sums only. Coarse data meet exact half way points all the time.
 */
export function roundsTwice(x: number, w: number, a: number, sum: number): boolean {
  return isHalfWay(sum) && (sum - x * w !== a || sum - a !== x * w);
}

/** The biased exponent of the smallest magnitude in [begin, end) other than zero, 1 for subnormal ones; 255 where all are zero. */
export function smallestExponent(values: Float32Array, begin = 0, end = values.length): number {
  const patterns = new Int32Array(values.buffer, values.byteOffset + 4 * begin, end - begin);
  // A magnitude m > 0 becomes m - 2^31 - 1, zero the largest integer.
  let least = 0x7fffffff;
  for (let i = 0; i < patterns.length; i++) {
    const order = ((patterns[i] & 0x7fffffff) + 0x7fffffff) | 0;
    if (order < least) least = order;
  }
  const magnitude = (least + 0x80000001) | 0;
  return least === 0x7fffffff ? 255 : Math.max(1, magnitude >>> 23);
}

/** Whether products of numbers whose smallest exponents these are have no bits below 2^-178. */
export const hasExactSmallSums = (a: number, b: number): boolean => a - 150 + (b - 150) >= -178;
