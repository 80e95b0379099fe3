// The exact float32 fused multiply-add, from float64 arithmetic alone: the hot inner step of the whole
// TypeScript backend. It knows nothing of arrays or loops.
//
// The product of two floats is exact in a double, so `fround(a * b + c)` rounds twice: once to 53 bits (s),
// once to 24. Rounding twice goes wrong only where s falls exactly half way between two neighbouring floats
// and the first rounding lost something; then the sign of what it lost (TwoSum's error) decides.
//
// A point half way between floats has at most 25 significant bits (subnormal floats included), which one
// Veltkamp splitting tests with a multiplication and two subtractions, off the chain of dependent values.
//
// Measured on Node 20.20, AMD Zen 5, times the speed of the same loop with plain `fround(a * b + c)`,
// dense data / half of the multipliers zero:
//   axpy over 256 floats, unrolled by four:       this test 0.61 / 0.56, neighbour test 0.48 / 0.46
//   axpy, not unrolled:                           0.58 / 0.49, neighbour 0.58 / 0.57, bits of the double 0.58 / 0.47
//   tile of 2x2 accumulators in locals, k inside: 0.67 / 0.53, neighbour 0.49 / 0.45
//   tile of 2x4:                                  0.50 / 0.44, neighbour 0.41 / 0.38
// (neighbour: t = s + (s - r), a tie where fround(t) === t; bits: the double stored into a Float64Array and its
// low word read back.) V8 inlines calls of `fmaf` up to a budget per function of about 900 bytes of bytecode: 9
// calls stay well inside it, 16 do not, and the loop falls to 0.2. A loop that leaves for settleTie altogether
// instead of calling keeps its accumulators in registers: that is what backend/reference/tile.ts does (0.7). Other
// large bodies write the test out:
//   const s = a * b + c, g = s * TIE_SPLITTER; let r = fround(s);
//   if (g - (g - s) === s && s !== r) r = settleTie(a, b, c);

const { fround } = Math;

/** 2^28 + 1: splits a double so that its upper part keeps 25 bits. */
export const TIE_SPLITTER = 268435457;

const LARGEST = fround(3.4028234663852886e38);

/**
 * a * b + c rounded once to float32, as C's `fmaf` and every hardware FMA give it, for all floats a, b, c:
 * subnormals, signed zeros, infinities and NaN included.
 *
 * @example fmaf(1 + 2 ** -12, 1 + 2 ** -12, 2 ** -60) // 1.00048828125 + 2^-23, where fround(a * b + c) drops the bit
 */
export function fmaf(a: number, b: number, c: number): number {
  const s = a * b + c;
  const r = fround(s);
  const g = s * TIE_SPLITTER;
  if (g - (g - s) === s && s !== r) return settleTie(a, b, c);
  return r;
}

/** What `fmaf` gives, by the long way: for values whose double sum may lie half way between two floats. */
export function settleTie(a: number, b: number, c: number): number {
  const p = a * b;
  const s = p + c;
  const r = fround(s);
  const back = s - p;
  const lost = p - (s - back) + (c - back);
  // No loss, or no number: the second rounding saw the exact sum.
  if (!(lost < 0 || lost > 0)) return r;

  // Half way between the largest float and 2^128, fround has gone up already.
  if (r === Infinity || r === -Infinity) {
    if (s === 3.4028235677973366e38 && lost < 0) return LARGEST;
    if (s === -3.4028235677973366e38 && lost > 0) return -LARGEST;
    return r;
  }

  const other = s + (s - r);
  if (fround(other) !== other) return r;
  if (lost > 0) return Math.max(r, other);
  return Math.min(r, other);
}
