// What the processor can do at most: chains of fused multiply-adds that wait for nothing, and a plain read of
// memory.
#pragma once

#include <cstdint>

namespace convkit {
namespace {

// Two units with four cycles of latency keep eight chains busy; twelve leave room and still fit sixteen
// registers.
template <class Simd>
int64_t peakKernel(int64_t rounds) {
  using V = typename Simd::V;
  constexpr int kChains = 12;
  constexpr int kSteps = 8;
  V chain[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; i++) chain[i] = Simd::set(static_cast<float>(i));
  const V half = Simd::set(0.5f);
  for (int64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 8
    for (int step = 0; step < kSteps; step++) {
#pragma GCC unroll 12
      for (int i = 0; i < kChains; i++) chain[i] = Simd::fma(chain[i], half, half);
    }
  }
  V total = chain[0];
#pragma GCC unroll 12
  for (int i = 1; i < kChains; i++) total = Simd::add(total, chain[i]);
  float lanes[Simd::kLanes];
  Simd::store(lanes, total);
  volatile float kept = lanes[0];
  (void)kept;
  return rounds * kSteps * kChains * Simd::kLanes * 2;
}

// The sum of x[0..n) in an order of its own choosing: for measuring bandwidth, not for results.
template <class Simd>
float sumKernel(const float* x, int64_t n) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  constexpr int kChains = 8;
  V chain[kChains];
#pragma GCC unroll 8
  for (int i = 0; i < kChains; i++) chain[i] = Simd::zero();
  int64_t i = 0;
  for (; i + kChains * kLanes <= n; i += kChains * kLanes) {
#pragma GCC unroll 8
    for (int k = 0; k < kChains; k++) chain[k] = Simd::add(chain[k], Simd::load(x + i + k * kLanes));
  }
  for (; i < n; i += kLanes) {
    const int count = static_cast<int>(n - i < kLanes ? n - i : kLanes);
    chain[0] = Simd::add(chain[0], Simd::loadPartial(x + i, count));
  }
#pragma GCC unroll 8
  for (int k = 1; k < kChains; k++) chain[0] = Simd::add(chain[0], chain[k]);
  float lanes[kLanes];
  Simd::store(lanes, chain[0]);
  float total = 0;
  for (int lane = 0; lane < kLanes; lane++) total += lanes[lane];
  return total;
}

}  // namespace
}  // namespace convkit
