// Copies rows of a matrix into buffers, with zeros around them. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

template <class Simd>
inline void writeZeros(float* to, int64_t at, int64_t length) {
  for (; at < length; at += Simd::kLanes) Simd::store(to + at, Simd::zero());
}

// Rows ascend: what one writes too far, with zeros, the next writes over.
template <class Simd>
void copyRows(const RowCopy& copy) {
  constexpr int kLanes = Simd::kLanes;
  float* to = copy.to;
  for (int64_t r = 0; r < copy.above; r++, to += copy.toStep) writeZeros<Simd>(to, 0, copy.length);
  const int64_t whole = copy.count / kLanes * kLanes;
  const int rest = static_cast<int>(copy.count - whole);
  for (int64_t r = 0; r < copy.rows; r++, to += copy.toStep) {
    const float* from = copy.from + r * copy.fromStep;
    int64_t at = 0;
    for (; at < whole; at += kLanes) Simd::store(to + at, Simd::load(from + at));
    if (rest > 0) {
      Simd::store(to + at, Simd::loadPartial(from + at, rest));
      at += kLanes;
    }
    writeZeros<Simd>(to, at, copy.length);
  }
  for (int64_t r = 0; r < copy.below; r++, to += copy.toStep) writeZeros<Simd>(to, 0, copy.length);
}

template <class Simd>
void splitRows(const RowCopy& copy) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  const int64_t whole = copy.count / (2 * kLanes) * kLanes, second = copy.second;
  const int rest = static_cast<int>(copy.count - 2 * whole);
  const int64_t written = rest > 0 ? whole + kLanes : whole;
  float* to = copy.to;
  for (int64_t r = 0; r < copy.above; r++, to += copy.toStep) writeZeros<Simd>(to, 0, copy.length);
  for (int64_t r = 0; r < copy.rows; r++, to += copy.toStep) {
    const float* from = copy.from + r * copy.fromStep;
    float* even = copy.oddFirst ? to + second : to;
    float* odd = copy.oddFirst ? to : to + second;
    writeZeros<Simd>(to, written, second);
    writeZeros<Simd>(to + second, written, copy.length - second);
    for (int64_t at = 0; at < whole; at += kLanes) {
      const V low = Simd::load(from + 2 * at), high = Simd::load(from + 2 * at + kLanes);
      Simd::store(even + at, Simd::even(low, high));
      Simd::store(odd + at, Simd::odd(low, high));
    }
    if (rest > 0) {
      const float* last = from + 2 * whole;
      const V low = rest < kLanes ? Simd::loadPartial(last, rest) : Simd::load(last);
      const V high = rest > kLanes ? Simd::loadPartial(last + kLanes, rest - kLanes) : Simd::zero();
      Simd::store(even + whole, Simd::even(low, high));
      Simd::store(odd + whole, Simd::odd(low, high));
    }
  }
  for (int64_t r = 0; r < copy.below; r++, to += copy.toStep) writeZeros<Simd>(to, 0, copy.length);
}

}  // namespace
}  // namespace convkit
