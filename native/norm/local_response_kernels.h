// One row of local response normalisation, vectorised over channels. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

// Calls body(channel, lanes) for every vector of channels, the last one in part.
template <class Simd, class Body>
void forEachResponseVector(int64_t channels, Body body) {
  for (int64_t c = 0; c < channels; c += Simd::kLanes) {
    const int64_t left = channels - c;
    body(c, left < Simd::kLanes ? static_cast<int>(left) : Simd::kLanes);
  }
}

// sums[c] = k + alpha * (chain of FMAs of the squares of window[c .. c + size)); powers[c] = its fourth root
// to the `quarters`, where that is not 0
template <class Simd>
void responseSums(const ResponseRow& row) {
  using V = typename Simd::V;
  forEachResponseVector<Simd>(row.channels, [&](int64_t c, int n) {
    V sum = Simd::zero();
    for (int64_t w = 0; w < row.size; w++) {
      const V v = Simd::loadPartial(row.window + c + w, n);
      sum = Simd::fma(v, v, sum);
    }
    sum = Simd::fma(sum, Simd::set(row.alpha), Simd::set(row.k));
    Simd::storePartial(row.sums + c, sum, n);
    if (row.quarters == 0) return;
    const V root = Simd::sqrt(Simd::sqrt(sum));
    V power = root;
    for (int i = 1; i < row.quarters; i++) power = Simd::mul(power, root);
    Simd::storePartial(row.powers + c, power, n);
  });
}

template <class Simd>
void responseDivide(const ResponseRow& row) {
  forEachResponseVector<Simd>(row.channels, [&](int64_t c, int n) {
    const typename Simd::V power = Simd::loadPartial(row.powers + c, n);
    Simd::storePartial(row.y + c, Simd::div(Simd::loadPartial(row.x + c, n), power), n);
  });
}

// What each output takes back from the squares of its window: u * x / (power * sum)
template <class Simd>
void responseShares(const ResponseRow& row) {
  using V = typename Simd::V;
  forEachResponseVector<Simd>(row.channels, [&](int64_t c, int n) {
    const auto at = [&](const float* p) { return Simd::loadPartial(p + c, n); };
    const V bottom = Simd::mul(at(row.powers), at(row.sums));
    // Beyond the last channel 0 / 0 is not stored
    Simd::storePartial(row.y + c, Simd::div(Simd::mul(at(row.upstream), at(row.x)), bottom), n);
  });
}

// u / power - factor * x * (chain of additions of window[c .. c + size)) + 0
template <class Simd>
void responseGradient(const ResponseRow& row) {
  using V = typename Simd::V;
  forEachResponseVector<Simd>(row.channels, [&](int64_t c, int n) {
    V sum = Simd::zero();
    for (int64_t w = 0; w < row.size; w++) sum = Simd::add(sum, Simd::loadPartial(row.window + c + w, n));
    const V own = Simd::div(Simd::loadPartial(row.upstream + c, n), Simd::loadPartial(row.powers + c, n));
    const V factor = Simd::mul(Simd::set(row.factor), Simd::loadPartial(row.x + c, n));
    Simd::storePartial(row.y + c, Simd::add(Simd::fnma(factor, sum, own), Simd::zero()), n);
  });
}

}  // namespace
}  // namespace convkit
