// Gradients of pooling, one output position at a time, vectorised over channels. Included once per
// instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

// The number of the tap that maxOverTaps takes, in each lane.
template <class Simd>
typename Simd::V takenTap(const PoolGradientTile& tile, int64_t channel, int n) {
  using V = typename Simd::V;
  const auto at = [&](int64_t t) {
    const float* p = tile.taps[t] + channel;
    return n == Simd::kLanes ? Simd::load(p) : Simd::loadPartial(p, n);
  };
  V m = at(0), taken = Simd::zero();
  for (int64_t t = 1; t < tile.count; t++) {
    const V v = at(t), number = Simd::set(static_cast<float>(t));
    taken = Simd::select(Simd::isNan(v), number, Simd::select(Simd::less(m, v), number, taken));
    m = Simd::select(Simd::isNan(v), v, Simd::greater(v, m));
  }
  return taken;
}

// The other taps get +0, which changes none: sums that start from +0 never are -0.
template <class Simd, bool kMax>
void poolGradientTile(const PoolGradientTile& tile) {
  using V = typename Simd::V;
  for (int64_t c = 0; c < tile.channels; c += Simd::kLanes) {
    const int n = tile.channels - c < Simd::kLanes ? static_cast<int>(tile.channels - c) : Simd::kLanes;
    const auto load = [&](const float* p) {
      return n == Simd::kLanes ? Simd::load(p + c) : Simd::loadPartial(p + c, n);
    };
    V share = load(tile.upstream), taken = Simd::zero();
    if (kMax) taken = takenTap<Simd>(tile, c, n);
    else share = Simd::div(share, Simd::set(tile.divisor));
    for (int64_t t = 0; t < tile.count; t++) {
      V added = share;
      if (kMax) {
        const V away = Simd::abs(Simd::sub(taken, Simd::set(static_cast<float>(t))));
        added = Simd::select(Simd::less(away, Simd::set(0.5f)), share, Simd::zero());
      }
      const V sum = Simd::add(load(tile.gradients[t]), added);
      if (n == Simd::kLanes) Simd::store(tile.gradients[t] + c, sum);
      else Simd::storePartial(tile.gradients[t] + c, sum, n);
    }
  }
}

}  // namespace
}  // namespace convkit
