// Rows that are normalised each by itself (layer normalisation): their statistics in a lane each, since a
// row's are chains; what those make of a row, along it. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

template <class Simd>
void laneSums(const LaneSums& s) {
  using W = typename Simd::Wide;
  W sum = Simd::widen(Simd::zero());
  const float* x = s.x;
  if (s.mean == nullptr) {
    for (int64_t c = 0; c < s.channels; c++, x += Simd::kLanes)
      sum = Simd::add(sum, Simd::widen(Simd::load(x)));
  } else {
    const W mean = Simd::loadWide(s.mean);
    for (int64_t c = 0; c < s.channels; c++, x += Simd::kLanes) {
      const W apart = Simd::sub(Simd::widen(Simd::load(x)), mean);
      sum = Simd::add(sum, Simd::mul(apart, apart));
    }
  }
  Simd::storeWide(s.y, sum);
}

template <class Simd, bool kWeight, bool kBias, bool kResidual>
void layerRowOf(const LayerRow& row) {
  using V = typename Simd::V;
  const V low = Simd::set(row.low), high = Simd::set(row.high);
  const V plain = Simd::set(static_cast<float>(row.inverse));
  const auto run = [&](int64_t c, auto load, auto store) {
    V scale = plain;
    if constexpr (kWeight) scale = Simd::narrow(Simd::mul(Simd::widen(load(row.weight + c)), row.inverse));
    V bias = Simd::zero();
    if constexpr (kBias) bias = load(row.bias + c);
    const V shift = Simd::narrow(Simd::sub(Simd::widen(bias), Simd::mul(Simd::widen(scale), row.mean)));
    V v = Simd::fma(load(row.x + c), scale, shift);
    if constexpr (kResidual) v = Simd::add(v, load(row.residual + c));
    else v = Simd::add(v, Simd::zero());
    store(row.y + c, Simd::lesser(high, Simd::greater(low, v)));
  };
  int64_t c = 0;
  for (; c + Simd::kLanes <= row.channels; c += Simd::kLanes) {
    run(
        c, [](const float* p) { return Simd::load(p); }, [](float* p, V v) { Simd::store(p, v); });
  }
  if (c == row.channels) return;
  const int rest = static_cast<int>(row.channels - c);
  run(
      c, [&](const float* p) { return Simd::loadPartial(p, rest); },
      [&](float* p, V v) { Simd::storePartial(p, v, rest); });
}

template <class Simd, bool kWeight, bool kBias>
void layerRowWith(const LayerRow& row) {
  if (row.residual != nullptr) layerRowOf<Simd, kWeight, kBias, true>(row);
  else layerRowOf<Simd, kWeight, kBias, false>(row);
}

template <class Simd>
void layerRow(const LayerRow& row) {
  if (row.weight != nullptr && row.bias != nullptr) layerRowWith<Simd, true, true>(row);
  else if (row.weight != nullptr) layerRowWith<Simd, true, false>(row);
  else if (row.bias != nullptr) layerRowWith<Simd, false, true>(row);
  else layerRowWith<Simd, false, false>(row);
}

}  // namespace
}  // namespace convkit
