// The indirect matrix-product tile: each row of A is a pointer, so a convolution reads its input where it
// lies. Knows nothing of threads, memory or shapes beyond its tile. Included once per instruction set.
#pragma once

#include "isa/kernels.h"
#include "isa/registers.h"

namespace convkit {
namespace {

// With one vector of filters every product would need a load of its own, and two loads a cycle are less than
// two products: so every third row loads four steps at once, and a shuffle, which no product waits for,
// brings out one of them. 14 rows of one vector, depth 256, AVX-512: 2297 cycles with loads alone, 2112 with
// shuffles alone, 1835 like this, of 1792 at best.
constexpr bool loadsQuads(int row) { return row % 3 == 0; }

template <class Simd, int kElement, int kHeight>
inline void multiplyQuad(typename Simd::V (&acc)[kHeight][1], const typename Simd::V (&quads)[kHeight],
                         const float* const (&a)[kHeight], int64_t k, const float* panel) {
  const auto w = Simd::load(panel);
#pragma GCC unroll 16
  for (int i = 0; i < kHeight; i++) {
    const auto x = loadsQuads(i) ? Simd::template element<kElement>(quads[i]) : Simd::set(a[i][k]);
    acc[i][0] = Simd::fma(x, w, acc[i][0]);
  }
}

// The step of the channel that rows keep apart from their others: inputs[i] times the panel's last line.
template <class Simd, int kHeight, int kVectors>
inline __attribute__((always_inline)) void multiplyBeyond(typename Simd::V (&acc)[kHeight][kVectors],
                                                          const float* inputs, const float* panel) {
  typename Simd::V w[kVectors];
#pragma GCC unroll 4
  for (int j = 0; j < kVectors; j++) w[j] = Simd::load(panel + j * Simd::kLanes);
#pragma GCC unroll 16
  for (int i = 0; i < kHeight; i++) {
    const auto x = Simd::set(inputs[i]);
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++) acc[i][j] = Simd::fma(x, w[j], acc[i][j]);
  }
}

// Accumulators stay in registers: the loops over i and j must unroll completely, or GCC spills the tile to
// the stack and runs at half speed.
template <class Simd, int kHeight, int kVectors, bool kStepped, bool kBeyond = false>
void gemmTile(const GemmTile& tile) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  constexpr int kWidth = kVectors * kLanes;
  // K-steps that the panel is prefetched ahead: a tile of one row is done with a step in four cycles.
  // EfficientNet-B0 with 8 for all, one thread / two: the products of single positions 114 us / 93 and the
  // classifier 100 / 50, so 107 / 80 and 86 / 40
  constexpr int kAhead = kHeight == 1 ? 32 : 8;
  constexpr int kLine = 16;  // floats in a cache line
  const bool whole = kBeyond || tile.tail == kLanes;
  const bool first = kBeyond || tile.first;
  const int64_t taps = kBeyond ? 1 : tile.taps;
  V acc[kHeight][kVectors];

