// A run of depthwise outputs along a row: each input vector is loaded once and serves every output column
// that it reaches. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

template <class Simd, int kColumns, int kKernel, int kStride, bool kWhole>
void depthwiseVector(const DepthwiseRun& run, int64_t channel, int n) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  const auto load = [n](const float* p) { return kWhole ? Simd::load(p) : Simd::loadPartial(p, n); };
  const float* panel = run.panel + channel * run.kernelRows * kKernel;
  V acc[kColumns];
#pragma GCC unroll 16
  for (int i = 0; i < kColumns; i++) acc[i] = Simd::zero();

  for (int64_t r = 0; r < run.kernelRows; r++, panel += kKernel * kLanes) {
    if (run.rows[r] == nullptr) continue;
    const float* x = run.rows[r] + channel;
    V w[kKernel];
#pragma GCC unroll 5
    for (int k = 0; k < kKernel; k++) w[k] = Simd::load(panel + k * kLanes);
      // Input columns ascend, so every output meets its taps in order
#pragma GCC unroll 32
    for (int j = 0; j < (kColumns - 1) * kStride + kKernel; j++, x += run.channels) {
      const V v = load(x);
#pragma GCC unroll 5
      for (int k = 0; k < kKernel; k++) {
        const int i = (j - k) / kStride;
        if (j >= k && (j - k) % kStride == 0 && i < kColumns) acc[i] = Simd::fma(v, w[k], acc[i]);
      }
    }
  }

  const V bias = Simd::load(run.bias + channel), low = Simd::set(run.low), high = Simd::set(run.high);
#pragma GCC unroll 16
  for (int i = 0; i < kColumns; i++) {
    float* c = run.c + i * run.channels + channel;
    const V y = Simd::lesser(high, Simd::greater(low, Simd::add(acc[i], bias)));
    if (kWhole) Simd::store(c, y);
    else Simd::storePartial(c, y, n);
  }
}

template <class Simd, int kColumns, int kKernel, int kStride>
void depthwiseRun(const DepthwiseRun& run) {
  int64_t channel = 0;
  for (; channel + Simd::kLanes <= run.channels; channel += Simd::kLanes)
    depthwiseVector<Simd, kColumns, kKernel, kStride, true>(run, channel, Simd::kLanes);
  if (channel < run.channels)
    depthwiseVector<Simd, kColumns, kKernel, kStride, false>(run, channel,
                                                             static_cast<int>(run.channels - channel));
}

}  // namespace
}  // namespace convkit
