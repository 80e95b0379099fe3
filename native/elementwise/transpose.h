// Transposes a matrix in square tiles held in registers.
#pragma once

#include <cstdint>

namespace convkit {
namespace {

// A tile is lanes x lanes: element (row, lane) of `tile` moves to (lane, row). Each stage splits pairs of
// registers into their even and odd lanes, which rotates the bits of an element's number by one; log2(lanes)
// stages exchange row and lane.
template <class Simd>
inline void transposeRegisters(typename Simd::V (&tile)[Simd::kLanes]) {
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

// One tile of transposeKernel: height rows and width columns of the source, both 1..lanes.
template <class Simd>
inline void transposeTile(const float* src, int64_t srcStride, float* dst, int64_t dstStride, int height,
                          int width) {
  constexpr int kLanes = Simd::kLanes;
  typename Simd::V tile[kLanes];
  if (width == kLanes && height == kLanes) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; i++) tile[i] = Simd::load(src + i * srcStride);
    transposeRegisters<Simd>(tile);
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; i++) Simd::store(dst + i * dstStride, tile[i]);
    return;
  }
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; i++) {
    tile[i] = i < height ? Simd::loadPartial(src + i * srcStride, width) : Simd::zero();
  }
  transposeRegisters<Simd>(tile);
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; i++) {
    if (i < width) Simd::storePartial(dst + i * dstStride, tile[i], height);
  }
}

// Visits every step x step tile of [r0, r1) x [c0, c1), row by row or column by column: visit(r, c, height,
// width).
template <bool kRowByRow, class Visit>
inline void forEachTile(int64_t step, int64_t r0, int64_t r1, int64_t c0, int64_t c1, Visit visit) {
  const auto length = [=](int64_t at, int64_t end) { return end - at < step ? end - at : step; };
  if constexpr (kRowByRow) {
    for (int64_t r = r0; r < r1; r += step)
      for (int64_t c = c0; c < c1; c += step) visit(r, c, length(r, r1), length(c, c1));
  } else {
    for (int64_t c = c0; c < c1; c += step)
      for (int64_t r = r0; r < r1; r += step) visit(r, c, length(r, r1), length(c, c1));
  }
}

template <class Simd, bool kRowByRow>
void transposeBlocks(const float* src, int64_t srcStride, float* dst, int64_t dstStride, int64_t rows,
                     int64_t columns) {
  forEachTile<kRowByRow>(16, 0, rows, 0, columns, [=](int64_t r0, int64_t c0, int64_t height, int64_t width) {
    forEachTile<kRowByRow>(Simd::kLanes, r0, r0 + height, c0, c0 + width,
                           [=](int64_t r, int64_t c, int64_t tileHeight, int64_t tileWidth) {
                             transposeTile<Simd>(src + r * srcStride + c, srcStride, dst + c * dstStride + r,
                                                 dstStride, static_cast<int>(tileHeight),
                                                 static_cast<int>(tileWidth));
                           });
  });
}

// dst[c * dstStride + r] = src[r * srcStride + c]
//
// Blocks of 16 by 16 finish the cache lines they touch, whatever the tile. Blocks and tiles follow one
// another along the side whose stride is longer, so that few of its far-apart rows are open at a time; the
// other side lies close together, and its lines wait in the second-level cache. AVX-512, 64 x 3136 and back:
// 80 to 115 GB/s read and written, copying 110 to 138; always column by column 82, and 24 instead of 57 where
// the long stride is a multiple of 4096 bytes (64 x 50176).
template <class Simd>
void transposeKernel(const float* src, int64_t srcStride, float* dst, int64_t dstStride, int64_t rows,
                     int64_t columns) {
  if (srcStride > dstStride) transposeBlocks<Simd, true>(src, srcStride, dst, dstStride, rows, columns);
  else transposeBlocks<Simd, false>(src, srcStride, dst, dstStride, rows, columns);
}

}  // namespace
}  // namespace convkit
