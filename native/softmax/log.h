// The natural logarithm in double, step by step as lib/numerics/double.ts has it: libm's differ.
#pragma once

#include <cstdint>
#include <cstring>

namespace convkit {

// x positive, finite and normal.
inline double logOfNormal(double x) {
  constexpr double kSeries[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11, 2.0 / 13,
                                2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23};
  constexpr double kLn2High = 0.6931471803691238, kLn2Low = 1.9082149292705877e-10;
  uint64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const auto high = static_cast<int32_t>(static_cast<uint32_t>(bits >> 32) + (0x3ff00000u - 0x3fe6a09eu));
  const int32_t k = (high >> 20) - 1023;
  const auto top = static_cast<uint64_t>((high & 0x000fffff) + 0x3fe6a09e);
  bits = top << 32 | (bits & 0xffffffffu);
  double mantissa;
  std::memcpy(&mantissa, &bits, sizeof mantissa);
  const double f = mantissa - 1, s = f / (2 + f), z = s * s, half = 0.5 * f * f;
  double series = kSeries[10];
  for (int i = 9; i >= 0; i--) series = series * z + kSeries[i];
  const double rest = s * (half + z * series);
  return k * kLn2High - (half - (rest + k * kLn2Low) - f);
}

}  // namespace convkit
