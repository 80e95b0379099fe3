// The filter's side of Winograd's algorithm, vectorised over output channels, in double: its rounding would
// be paid everywhere. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

// One axis of a 3x3 filter evaluated at the points of F(2x2): 0, 1, -1 and infinity.
template <class Simd, int kTile>
struct FilterTransform {
  using W = typename Simd::Wide;
  static void apply(const W* g, int step, W* out, int outStep) {
    const W g0 = g[0], g1 = g[step], g2 = g[2 * step];
    const W first = Simd::mul(g0, 0.5), second = Simd::mul(g1, 0.5), third = Simd::mul(g2, 0.5);
    out[0] = g0;
    out[outStep] = Simd::add(Simd::add(first, second), third);
    out[2 * outStep] = Simd::add(Simd::sub(first, second), third);
    out[3 * outStep] = g2;
  }
};

// The points of F(4x4): 0, ±5/8, ±3/2 and infinity; each value over the product of its point's distances to
// the others.
template <class Simd>
struct FilterTransform<Simd, 4> {
  using W = typename Simd::Wide;
  static constexpr double kA = 0.625, kB = 1.5, kA2 = kA * kA, kB2 = kB * kB;
  static constexpr double kAtZero = kA2 * kB2, kAtA = 2 * kA2 * (kA2 - kB2), kAtB = 2 * kB2 * (kB2 - kA2);

  static void apply(const W* g, int step, W* out, int outStep) {
    const W g0 = g[0], g1 = g[step], g2 = g[2 * step];
    out[0] = Simd::mul(g0, 1 / kAtZero);
    const W a0 = Simd::mul(g0, 1 / kAtA), a1 = Simd::mul(g1, kA / kAtA), a2 = Simd::mul(g2, kA2 / kAtA);
    out[outStep] = Simd::add(Simd::add(a0, a1), a2);
    out[2 * outStep] = Simd::add(Simd::sub(a0, a1), a2);
    const W b0 = Simd::mul(g0, 1 / kAtB), b1 = Simd::mul(g1, kB / kAtB), b2 = Simd::mul(g2, kB2 / kAtB);
    out[3 * outStep] = Simd::add(Simd::add(b0, b1), b2);
    out[4 * outStep] = Simd::add(Simd::sub(b0, b1), b2);
    out[5 * outStep] = g2;
  }
};

template <class Simd, int kTile>
void winogradFilter(const WinogradFilter& filter) {
  using W = typename Simd::Wide;
  constexpr int kSide = kTile + 2;
  for (int64_t n = 0; n < filter.width; n += Simd::kLanes) {
    W g[9], columns[kSide * 3];
#pragma GCC unroll 9
    for (int t = 0; t < 9; t++) g[t] = Simd::widen(Simd::load(filter.g + t * filter.gStep + n));
#pragma GCC unroll 3
    for (int j = 0; j < 3; j++) FilterTransform<Simd, kTile>::apply(g + j, 3, columns + j, 3);
#pragma GCC unroll 6
    for (int i = 0; i < kSide; i++) {
      W row[kSide];
      FilterTransform<Simd, kTile>::apply(columns + 3 * i, 1, row, 1);
#pragma GCC unroll 6
      for (int j = 0; j < kSide; j++)
        Simd::store(filter.to + (i * kSide + j) * filter.step + n, Simd::narrow(row[j]));
    }
  }
}

}  // namespace
}  // namespace convkit