  // Begin the chains, or take them up where the previous block over k left them
#pragma GCC unroll 16
  for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++) {
      const float* c = tile.c + i * tile.ldc + j * kLanes;
      if (first) acc[i][j] = Simd::zero();
      else acc[i][j] = whole || j + 1 < kVectors ? Simd::load(c) : Simd::loadPartial(c, tile.tail);
    }
  }

  // The outputs' lines are fetched while the sums are made: 32 to 16 channels at 112x112 147 to 161 GFLOP/s
  if (!kStepped && first && !tile.outputsFetched) {
#pragma GCC unroll 16
    for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
      for (int j = 0; j < kWidth; j += kLine) __builtin_prefetch(tile.c + i * tile.ldc + j, 1);
    }
  }

  // And those of the residual: 64 to 256 channels at 56x56 0.82 to 0.74 ms. With AVX2, half as fast, it gains
  // nothing, and 3 to 64 of 7x7, which have none, lose 3 %
  if (!kStepped && Simd::kRegisters > 16 && first && tile.residual != nullptr) {
#pragma GCC unroll 16
    for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
      for (int j = 0; j < kWidth; j += kLine) __builtin_prefetch(tile.residual + i * tile.ldc + j);
    }
  }

  // One fused multiply-add per tap and input channel, in that order
  const float* b = tile.panel;
  const int64_t step = kStepped ? tile.step : 1,
                panelStep = kStepped && tile.panelStep != 0 ? tile.panelStep : kWidth;
  const int64_t end = tile.depth * step;
  const float* next = tile.next != nullptr ? tile.next : b;
  const int64_t apart = tile.apart;
  for (int64_t t = 0; t < taps; t++) {
    const float* const* row = tile.rows + t * kHeight;
    if (!kBeyond && row[0] == nullptr) {
      b += tile.depth * panelStep;
      continue;
    }
    const float* a[kHeight];
#pragma GCC unroll 16
    for (int i = 0; i < kHeight; i++) {
      a[i] = row[i] + (kBeyond ? 0 : tile.offset);
      keepInRegister(a[i]);
    }
    const auto multiply = [&](int64_t k) __attribute__((always_inline)) {
      V w[kVectors];
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; j++) w[j] = Simd::load(b + j * kLanes);
#pragma GCC unroll 4
      for (int j = 0; j < kWidth; j += kLine) __builtin_prefetch(b + kAhead * panelStep + j);
      if (!kStepped && kVectors > 1) {
        __builtin_prefetch(next, 0, 2);
        __builtin_prefetch(next + apart, 0, 2);
        next += tile.nextStep;
      }
#pragma GCC unroll 16
      for (int i = 0; i < kHeight; i++) {
        const V x = Simd::set(a[i][k]);
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; j++) acc[i][j] = Simd::fma(x, w[j], acc[i][j]);
      }
      b += panelStep;
    };
    int64_t k = 0;
    if constexpr (kVectors == 1 && Simd::kQuads && !kStepped) {
      for (; k + 4 <= end; k += 4, b += 4 * kWidth) {
        V quads[kHeight];
#pragma GCC unroll 16
        for (int i = 0; i < kHeight; i++) {
          if (!loadsQuads(i)) continue;
          quads[i] = Simd::quad(a[i] + k);
          keepInRegister(quads[i]);
        }
        multiplyQuad<Simd, 0>(acc, quads, a, k, b);
        multiplyQuad<Simd, 1>(acc, quads, a, k + 1, b + kWidth);
        multiplyQuad<Simd, 2>(acc, quads, a, k + 2, b + 2 * kWidth);
        multiplyQuad<Simd, 3>(acc, quads, a, k + 3, b + 3 * kWidth);
      }
    }
    for (; k < end; k += step) multiply(k);
  }
  if constexpr (kBeyond) multiplyBeyond<Simd>(acc, tile.beyond, b);

  // What is left to do, asked again: the loop above has no registers for it. One thread, AVX-512, kept and
  // asked again: 16 to 96 channels of 1x1 at 112x112 224 us and 190, 64 to 256 at 56x56 426 and 409
  const GemmTile* after = &tile;
  keepInRegister(after);
  float* c = after->c;
  const float* residual = after->residual;
  const int64_t ldc = after->ldc;
  const int tail = after->tail;
  const bool full = kBeyond || tail == kLanes;

  // The bias ends every sum, be it +0: no output is -0 by accident
  if (!kBeyond && after->last) {
    const float low = after->low, high = after->high;
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++) {
      const float* bias = after->bias + (kStepped && after->rowBias ? 0 : j * kLanes);
      const V columns = kStepped && after->rowBias ? Simd::zero() : Simd::load(bias);
#pragma GCC unroll 16
      for (int i = 0; i < kHeight; i++)
        acc[i][j] = Simd::add(acc[i][j], kStepped && after->rowBias ? Simd::set(bias[i]) : columns);
    }
    if (residual != nullptr) {
#pragma GCC unroll 16
      for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; j++) {
          const float* r = residual + j * kLanes;
          acc[i][j] =
              Simd::add(acc[i][j], full || j + 1 < kVectors ? Simd::load(r) : Simd::loadPartial(r, tail));
        }
        residual += ldc;
        keepInRegister(residual);
      }
    }
    // Left out where it changes nothing: 64 to 256 channels at 56x56 511 us to 491
    if (low != -__builtin_inff() || high != __builtin_inff()) {
      const V least = Simd::set(low), most = Simd::set(high);
#pragma GCC unroll 16
      for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; j++) acc[i][j] = Simd::lesser(most, Simd::greater(least, acc[i][j]));
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++) {
      if (full || j + 1 < kVectors) Simd::store(c + j * kLanes, acc[i][j]);
      else Simd::storePartial(c + j * kLanes, acc[i][j], tail);
    }
    c += ldc;
    keepInRegister(c);
  }
}

}  // namespace
}  // namespace convkit
