// Sums of the rows of a matrix, column by column. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

template <class Simd, int kVectors>
void sumColumns(const RowSum& sum, int64_t column, int tail) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  V total[kVectors];
#pragma GCC unroll 8
  for (int j = 0; j < kVectors; j++) total[j] = Simd::zero();
  const float* x = sum.x + column;
  for (int64_t r = 0; r < sum.rows; r++, x += sum.step) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; j++) {
      const float* at = x + j * kLanes;
      total[j] = Simd::add(total[j], tail == kLanes ? Simd::load(at) : Simd::loadPartial(at, tail));
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < kVectors; j++) {
    float* y = sum.y + column + j * kLanes;
    if (tail == kLanes) Simd::store(y, total[j]);
    else Simd::storePartial(y, total[j], tail);
  }
}

// One chain of additions a column, from +0: so no sum is -0. A vector's additions wait for each other, but
// not for its neighbours': two of them alone, 32 channels of 112x112, took 21 us one by one and 16 together.
template <class Simd>
void sumRows(const RowSum& sum) {
  constexpr int kLanes = Simd::kLanes;
  int64_t column = 0;
  for (; column + 8 * kLanes <= sum.columns; column += 8 * kLanes) sumColumns<Simd, 8>(sum, column, kLanes);
  for (; column + 4 * kLanes <= sum.columns; column += 4 * kLanes) sumColumns<Simd, 4>(sum, column, kLanes);
  for (; column + 2 * kLanes <= sum.columns; column += 2 * kLanes) sumColumns<Simd, 2>(sum, column, kLanes);
  for (; column + kLanes <= sum.columns; column += kLanes) sumColumns<Simd, 1>(sum, column, kLanes);
  if (column < sum.columns) sumColumns<Simd, 1>(sum, column, static_cast<int>(sum.columns - column));
}

// The sum of squares of n elements: element i goes into partial i mod 16 by FMAs from +0; then partial k
// takes partial k + 8, k + 4, k + 2 and k + 1.
template <class Simd>
float sumSquaresKernel(const float* x, int64_t n) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes, kVectors = 16 / kLanes;
  V sums[kVectors];
#pragma GCC unroll 16
  for (int j = 0; j < kVectors; j++) sums[j] = Simd::zero();
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
#pragma GCC unroll 16
    for (int j = 0; j < kVectors; j++) {
      const V v = Simd::load(x + i + j * kLanes);
      sums[j] = Simd::fma(v, v, sums[j]);
    }
  }
  for (int j = 0; j < kVectors && i < n; j++, i += kLanes) {
    const V v = Simd::loadPartial(x + i, n - i < kLanes ? static_cast<int>(n - i) : kLanes);
    sums[j] = Simd::fma(v, v, sums[j]);
  }
  float partials[16];
  for (int j = 0; j < kVectors; j++) Simd::store(partials + j * kLanes, sums[j]);
  for (int step = 8; step > 0; step /= 2)
    for (int k = 0; k < step; k++) partials[k] += partials[k + step];
  return partials[0];
}

}  // namespace
}  // namespace convkit
