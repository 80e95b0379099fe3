// One row of a sparse product, vectorised over the columns of the dense matrix. Included once per instruction
// set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

template <class Simd, int kVectors>
void sparseVectors(const SparseRow& row, int64_t at, int tail) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  V sum[kVectors];
#pragma GCC unroll 4
  for (int j = 0; j < kVectors; j++) sum[j] = Simd::zero();
  for (int64_t e = 0; e < row.entries; e++) {
    const V value = Simd::set(row.values[e]);
    const float* x = row.x + row.columns[e] * row.width + at;
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++) {
      const V v = tail == kLanes ? Simd::load(x + j * kLanes) : Simd::loadPartial(x + j * kLanes, tail);
      sum[j] = Simd::fma(v, value, sum[j]);
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < kVectors; j++) {
    const V y = Simd::add(sum[j], Simd::zero());
    if (tail == kLanes) Simd::store(row.y + at + j * kLanes, y);
    else Simd::storePartial(row.y + at + j * kLanes, y, tail);
  }
}

template <class Simd>
void sparseRow(const SparseRow& row) {
  constexpr int kLanes = Simd::kLanes;
  int64_t at = 0;
  for (; at + 4 * kLanes <= row.width; at += 4 * kLanes) sparseVectors<Simd, 4>(row, at, kLanes);
  for (; at + kLanes <= row.width; at += kLanes) sparseVectors<Simd, 1>(row, at, kLanes);
  if (at < row.width) sparseVectors<Simd, 1>(row, at, static_cast<int>(row.width - at));
}

}  // namespace
}  // namespace convkit
