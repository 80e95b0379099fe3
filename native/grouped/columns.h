// The tile of a depthwise convolution whose lanes are neighbouring output columns: an input vector serves
// every output row that it reaches. Included once per instruction set.
#pragma once

#include "isa/kernels.h"
#include "isa/registers.h"

namespace convkit {
namespace {

// Input rows descend, so every output meets its taps in order. Several rows and vectors are there for their
// independent chains.
template <class Simd, int kKernel, int kStride>
void columnTile(const ColumnTile& tile) {
  using V = typename Simd::V;
  constexpr int kRows = kColumnRows, kVectors = kColumnVectors;
  V acc[kRows][kVectors];
  const float* x[kVectors];
#pragma GCC unroll 4
  for (int j = 0; j < kVectors; j++) {
    x[j] = tile.x + tile.starts[j];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; r++) acc[r][j] = Simd::zero();
  }

#pragma GCC unroll 16
  for (int i = 0; i < (kRows - 1) * kStride + kKernel; i++) {
#pragma GCC unroll 5
    for (int k = 0; k < kKernel; k++) {
      const int64_t at = i * tile.step + tile.shifts[k];
      V v[kVectors];
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; j++) v[j] = Simd::load(x[j] + at);
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; j++) keepInRegister(v[j]);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; r++) {
        const int kernelRow = i - r * kStride;
        if (kernelRow < 0 || kernelRow >= kKernel) continue;
        const V w = Simd::set(tile.weights[(kernelRow * kKernel + k) * tile.weightStep]);
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; j++) acc[r][j] = Simd::fma(v[j], w, acc[r][j]);
      }
    }
  }

  // Else GCC computes an output where it is stored, from inputs it spilled
#pragma GCC unroll 4
  for (int r = 0; r < kRows; r++) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++) keepInRegister(acc[r][j]);
  }
  const V bias = Simd::set(tile.bias), low = Simd::set(tile.low), high = Simd::set(tile.high);
#pragma GCC unroll 4
  for (int j = 0; j < kVectors; j++) {
    float* c = tile.c + tile.places[j];
    const float* residual = tile.residual == nullptr ? nullptr : tile.residual + tile.places[j];
    const bool whole = tile.lanes[j] == Simd::kLanes;
#pragma GCC unroll 4
    for (int r = 0; r < kRows; r++) {
      if (r >= tile.rows[j]) continue;
      V sum = Simd::add(acc[r][j], bias);
      if (residual != nullptr) {
        const float* added = residual + r * tile.outputStep;
        sum = Simd::add(sum, whole ? Simd::load(added) : Simd::loadPartial(added, tile.lanes[j]));
      }
      const V y = Simd::lesser(high, Simd::greater(low, sum));
      if (whole) Simd::store(c + r * tile.outputStep, y);
      else Simd::storePartial(c + r * tile.outputStep, y, tile.lanes[j]);
    }
  }
}

}  // namespace
}  // namespace convkit
