// The indirect matrix-product tile: each row of A is a pointer, so a convolution reads its input where it
// lies. Knows nothing of threads, memory or shapes beyond its tile. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

// Accumulators stay in registers: the loops over i and j must unroll completely, or GCC spills the tile to
// the stack and runs at half speed.
template <class Simd, int kHeight, int kVectors>
void gemmTile(const GemmTile& tile) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  constexpr int kWidth = kVectors * kLanes;
  constexpr int kAhead = 8;  // k-steps that the panel is prefetched ahead
  constexpr int kLine = 16;  // floats in a cache line
  const bool whole = tile.tail == kLanes;
  V acc[kHeight][kVectors];

  // Begin the chains, or take them up where the previous block over k left them
#pragma GCC unroll 16
  for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++) {
      const float* c = tile.c + i * tile.ldc + j * kLanes;
      if (tile.first) acc[i][j] = Simd::zero();
      else acc[i][j] = whole || j + 1 < kVectors ? Simd::load(c) : Simd::loadPartial(c, tile.tail);
    }
  }

  // One fused multiply-add per tap and input channel, in that order
  const float* b = tile.panel;
  const int64_t end = tile.depth * tile.step, panelStep = tile.panelStep != 0 ? tile.panelStep : kWidth;
  for (int64_t t = 0; t < tile.taps; t++) {
    const float* const* row = tile.rows + t * kHeight;
    if (row[0] == nullptr) {
      b += tile.depth * panelStep;
      continue;
    }
    const float* a[kHeight];
#pragma GCC unroll 16
    for (int i = 0; i < kHeight; i++) a[i] = row[i] + tile.offset;
    for (int64_t k = 0; k < end; k += tile.step) {
      V w[kVectors];
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; j++) w[j] = Simd::load(b + j * kLanes);
#pragma GCC unroll 4
      for (int j = 0; j < kWidth; j += kLine) __builtin_prefetch(b + kAhead * panelStep + j);
#pragma GCC unroll 16
      for (int i = 0; i < kHeight; i++) {
        const V x = Simd::set(a[i][k]);
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; j++) acc[i][j] = Simd::fma(x, w[j], acc[i][j]);
      }
      b += panelStep;
    }
  }

  // The bias ends every sum, be it +0: no output is -0 by accident
  if (tile.last) {
    const V low = Simd::set(tile.low), high = Simd::set(tile.high);
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++) {
      const float* bias = tile.bias + (tile.rowBias ? 0 : j * kLanes);
      const V columns = tile.rowBias ? Simd::zero() : Simd::load(bias);
#pragma GCC unroll 16
      for (int i = 0; i < kHeight; i++)
        acc[i][j] = Simd::add(acc[i][j], tile.rowBias ? Simd::set(bias[i]) : columns);
    }
    if (tile.residual != nullptr) {
#pragma GCC unroll 16
      for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; j++) {
          const float* r = tile.residual + i * tile.ldc + j * kLanes;
          acc[i][j] = Simd::add(acc[i][j],
                                whole || j + 1 < kVectors ? Simd::load(r) : Simd::loadPartial(r, tile.tail));
        }
      }
    }
#pragma GCC unroll 16
    for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; j++) acc[i][j] = Simd::lesser(high, Simd::greater(low, acc[i][j]));
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++) {
      float* c = tile.c + i * tile.ldc + j * kLanes;
      if (whole || j + 1 < kVectors) Simd::store(c, acc[i][j]);
      else Simd::storePartial(c, acc[i][j], tile.tail);
    }
  }
}

}  // namespace
}  // namespace convkit
