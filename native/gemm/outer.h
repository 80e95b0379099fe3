// Sums of outer products over output positions: what a weight gradient is made of. A row of the tile is one
// channel of one operand, broadcast; its lanes are neighbouring channels of the other, loaded as they lie. So
// neither operand is packed: on 15 dense layers (AVX-512, one thread) tiles of 14 x 32 ran at 240 to 285 of
// 288 GFLOP/s, 12 x 32 at 97 % of that, 6 x 64 at 85 %: they read twice as much of a chunk from the
// second-level cache for each multiplication. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

template <class Simd, int kHeight, int kVectors, bool kWhole>
inline void outerProducts(const OuterTile& tile) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  V acc[kHeight][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++) acc[i][j] = Simd::zero();
  }

  for (int64_t r = 0; r < tile.runs; r++) {
    const float* row = tile.run[r].rows + tile.rowOffset;
    const float* lane = tile.run[r].lanes + tile.laneOffset;
    for (int64_t p = tile.run[r].positions; p > 0; p--, row += tile.rowStep, lane += tile.laneStep) {
      V w[kVectors];
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; j++) {
        const bool partial = !kWhole && j + 1 == kVectors;
        w[j] = partial ? Simd::loadPartial(lane + j * kLanes, tile.tail) : Simd::load(lane + j * kLanes);
      }
#pragma GCC unroll 16
      for (int i = 0; i < kHeight; i++) {
        const V x = Simd::set(row[i]);
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; j++) acc[i][j] = Simd::fma(x, w[j], acc[i][j]);
      }
    }
  }

  // Chunks are added in order, the first to +0: no sum is -0
#pragma GCC unroll 16
  for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++) {
      const bool partial = !kWhole && j + 1 == kVectors;
      float* c = tile.c + i * tile.ldc + j * kLanes;
      V before = Simd::zero();
      if (!tile.first) before = partial ? Simd::loadPartial(c, tile.tail) : Simd::load(c);
      const V sum = Simd::add(before, acc[i][j]);
      if (partial) Simd::storePartial(c, sum, tile.tail);
      else Simd::store(c, sum);
    }
  }
}

template <class Simd, int kHeight, int kVectors>
void outerTile(const OuterTile& tile) {
  if (tile.tail == Simd::kLanes) outerProducts<Simd, kHeight, kVectors, true>(tile);
  else outerProducts<Simd, kHeight, kVectors, false>(tile);
}

}  // namespace
}  // namespace convkit
