// The weight gradient of a depthwise convolution, one tap of it: channel by channel the product of what the
// tap reads and of the upstream gradient, summed over output positions. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

template <class Simd, int kVectors, bool kWhole>
inline void diagonalProducts(const OuterTile& tile, int64_t channel, int tail) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  const auto load = [tail](const float* p) { return kWhole ? Simd::load(p) : Simd::loadPartial(p, tail); };
  V acc[kVectors];
#pragma GCC unroll 8
  for (int j = 0; j < kVectors; j++) acc[j] = Simd::zero();
  for (int64_t r = 0; r < tile.runs; r++) {
    const float* row = tile.run[r].rows + channel;
    const float* lane = tile.run[r].lanes + channel;
    for (int64_t p = tile.run[r].positions; p > 0; p--, row += tile.rowStep, lane += tile.laneStep) {
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; j++)
        acc[j] = Simd::fma(load(row + j * kLanes), load(lane + j * kLanes), acc[j]);
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < kVectors; j++) {
    float* c = tile.c + channel + j * kLanes;
    const V sum = Simd::add(tile.first ? Simd::zero() : load(c), acc[j]);
    if (kWhole) Simd::store(c, sum);
    else Simd::storePartial(c, sum, tail);
  }
}

// c[n] for the channels [begin, end).
template <class Simd>
void diagonalTile(const OuterTile& tile, int64_t begin, int64_t end) {
  constexpr int kLanes = Simd::kLanes;
  int64_t channel = begin;
  for (; channel + 8 * kLanes <= end; channel += 8 * kLanes)
    diagonalProducts<Simd, 8, true>(tile, channel, kLanes);
  for (; channel + kLanes <= end; channel += kLanes) diagonalProducts<Simd, 1, true>(tile, channel, kLanes);
  if (channel < end) diagonalProducts<Simd, 1, false>(tile, channel, static_cast<int>(end - channel));
}

}  // namespace
}  // namespace convkit
