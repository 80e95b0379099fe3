// The matrix-product tile for a few output channels: lanes are output positions, since one vector of filters
// would be nearly empty. Its input has been transposed, so that neighbouring positions lie side by side; its
// chains are those of gemmTile. Included once per instruction set.
#pragma once

#include "isa/kernels.h"
#include "isa/registers.h"

namespace convkit {
namespace {

// The residual of a tile, positions side by side; zeros where there is no position.
template <class Simd, int kOutputs>
void loadResidual(const NarrowTile& tile, float (&to)[kNarrowVectors][kOutputs][Simd::kLanes]) {
  for (int j = 0; j < kNarrowVectors; j++) {
    const float* from = tile.residual[j];
    for (int i = 0; i < Simd::kLanes; i++, from += tile.ldc) {
      for (int n = 0; n < kOutputs; n++) to[j][n][i] = i < tile.count[j] ? from[n] : 0.0f;
    }
  }
}

template <class Simd, int kOutputs>
void narrowTile(const NarrowTile& tile) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  V acc[kOutputs][kNarrowVectors];
#pragma GCC unroll 4
  for (int n = 0; n < kOutputs; n++) {
#pragma GCC unroll 4
    for (int j = 0; j < kNarrowVectors; j++) acc[n][j] = Simd::zero();
  }

  for (int64_t t = 0; t < tile.taps; t++) {
    const float* const* line = tile.lines + t * kNarrowVectors;
    const float *line0 = line[0], *line1 = line[1], *line2 = line[2], *line3 = line[3];
    const float* weights = tile.weights[t];
    for (int64_t k = 0; k < tile.depth; k++) {
      const int64_t at = k * tile.step;
      V x[kNarrowVectors] = {Simd::load(line0 + at), Simd::load(line1 + at), Simd::load(line2 + at),
                             Simd::load(line3 + at)};
#pragma GCC unroll 4
      for (int j = 0; j < kNarrowVectors; j++) keepInRegister(x[j]);
#pragma GCC unroll 4
      for (int n = 0; n < kOutputs; n++) {
        const V w = Simd::set(weights[k * tile.weightStep + n]);
#pragma GCC unroll 4
        for (int j = 0; j < kNarrowVectors; j++) acc[n][j] = Simd::fma(x[j], w, acc[n][j]);
      }
    }
  }

  // The bias ends every sum, as in gemmTile; then positions and channels change places again
  const V low = Simd::set(tile.low), high = Simd::set(tile.high);
  float finished[kNarrowVectors][kOutputs][kLanes];
  if (tile.residual[0] != nullptr) loadResidual<Simd, kOutputs>(tile, finished);
#pragma GCC unroll 4
  for (int n = 0; n < kOutputs; n++) {
    const V bias = Simd::set(tile.bias[n]);
#pragma GCC unroll 4
    for (int j = 0; j < kNarrowVectors; j++) {
      V sum = Simd::add(acc[n][j], bias);
      if (tile.residual[0] != nullptr) sum = Simd::add(sum, Simd::load(finished[j][n]));
      Simd::store(finished[j][n], Simd::lesser(high, Simd::greater(low, sum)));
    }
  }
  for (int j = 0; j < kNarrowVectors; j++) {
    float* c = tile.c[j];
    for (int i = 0; i < tile.count[j]; i++, c += tile.ldc) {
#pragma GCC unroll 4
      for (int n = 0; n < kOutputs; n++) c[n] = finished[j][n][i];
    }
  }
}

}  // namespace
}  // namespace convkit
