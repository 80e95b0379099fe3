// Pooling of one output position, vectorised over channels. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

constexpr int64_t kPoolChunk = 256;  // positions that one partial sum spans (numerics contract, rule 4)

constexpr int kPoolVectors =
    4;  // of channels that go through the taps side by side: one alone waits for itself

// Compares as `v > m || v !== v`: a NaN wins, and of equals the first in kernel order stays.
template <class Simd>
typename Simd::V maxOverTaps(const PoolTile& tile, int64_t channel, int n) {
  using V = typename Simd::V;
  const auto at = [&](int64_t t) {
    const float* p = tile.taps[t] + channel;
    return n == Simd::kLanes ? Simd::load(p) : Simd::loadPartial(p, n);
  };
  V m = at(0);
  for (int64_t t = 1; t < tile.count; t++) {
    const V v = at(t);
    m = Simd::select(Simd::isNan(v), v, Simd::greater(v, m));
  }
  return m;
}

template <class Simd>
typename Simd::V averageOverTaps(const PoolTile& tile, int64_t channel, int n) {
  using V = typename Simd::V;
  V total = Simd::zero();
  for (int64_t begin = 0; begin < tile.count; begin += kPoolChunk) {
    const int64_t end = begin + kPoolChunk < tile.count ? begin + kPoolChunk : tile.count;
    V chunk = Simd::zero();
    for (int64_t t = begin; t < end; t++) {
      const float* p = tile.taps[t] + channel;
      chunk = Simd::add(chunk, n == Simd::kLanes ? Simd::load(p) : Simd::loadPartial(p, n));
    }
    total = Simd::add(total, chunk);
  }
  return Simd::div(total, Simd::set(tile.divisor));
}

// The same for kPoolVectors whole vectors of channels.
template <class Simd, bool kMax>
void poolVectors(const PoolTile& tile, int64_t channel) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  V chunk[kPoolVectors], total[kPoolVectors];
#pragma GCC unroll 4
  for (int j = 0; j < kPoolVectors; j++) {
    total[j] = Simd::zero();
    chunk[j] = kMax ? Simd::load(tile.taps[0] + channel + j * kLanes) : Simd::zero();
  }
  for (int64_t begin = 0; begin < tile.count; begin += kPoolChunk) {
    const int64_t end = begin + kPoolChunk < tile.count ? begin + kPoolChunk : tile.count;
    for (int64_t t = kMax && begin == 0 ? 1 : begin; t < end; t++) {
      const float* p = tile.taps[t] + channel;
#pragma GCC unroll 4
      for (int j = 0; j < kPoolVectors; j++) {
        const V v = Simd::load(p + j * kLanes);
        if constexpr (kMax) chunk[j] = Simd::select(Simd::isNan(v), v, Simd::greater(v, chunk[j]));
        else chunk[j] = Simd::add(chunk[j], v);
      }
    }
    if constexpr (!kMax) {
#pragma GCC unroll 4
      for (int j = 0; j < kPoolVectors; j++) {
        total[j] = Simd::add(total[j], chunk[j]);
        chunk[j] = Simd::zero();
      }
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < kPoolVectors; j++)
    Simd::store(tile.y + channel + j * kLanes,
                kMax ? chunk[j] : Simd::div(total[j], Simd::set(tile.divisor)));
}

template <class Simd, bool kMax>
void poolTile(const PoolTile& tile) {
  int64_t first = 0;
  for (; first + kPoolVectors * Simd::kLanes <= tile.channels; first += kPoolVectors * Simd::kLanes)
    poolVectors<Simd, kMax>(tile, first);
  for (int64_t c = first; c < tile.channels; c += Simd::kLanes) {
    const int n = tile.channels - c < Simd::kLanes ? static_cast<int>(tile.channels - c) : Simd::kLanes;
    const typename Simd::V v = kMax ? maxOverTaps<Simd>(tile, c, n) : averageOverTaps<Simd>(tile, c, n);
    if (n == Simd::kLanes) Simd::store(tile.y + c, v);
    else Simd::storePartial(tile.y + c, v, n);
  }
}

}  // namespace
}  // namespace convkit
