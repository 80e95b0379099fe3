// Tiles of convolutions whose groups are narrower than a vector, depthwise ones among them: the lanes of a
// vector are output channels of several groups, and a permutation brings each lane the input channel of its
// own group. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

template <class Simd, int kHeight, bool kDepthwise, bool kWhole>
void groupedBlock(const GroupedTile& tile, int64_t base, const float* panel, const float* biasRow,
                  const float* residual, float* c) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  V acc[kHeight];
#pragma GCC unroll 16
  for (int i = 0; i < kHeight; i++) acc[i] = Simd::zero();

  for (int64_t t = 0; t < tile.taps; t++) {
    const float* const* row = tile.rows + t * kHeight;
    if (row[0] == nullptr) {
      panel += tile.depth * kLanes;
      continue;
    }
    if constexpr (kDepthwise) {
      const V w = Simd::load(panel);
      panel += kLanes;
#pragma GCC unroll 16
      for (int i = 0; i < kHeight; i++) {
        const float* x = row[i] + base;
        acc[i] = Simd::fma(kWhole ? Simd::load(x) : Simd::loadPartial(x, tile.inputs), w, acc[i]);
      }
    } else {
      typename Simd::Index index = Simd::loadIndex(tile.index);
      for (int64_t k = 0; k < tile.depth; k++) {
        const V w = Simd::load(panel);
        panel += kLanes;
#pragma GCC unroll 16
        for (int i = 0; i < kHeight; i++) {
          const float* x = row[i] + base;
          const V v = kWhole ? Simd::load(x) : Simd::loadPartial(x, tile.inputs);
          acc[i] = Simd::fma(Simd::permute(v, index), w, acc[i]);
        }
        index = Simd::step(index);
      }
    }
  }

  const V bias = Simd::load(biasRow), low = Simd::set(tile.low), high = Simd::set(tile.high);
#pragma GCC unroll 16
  for (int i = 0; i < kHeight; i++) {
    V sum = Simd::add(acc[i], bias);
    if (residual != nullptr) {
      const float* r = residual + i * tile.ldc;
      sum = Simd::add(sum,
                      kWhole && tile.outputs == kLanes ? Simd::load(r) : Simd::loadPartial(r, tile.outputs));
    }
    const V y = Simd::lesser(high, Simd::greater(low, sum));
    if (kWhole && tile.outputs == kLanes) Simd::store(c + i * tile.ldc, y);
    else Simd::storePartial(c + i * tile.ldc, y, tile.outputs);
  }
}

template <class Simd, int kHeight, bool kDepthwise>
void groupedTile(const GroupedTile& tile) {
  const int64_t panelStep = tile.taps * tile.depth * Simd::kLanes;
  for (int64_t n = 0; n < tile.blocks; n++) {
    const int64_t base = tile.base + n * tile.inputStep;
    const float* panel = tile.panel + n * panelStep;
    const float* bias = tile.bias + n * Simd::kLanes;
    const float* residual = tile.residual == nullptr ? nullptr : tile.residual + n * tile.outputStep;
    float* c = tile.c + n * tile.outputStep;
    if (tile.inputs == Simd::kLanes)
      groupedBlock<Simd, kHeight, kDepthwise, true>(tile, base, panel, bias, residual, c);
    else groupedBlock<Simd, kHeight, kDepthwise, false>(tile, base, panel, bias, residual, c);
  }
}

}  // namespace
}  // namespace convkit
