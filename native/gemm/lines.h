// The tile of a convolution whose lanes are neighbouring output columns: few output channels of one group by
// many positions. Filters in the lanes would leave most of them empty, and channels-first images lie this way
// round. Its chains are those of gemmTile. Included once per instruction set.
#pragma once

#include "isa/kernels.h"
#include "isa/registers.h"

namespace convkit {
namespace {

// Vectors of a tile with so many outputs: accumulators, inputs and one weight fill the registers.
template <class Simd>
constexpr int lineVectors(int outputs) {
  const int vectors = (Simd::kRegisters - 1) / (outputs + 1);
  return vectors < kLineVectors ? vectors : kLineVectors;
}

template <class Simd, int kOutputs, int kVectors>
void lineTile(const LineTile& tile) {
  using V = typename Simd::V;
  V acc[kOutputs][kVectors];
  const float* x[kVectors];
#pragma GCC unroll 8
  for (int j = 0; j < kVectors; j++) {
    x[j] = tile.x + tile.starts[j];
#pragma GCC unroll 8
    for (int n = 0; n < kOutputs; n++) acc[n][j] = Simd::zero();
  }

  for (int64_t t = 0; t < tile.taps; t++) {
    const float* weights = tile.weights + tile.tap[t].step * tile.weightStep;
    int64_t at = tile.tap[t].input;
    for (int64_t k = 0; k < tile.depth; k++, at += tile.step, weights += tile.weightStep) {
      V v[kVectors];
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; j++) v[j] = Simd::load(x[j] + at);
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; j++) keepInRegister(v[j]);
#pragma GCC unroll 8
      for (int n = 0; n < kOutputs; n++) {
        const V w = Simd::set(weights[n]);
#pragma GCC unroll 8
        for (int j = 0; j < kVectors; j++) acc[n][j] = Simd::fma(v[j], w, acc[n][j]);
      }
    }
  }

  // The bias ends every sum, as in gemmTile
  const V low = Simd::set(tile.low), high = Simd::set(tile.high);
#pragma GCC unroll 8
  for (int n = 0; n < kOutputs; n++) {
    const V bias = Simd::set(tile.bias[n]);
    float* c = tile.c + n * tile.outputStep;
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; j++) {
      const bool whole = tile.lanes[j] == Simd::kLanes;
      V sum = Simd::add(acc[n][j], bias);
      if (tile.residual != nullptr) {
        const float* added = tile.residual + n * tile.outputStep + tile.places[j];
        sum = Simd::add(sum, whole ? Simd::load(added) : Simd::loadPartial(added, tile.lanes[j]));
      }
      const V y = Simd::lesser(high, Simd::greater(low, sum));
      if (whole) Simd::store(c + tile.places[j], y);
      else Simd::storePartial(c + tile.places[j], y, tile.lanes[j]);
    }
  }
}

}  // namespace
}  // namespace convkit
