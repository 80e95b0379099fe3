// Winograd's minimal filtering for the gradient of a 3x3 weight: F(3x3, 4x4), whose filters are tiles of 4x4
// outputs of the upstream gradient. It interpolates at the points of F(4x4, 3x3), so the input's transform is
// that one's. Included once per instruction set.
#pragma once

#include "isa/kernels.h"
#include "winograd/filter.h"
#include "winograd/transforms.h"

namespace convkit {
namespace {

// One axis of a tile of the upstream gradient evaluated at the points.
template <class Simd>
inline void evaluateUpstream(const typename Simd::V* g, int step, typename Simd::V* out, int outStep) {
  using V = typename Simd::V;
  using Points = WinogradTransform<Simd, 4>;
  const V g0 = g[0], g1 = g[step], g2 = g[2 * step], g3 = g[3 * step];
  const V a = Simd::set(Points::kA), b = Simd::set(Points::kB);
  const V a2 = Simd::set(Points::kA2), b2 = Simd::set(Points::kB2);
  const V evenA = Simd::fma(a2, g2, g0), oddA = Simd::fma(a2, g3, g1);
  const V evenB = Simd::fma(b2, g2, g0), oddB = Simd::fma(b2, g3, g1);
  out[0] = g0;
  out[outStep] = Simd::fma(a, oddA, evenA);
  out[2 * outStep] = Simd::fnma(a, oddA, evenA);
  out[3 * outStep] = Simd::fma(b, oddB, evenB);
  out[4 * outStep] = Simd::fnma(b, oddB, evenB);
  out[5 * outStep] = g3;
}

// pixels: [16], as winogradInput has its 36.
template <class Simd>
void winogradUpstream(const WinogradInput& tile) {
  using V = typename Simd::V;
  constexpr int kTile = 4, kSide = 6, kLanes = Simd::kLanes;
  for (int64_t c = 0; c < tile.channels; c += kLanes) {
    const int n = tile.channels - c < kLanes ? static_cast<int>(tile.channels - c) : kLanes;
    V rows[kTile * kSide];
#pragma GCC unroll 4
    for (int i = 0; i < kTile; i++) {
      V g[kTile];
#pragma GCC unroll 4
      for (int j = 0; j < kTile; j++) {
        const float* pixel = tile.pixels[i * kTile + j] + c;
        g[j] = n == kLanes ? Simd::load(pixel) : Simd::loadPartial(pixel, n);
      }
      evaluateUpstream<Simd>(g, 1, rows + i * kSide, 1);
    }
#pragma GCC unroll 6
    for (int j = 0; j < kSide; j++) {
      V u[kSide];
      evaluateUpstream<Simd>(rows + j, kSide, u, 1);
#pragma GCC unroll 6
      for (int i = 0; i < kSide; i++) Simd::store(tile.v + (i * kSide + j) * tile.step + c, u[i]);
    }
  }
}

// One axis of the sums back to three taps. The products of the points' distances, which the upstream's
// transform left out so that its constants are exact, come in here.
template <class Simd>
inline void interpolateTaps(const typename Simd::V* m, int step, typename Simd::V* out, int outStep) {
  using V = typename Simd::V;
  using Points = FilterTransform<Simd, 4>;
  constexpr float atZero = static_cast<float>(1 / Points::kAtZero);
  constexpr float atA[] = {static_cast<float>(1 / Points::kAtA),
                           static_cast<float>(Points::kA / Points::kAtA),
                           static_cast<float>(Points::kA2 / Points::kAtA)};
  constexpr float atB[] = {static_cast<float>(1 / Points::kAtB),
                           static_cast<float>(Points::kB / Points::kAtB),
                           static_cast<float>(Points::kB2 / Points::kAtB)};
  const V sumA = Simd::add(m[step], m[2 * step]), differenceA = Simd::sub(m[step], m[2 * step]);
  const V sumB = Simd::add(m[3 * step], m[4 * step]), differenceB = Simd::sub(m[3 * step], m[4 * step]);
  out[0] = Simd::fma(Simd::set(atB[0]), sumB,
                     Simd::fma(Simd::set(atA[0]), sumA, Simd::mul(Simd::set(atZero), m[0])));
  out[outStep] = Simd::fma(Simd::set(atB[1]), differenceB, Simd::mul(Simd::set(atA[1]), differenceA));
  out[2 * outStep] = Simd::fma(Simd::set(atB[2]), sumB, Simd::fma(Simd::set(atA[2]), sumA, m[5 * step]));
}

template <class Simd>
void winogradGradient(const WinogradGradient& sums) {
  using V = typename Simd::V;
  constexpr int kSide = 6, kTaps = 3, kLanes = Simd::kLanes;
  for (int64_t c = 0; c < sums.channels; c += kLanes) {
    const int n = sums.channels - c < kLanes ? static_cast<int>(sums.channels - c) : kLanes;
    V rows[kSide * kTaps];
#pragma GCC unroll 6
    for (int i = 0; i < kSide; i++) {
      V m[kSide];
#pragma GCC unroll 6
      for (int j = 0; j < kSide; j++) m[j] = Simd::load(sums.m + (i * kSide + j) * sums.step + c);
      interpolateTaps<Simd>(m, 1, rows + i * kTaps, 1);
    }
#pragma GCC unroll 3
    for (int j = 0; j < kTaps; j++) {
      V taps[kTaps];
      interpolateTaps<Simd>(rows + j, kTaps, taps, 1);
#pragma GCC unroll 3
      for (int i = 0; i < kTaps; i++) {
        // No gradient is -0
        const V tap = Simd::add(taps[i], Simd::zero());
        float* to = sums.to + (i * kTaps + j) * sums.toStep + c;
        if (n == kLanes) Simd::store(to, tap);
        else Simd::storePartial(to, tap, n);
      }
    }
  }
}

}  // namespace
}  // namespace convkit
