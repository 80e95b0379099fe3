// Transposes a matrix in square tiles held in registers.
#pragma once

#include <cstdint>

namespace convkit {
namespace {

// A tile is lanes x lanes: element (row, lane) of `tile` moves to (lane, row). Each stage splits pairs of
// registers into their even and odd lanes, which rotates the bits of an element's number by one; log2(lanes)
// stages exchange row and lane.
template <class Simd>
inline void transposeTile(typename Simd::V (&tile)[Simd::kLanes]) {
  constexpr int kLanes = Simd::kLanes;
#pragma GCC unroll 4
  for (int stage = 1; stage < kLanes; stage *= 2) {
    // Rows that differ in bit `stage` alone form a pair.
#pragma GCC unroll 16
    for (int row = 0; row < kLanes; row++) {
      if ((row & stage) != 0) continue;
      const typename Simd::V even = Simd::even(tile[row], tile[row + stage]);
      const typename Simd::V odd = Simd::odd(tile[row], tile[row + stage]);
      tile[row] = even;
      tile[row + stage] = odd;
    }
  }
}

// dst[c * dstStride + r] = src[r * srcStride + c]
template <class Simd>
void transposeKernel(const float* src, int64_t srcStride, float* dst, int64_t dstStride, int64_t rows,
                     int64_t columns) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  for (int64_t c = 0; c < columns; c += kLanes) {
    const int width = static_cast<int>(columns - c < kLanes ? columns - c : kLanes);
    for (int64_t r = 0; r < rows; r += kLanes) {
      const int height = static_cast<int>(rows - r < kLanes ? rows - r : kLanes);
      const float* from = src + r * srcStride + c;
      float* to = dst + c * dstStride + r;
      V tile[kLanes];
      if (width == kLanes && height == kLanes) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; i++) tile[i] = Simd::load(from + i * srcStride);
        transposeTile<Simd>(tile);
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; i++) Simd::store(to + i * dstStride, tile[i]);
      } else {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; i++) {
          tile[i] = i < height ? Simd::loadPartial(from + i * srcStride, width) : Simd::zero();
        }
        transposeTile<Simd>(tile);
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; i++) {
          if (i < width) Simd::storePartial(to + i * dstStride, tile[i], height);
        }
      }
    }
  }
}

}  // namespace
}  // namespace convkit
