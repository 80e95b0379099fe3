// Runs of neighbouring outputs of convolutions whose groups are no wider than a vector, depthwise ones among
// them: an input vector, once brought to its lanes, serves every output column that it reaches, and a vector
// of weights several lines. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

// Input columns ascend and each is used up before the next, so every output meets its taps in order. The
// lines are there for their independent chains: a column adds `depth` times to the same kKernel outputs of a
// line, and one line's would wait for each other. 32 groups of 8 to 8 channels, AVX-512: 162 GFLOP/s with two
// lines of seven columns, 169 with three, 206 with four of four; 168 where tiles of positions share nothing.
template <class Simd, RunInput kInput, int kKernel, int kStride, int kLines, int kColumns, bool kWhole>
void runBlock(const GroupedRun& run, int64_t column, int64_t base, const float* panel, const float* bias,
              int64_t output) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes, kInputColumns = (kColumns - 1) * kStride + kKernel;
  const auto load = [&run](const float* p) {
    return kWhole ? Simd::load(p) : Simd::loadPartial(p, run.inputs);
  };
  // Whether the output column that sees input column j at kernel column k belongs to this run
  const auto reaches = [](int j, int k) {
    return j >= k && (j - k) % kStride == 0 && (j - k) / kStride < kColumns;
  };
  V acc[kLines][kColumns];
#pragma GCC unroll 4
  for (int p = 0; p < kLines; p++) {
#pragma GCC unroll 16
    for (int i = 0; i < kColumns; i++) acc[p][i] = Simd::zero();
  }

  const int64_t depth = kInput == RunInput::channels ? 1 : run.depth, tap = depth * kLanes;
  for (int64_t r = 0; r < run.kernelRows; r++, panel += kKernel * tap) {
    const float* const* pixels[kLines];
#pragma GCC unroll 4
    for (int p = 0; p < kLines; p++) pixels[p] = run.lines[r * kLines + p];
    if (pixels[0] == nullptr) continue;
#pragma GCC unroll 4
    for (int p = 0; p < kLines; p++) pixels[p] += column * kStride;
#pragma GCC unroll 32
    for (int j = 0; j < kInputColumns; j++) {
      const float* x[kLines];
#pragma GCC unroll 4
      for (int p = 0; p < kLines; p++) x[p] = pixels[p][j] + base;
      typename Simd::Index index{};
      if constexpr (kInput == RunInput::permuted) index = Simd::loadIndex(run.index);
      const float* weights = panel;
      for (int64_t k = 0; k < depth; k++, weights += kLanes) {
        V w[kKernel];
#pragma GCC unroll 8
        for (int n = 0; n < kKernel; n++)
          if (reaches(j, n)) w[n] = Simd::load(weights + n * tap);
#pragma GCC unroll 4
        for (int p = 0; p < kLines; p++) {
          V v;
          if constexpr (kInput == RunInput::channels) v = load(x[p]);
          if constexpr (kInput == RunInput::permuted) v = Simd::permute(load(x[p]), index);
          if constexpr (kInput == RunInput::broadcast) v = Simd::set(x[p][k]);
#pragma GCC unroll 8
          for (int n = 0; n < kKernel; n++)
            if (reaches(j, n)) acc[p][(j - n) / kStride] = Simd::fma(v, w[n], acc[p][(j - n) / kStride]);
        }
        if constexpr (kInput == RunInput::permuted) index = Simd::step(index);
      }
    }
  }

  const V biases = Simd::load(bias), low = Simd::set(run.low), high = Simd::set(run.high);
  const int64_t ldc = run.ldc;
  const int outputs = run.outputs;
#pragma GCC unroll 4
  for (int p = 0; p < kLines; p++) {
    if (run.c[p] == nullptr) continue;
    float* c = run.c[p] + column * ldc + output;
#pragma GCC unroll 16
    for (int i = 0; i < kColumns; i++) acc[p][i] = Simd::add(acc[p][i], biases);
    if (run.residual[p] != nullptr) {
      const float* from = run.residual[p] + column * ldc + output;
#pragma GCC unroll 16
      for (int i = 0; i < kColumns; i++)
        acc[p][i] = Simd::add(acc[p][i], Simd::loadPartial(from + i * ldc, outputs));
    }
#pragma GCC unroll 16
    for (int i = 0; i < kColumns; i++) acc[p][i] = Simd::lesser(high, Simd::greater(low, acc[p][i]));
    if (outputs == kLanes) {
#pragma GCC unroll 16
      for (int i = 0; i < kColumns; i++) Simd::store(c + i * ldc, acc[p][i]);
    } else {
#pragma GCC unroll 16
      for (int i = 0; i < kColumns; i++) Simd::storePartial(c + i * ldc, acc[p][i], outputs);
    }
  }
}

template <class Simd, RunInput kInput, int kKernel, int kStride, int kLines, int kColumns>
void groupedRun(const GroupedRun& run) {
  const int64_t panelStep =
      run.kernelRows * kKernel * (kInput == RunInput::channels ? 1 : run.depth) * Simd::kLanes;
  for (int64_t column = 0; column < run.pieces * kColumns; column += kColumns) {
    for (int64_t n = 0; n < run.blocks; n++) {
      const int64_t base = run.base + n * run.inputStep, output = run.output + n * run.outputStep;
      const float* panel = run.panel + n * panelStep;
      const float* bias = run.bias + n * Simd::kLanes;
      if (kInput == RunInput::broadcast || run.inputs == Simd::kLanes)
        runBlock<Simd, kInput, kKernel, kStride, kLines, kColumns, true>(run, column, base, panel, bias,
                                                                         output);
      else
        runBlock<Simd, kInput, kKernel, kStride, kLines, kColumns, false>(run, column, base, panel, bias,
                                                                          output);
    }
  }
}

}  // namespace
}  // namespace convkit
