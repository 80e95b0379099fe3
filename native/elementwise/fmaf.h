// The exact float32 fused multiply-add from doubles, for processors and builds without the instruction: the
// twin of lib/numerics/fmaf.ts. Never the C library's, which some systems round twice.
#pragma once

#include <cstdint>

namespace convkit {
namespace {

// What the sum of doubles p + c lost to rounding (TwoSum: exact).
inline double lostInSum(double p, double c, double s) {
  const double back = s - p;
  return (p - (s - back)) + (c - back);
}

// a * b is exact in a double, so rounding p + c to a double and then to a float goes wrong only where the
// double lies half way between two floats and the first rounding lost something. Such a double ends in 28
// zero bits (subnormal floats included). Moving it one step of a double towards what was lost ("round to
// odd") leaves the second rounding no tie to break.
inline float exactFmaf(float a, float b, float c) {
  const double p = static_cast<double>(a) * static_cast<double>(b);
  double s = p + static_cast<double>(c);
  union {
    double value;
    uint64_t bits;
  } sum = {s};
  if ((sum.bits & 0x0fffffffu) == 0) {
    const double lost = lostInSum(p, c, s);
    if (lost < 0 || lost > 0) {
      if ((lost > 0) == (s > 0)) sum.bits++;
      else sum.bits--;
      s = sum.value;
    }
  }
  return static_cast<float>(s);
}

}  // namespace
}  // namespace convkit
