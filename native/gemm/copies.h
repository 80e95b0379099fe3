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

// Where a lane of the vectors of interleaved planes comes from.
template <int kLanes, int kPlanes>
struct Interleaved {
  int32_t element[kPlanes][kLanes] = {};
  float plane[kPlanes][kLanes] = {};

  constexpr Interleaved() {
    for (int i = 0; i < kPlanes * kLanes; i++) {
      element[i / kLanes][i % kLanes] = i / kPlanes;
      plane[i / kLanes][i % kLanes] = static_cast<float>(i % kPlanes);
    }
  }
};

// Every vector of the result takes its lanes from every plane.
template <class Simd, int kPlanes>
void interleavePlanes(const float* from, int64_t fromStep, int64_t count, float* to) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  static constexpr Interleaved<kLanes, kPlanes> kLaneOf;
  const auto interleave = [&](const V(&planes)[kPlanes], const auto& store) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int v = 0; v < kPlanes; v++) {
      const typename Simd::Index element = Simd::loadIndex(kLaneOf.element[v]);
      const V plane = Simd::load(kLaneOf.plane[v]);
      V mixed = Simd::permute(planes[kPlanes - 1], element);
#pragma GCC unroll 4
      for (int p = kPlanes - 2; p >= 0; p--)
        mixed = Simd::select(Simd::less(plane, Simd::set(static_cast<float>(p + 1))),
                             Simd::permute(planes[p], element), mixed);
      store(v, mixed);
    }
  };
  V planes[kPlanes];
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
#pragma GCC unroll 4
    for (int p = 0; p < kPlanes; p++) planes[p] = Simd::load(from + p * fromStep + i);
    interleave(planes, [&](int v, V mixed) { Simd::store(to + i * kPlanes + v * kLanes, mixed); });
  }
  const int rest = static_cast<int>(count - i);
  if (rest == 0) return;
#pragma GCC unroll 4
  for (int p = 0; p < kPlanes; p++) planes[p] = Simd::loadPartial(from + p * fromStep + i, rest);
  interleave(planes, [&](int v, V mixed) {
    const int lanes = rest * kPlanes - v * kLanes;
    if (lanes > 0) Simd::storePartial(to + i * kPlanes + v * kLanes, mixed, lanes < kLanes ? lanes : kLanes);
  });
}

}  // namespace
}  // namespace convkit
