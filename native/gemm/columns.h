// Copies columns of a matrix into a panel, as the micro-kernel reads it. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

template <class Simd>
void copyColumns(const ColumnCopy& copy) {
  constexpr int kLanes = Simd::kLanes;
  float* to = copy.to;
  for (int64_t r = 0; r < copy.rows; r++) {
    const float* from = copy.from + r * copy.fromStep;
    int64_t left = copy.count;
    for (int j = 0; j < copy.vectors; j++, from += kLanes, to += kLanes, left -= kLanes) {
      if (left >= kLanes) Simd::store(to, Simd::load(from));
      else Simd::store(to, Simd::loadPartial(from, left > 0 ? static_cast<int>(left) : 0));
    }
  }
}

}  // namespace
}  // namespace convkit
