// Depthwise convolutions of 3x3 and stride 1 whose channels fill no whole number of vectors: a line's columns
// and channels are one run of floats, in the input as in the output, and a vector is filled with whatever
// comes next. Weights lie in a period of all channels. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

// Input rows descend, so every output meets its taps in order; a vector of input serves three output rows.
template <class Simd, int kRows, bool kWhole>
inline void flatVector(const FlatRun& run, int64_t at, int64_t phase, int count) {
  using V = typename Simd::V;
  constexpr int kKernel = kFlatKernel;
  const auto load = [count](const float* p) { return kWhole ? Simd::load(p) : Simd::loadPartial(p, count); };
  V w[kKernel * kKernel], acc[kRows];
#pragma GCC unroll 9
  for (int t = 0; t < kKernel * kKernel; t++) w[t] = Simd::load(run.weights + t * run.period + phase);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; r++) acc[r] = Simd::zero();
#pragma GCC unroll 16
  for (int i = 0; i < kRows + kKernel - 1; i++) {
    const float* x = run.rows[i] + at;
#pragma GCC unroll 3
    for (int k = 0; k < kKernel; k++) {
      const V v = load(x + k * run.step);
#pragma GCC unroll 3
      for (int row = 0; row < kKernel; row++)
        if (i >= row && i - row < kRows) acc[i - row] = Simd::fma(v, w[row * kKernel + k], acc[i - row]);
    }
  }

  const V bias = Simd::load(run.bias + phase), low = Simd::set(run.low), high = Simd::set(run.high);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; r++) {
    V sum = Simd::add(acc[r], bias);
    if (run.residual != nullptr) sum = Simd::add(sum, load(run.residual + r * run.ldc + at));
    const V y = Simd::lesser(high, Simd::greater(low, sum));
    if (kWhole) Simd::store(run.c + r * run.ldc + at, y);
    else Simd::storePartial(run.c + r * run.ldc + at, y, count);
  }
}

template <class Simd, int kRows>
void flatRun(const FlatRun& run) {
  constexpr int kLanes = Simd::kLanes;
  const int64_t further = kLanes % run.channels;
  int64_t at = 0, phase = 0;
  for (; at + kLanes <= run.length; at += kLanes) {
    flatVector<Simd, kRows, true>(run, at, phase, kLanes);
    phase += further;
    if (phase >= run.channels) phase -= run.channels;
  }
  if (at < run.length) flatVector<Simd, kRows, false>(run, at, phase, static_cast<int>(run.length - at));
}

}  // namespace
}  // namespace convkit
