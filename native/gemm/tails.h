// The tile of a panel that ends in a channel or a few beyond whole vectors. As a vector of their own they
// would leave most of its lanes empty; here the lanes of their sums are the output positions instead. Their
// inputs are transposed in registers four channels at a time or, where lanes are few, blended out of what the
// products repeat anyway. Its chains are those of gemmTile. 64 to 17 channels of 1x1 at 56x56, AVX-512, times
// 16: 1.84 with a vector for one channel. Included once per instruction set.
#pragma once

#include "gemm/microkernel.h"
#include "isa/kernels.h"
#include "isa/registers.h"

namespace convkit {
namespace {

// Rows whose four channels, loaded to be transposed, serve the panel of one vector as well: two loads a cycle
// are too few for it. 14 rows, depth 64, AVX-512: 28.2 cycles a position, 33.0 where each product loads its
// own, 24.1 without the channel beyond.
constexpr int kShared = 4;

// Channel k + e of row i, in lane i of columns[e]; lanes beyond the rows repeat others. The first rows' four
// channels are left in `quads` where the product shares them.
template <class Simd, int kHeight, bool kShares>
inline void transposeRows(const float* const (&a)[kHeight], int64_t k, typename Simd::V (&columns)[4],
                          typename Simd::V (&quads)[kShared]) {
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    columns[j] = Simd::repeat(a[j < kHeight ? j : 0] + k);
    if constexpr (kShares) {
      quads[j] = columns[j];
      keepInRegister(quads[j]);
    }
    if constexpr (kHeight > 4 && Simd::kLanes > 4)
      if (j + 4 < kHeight) columns[j] = Simd::template place<1>(columns[j], a[(j + 4) % kHeight] + k);
    if constexpr (kHeight > 8 && Simd::kLanes > 8)
      if (j + 8 < kHeight) columns[j] = Simd::template place<2>(columns[j], a[(j + 8) % kHeight] + k);
    if constexpr (kHeight > 12 && Simd::kLanes > 12)
      if (j + 12 < kHeight) columns[j] = Simd::template place<3>(columns[j], a[(j + 12) % kHeight] + k);
  }
  Simd::transposeQuads(columns);
}

template <int kPlace>
struct Element {
  static constexpr int kIndex = kPlace;
};

template <class Simd, int kHeight, int kVectors, int kTails, bool kApart = false>
void tailTile(const GemmTile& tile) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes, kWhole = kVectors * kLanes, kWidth = kWhole + kLanes;
  constexpr int kAhead = 8, kLine = 16;  // as of gemmTile
  constexpr bool kShares = Simd::kQuads && kVectors == 1 && kHeight >= kShared;
  static_assert(kHeight <= kLanes && kTails <= kLanes);
  const bool first = kApart || tile.first;
  const int64_t taps = kApart ? 1 : tile.taps;
  V acc[kHeight][kVectors], sum[kTails];
  alignas(64) float lanes[kTails][kLanes];

  // Begin the chains, or take them up where the previous block over k left them
#pragma GCC unroll 16
  for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++)
      acc[i][j] = first ? Simd::zero() : Simd::load(tile.c + i * tile.ldc + j * kLanes);
  }
  const auto gather = [&](const float* from, int t) {
    Simd::store(lanes[t], Simd::zero());
    for (int i = 0; i < kHeight; i++)
      if (t < tile.tail) lanes[t][i] = from[i * tile.ldc + kWhole + t];
    return Simd::load(lanes[t]);
  };
