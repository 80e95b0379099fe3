// Depthwise convolutions of 3x3 and stride 1: a line's columns and channels are one run of floats, in the
// input as in the output, and a vector is filled with whatever comes next, be it channels of this position or
// of the one after. Weights lie in a period of all channels. Included once per instruction set.
#pragma once

#include "isa/kernels.h"
#include "isa/registers.h"

namespace convkit {
namespace {

// Input rows descend, so every output meets its taps in order; a vector of input serves three output rows,
// and is loaded once: left to itself GCC reads it from memory for each of them, and most lie across two cache
// lines. AVX-512, 33 channels at 56x56: 73 GFLOP/s with eight rows, 110 where inputs are kept, 120 with 14;
// arrays that begin at cache lines and whole vectors of channels 167.
template <class Simd, int kRows, bool kWhole>
inline void flatVector(const FlatRun& run, int64_t at, int64_t phase, int count) {
  using V = typename Simd::V;
  constexpr int kKernel = kFlatKernel;
  const auto load = [count](const float* p) { return kWhole ? Simd::load(p) : Simd::loadPartial(p, count); };
  V w[kKernel * kKernel], acc[kRows];
#pragma GCC unroll 9
  for (int t = 0; t < kKernel * kKernel; t++) w[t] = Simd::load(run.weights + t * run.period + phase);
  const V bias = Simd::load(run.bias + phase), low = Simd::set(run.low), high = Simd::set(run.high);
  const float* const* const rows = run.rows;
  const float* const residual = run.residual;
  float* const c = run.c + at;
  const int64_t step = run.step, ldc = run.ldc;
#pragma GCC unroll 16
  for (int i = 0; i < kRows + kKernel - 1; i++) {
    const float* x = rows[i] + at;
    if (i < kRows) acc[i] = Simd::zero();
#pragma GCC unroll 3
    for (int k = 0; k < kKernel; k++) {
      V v = load(x + k * step);
      keepInRegister(v);
#pragma GCC unroll 3
      for (int row = 0; row < kKernel; row++)
        if (i >= row && i - row < kRows) acc[i - row] = Simd::fma(v, w[row * kKernel + k], acc[i - row]);
    }

    // A row is complete
    const int r = i - kKernel + 1;
    if (r < 0) continue;
    V sum = Simd::add(acc[r], bias);
    if (residual != nullptr) sum = Simd::add(sum, load(residual + r * ldc + at));
    const V y = Simd::lesser(high, Simd::greater(low, sum));
    if (kWhole) Simd::store(c + r * ldc, y);
    else Simd::storePartial(c + r * ldc, y, count);
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