#pragma GCC unroll 4
  for (int t = 0; t < kTails; t++) sum[t] = first ? Simd::zero() : gather(tile.c, t);
  if (first) {
#pragma GCC unroll 16
    for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
      for (int j = 0; j < kWhole; j += kLine) __builtin_prefetch(tile.c + i * tile.ldc + j, 1);
    }
  }

  // One fused multiply-add per tap and input channel, in that order
  const float* b = tile.panel;
  const float* next = tile.next != nullptr ? tile.next : b;
  const int64_t apart = tile.apart;
  for (int64_t t = 0; t < taps; t++) {
    const float* const* row = tile.rows + t * kHeight;
    if (!kApart && row[0] == nullptr) {
      b += tile.depth * kWidth;
      continue;
    }
    const float* a[kHeight];
#pragma GCC unroll 16
    for (int i = 0; i < kHeight; i++) {
      a[i] = row[i] + (kApart ? 0 : tile.offset);
      keepInRegister(a[i]);
    }
    V columns[4], quads[kShared];
    const auto multiply = [&](int64_t k, auto element) __attribute__((always_inline)) {
      constexpr int kElement = decltype(element)::kIndex;
      V w[kVectors];
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; j++) w[j] = Simd::load(b + j * kLanes);
      if constexpr (kVectors > 1) {
#pragma GCC unroll 4
        for (int j = 0; j < kWidth; j += kLine) __builtin_prefetch(b + kAhead * kWidth + j);
        __builtin_prefetch(next, 0, 2);
        __builtin_prefetch(next + apart, 0, 2);
        next += tile.nextStep;
      }
      V column = Simd::kBlends ? Simd::zero() : columns[kElement];
      if constexpr (!Simd::kBlends) {
#pragma GCC unroll 4
        for (int n = 0; n < kTails; n++) sum[n] = Simd::fma(column, Simd::set(b[kWhole + n]), sum[n]);
      }
#pragma GCC unroll 16
      for (int i = 0; i < kHeight; i++) {
        V x;
        if constexpr (kShares)
          x = i < kShared ? Simd::template element<kElement>(quads[i % kShared])
                          : Simd::set(a[i][k + kElement]);
        else x = Simd::set(a[i][k + kElement]);
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; j++) acc[i][j] = Simd::fma(x, w[j], acc[i][j]);
        if constexpr (Simd::kBlends) column = i == 0 ? x : Simd::blend(column, x, i);
      }
      if constexpr (Simd::kBlends) {
#pragma GCC unroll 4
        for (int n = 0; n < kTails; n++) sum[n] = Simd::fma(column, Simd::set(b[kWhole + n]), sum[n]);
      }
      b += kWidth;
    };
    if constexpr (Simd::kBlends) {
      for (int64_t k = 0; k < tile.depth; k++) multiply(k, Element<0>{});
    } else {
      int64_t k = 0;
      for (; k + 4 <= tile.depth; k += 4) {
        transposeRows<Simd, kHeight, kShares>(a, k, columns, quads);
        multiply(k, Element<0>{});
        multiply(k, Element<1>{});
        multiply(k, Element<2>{});
        multiply(k, Element<3>{});
      }
      // Of the last four channels those that are left. (Not expected, they would be laid out beyond the end,
      // where the spill gate takes the jump back for a loop.)
      const int64_t rest = tile.depth - k;
      if (__builtin_expect(rest == 0, 0)) continue;
      k = tile.depth - 4;
      transposeRows<Simd, kHeight, kShares>(a, k, columns, quads);
      if (__builtin_expect(rest > 2, 1)) multiply(k, Element<1>{});
      if (__builtin_expect(rest > 1, 1)) multiply(k, Element<2>{});
      multiply(k, Element<3>{});
    }
  }
  if (kApart && tile.beyond != nullptr) {
    const V inputs = Simd::load(tile.beyond);
#pragma GCC unroll 4
    for (int n = 0; n < kTails; n++) sum[n] = Simd::fma(inputs, Simd::set(b[kWhole + n]), sum[n]);
    multiplyBeyond<Simd>(acc, tile.beyond, b);
  }

  // What is left to do is asked again, and the bias ends every sum, as in gemmTile
  const GemmTile* after = &tile;
  keepInRegister(after);
  if (!kApart && after->last) {
    const V low = Simd::set(after->low), high = Simd::set(after->high);
    const auto finish = [=](V v) { return Simd::lesser(high, Simd::greater(low, v)); };
#pragma GCC unroll 4
    for (int t = 0; t < kTails; t++) sum[t] = Simd::add(sum[t], Simd::set(after->bias[kWhole + t]));
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++) {
      const V bias = Simd::load(after->bias + j * kLanes);
#pragma GCC unroll 16
      for (int i = 0; i < kHeight; i++) acc[i][j] = Simd::add(acc[i][j], bias);
    }
    if (after->residual != nullptr) {
#pragma GCC unroll 4
      for (int t = 0; t < kTails; t++) sum[t] = Simd::add(sum[t], gather(after->residual, t));
#pragma GCC unroll 16
      for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; j++)
          acc[i][j] = Simd::add(acc[i][j], Simd::load(after->residual + i * after->ldc + j * kLanes));
      }
    }
#pragma GCC unroll 4
    for (int t = 0; t < kTails; t++) sum[t] = finish(sum[t]);
#pragma GCC unroll 16
    for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; j++) acc[i][j] = finish(acc[i][j]);
    }
  }
  const int64_t ldc = after->ldc;
  float* c = after->c;
#pragma GCC unroll 16
  for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++) Simd::store(c + j * kLanes, acc[i][j]);
    c += ldc;
    keepInRegister(c);
  }
  if constexpr (kApart) {
    static_assert(kTails == 1);
    Simd::store(after->tails, sum[0]);
    return;
  }
#pragma GCC unroll 4
  for (int t = 0; t < kTails; t++) Simd::store(lanes[t], sum[t]);
  const int tail = after->tail;
  c = after->c;
#pragma GCC unroll 16
  for (int i = 0; i < kHeight; i++) {
#pragma GCC unroll 4
    for (int t = 0; t < kTails; t++)
      if (t == 0 || t < tail) c[kWhole + t] = lanes[t][i];
    c += ldc;
    keepInRegister(c);
  }
}

}  // namespace
}  // namespace convkit
