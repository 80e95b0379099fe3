// Normalisation, vectorised over channels. Each kernel goes through its rows eight at a time, in blocks of
// four vectors whose coefficients and sums stay in registers: memory is read from front to back whatever the
// number of channels, which counts where it does not come from a cache. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

constexpr int64_t kRowsTogether = 8;

// Some whole vectors of neighbouring channels.
template <class Simd, int kCount>
struct Whole {
  static constexpr int kVectors = kCount;
  static typename Simd::V load(const float* p, int j) { return Simd::load(p + j * Simd::kLanes); }
  static void store(float* p, int j, typename Simd::V v) { Simd::store(p + j * Simd::kLanes, v); }
};
// The channels that are left.
template <class Simd>
struct Rest {
  static constexpr int kVectors = 1;
  int n;
  typename Simd::V load(const float* p, int) const { return Simd::loadPartial(p, n); }
  void store(float* p, int, typename Simd::V v) const { Simd::storePartial(p, v, n); }
};

// Calls body(lanes, channel, first row, row after the last).
template <class Simd, class Body>
void forEachRowGroup(int64_t rows, int64_t channels, Body body) {
  constexpr int kLanes = Simd::kLanes;
  for (int64_t begin = 0; begin < rows; begin += kRowsTogether) {
    const int64_t end = begin + kRowsTogether < rows ? begin + kRowsTogether : rows;
    int64_t c = 0;
    for (; c + 4 * kLanes <= channels; c += 4 * kLanes) body(Whole<Simd, 4>{}, c, begin, end);
    for (; c + kLanes <= channels; c += kLanes) body(Whole<Simd, 1>{}, c, begin, end);
    if (c < channels) body(Rest<Simd>{static_cast<int>(channels - c)}, c, begin, end);
  }
}

// One vector of each of several channels' numbers.
template <class Simd, int kCount>
struct Vectors {
  typename Simd::V of[kCount];
};
template <class Simd, class Lanes>
Vectors<Simd, Lanes::kVectors> loadAll(Lanes lanes, const float* p) {
  Vectors<Simd, Lanes::kVectors> all;
#pragma GCC unroll 4
  for (int j = 0; j < Lanes::kVectors; j++) all.of[j] = lanes.load(p, j);
  return all;
}
template <class Simd, class Lanes>
Vectors<Simd, Lanes::kVectors> zeros(Lanes) {
  Vectors<Simd, Lanes::kVectors> all;
#pragma GCC unroll 4
  for (int j = 0; j < Lanes::kVectors; j++) all.of[j] = Simd::zero();
  return all;
}
template <class Simd, class Lanes>
void storeAll(Lanes lanes, float* p, const Vectors<Simd, Lanes::kVectors>& all) {
#pragma GCC unroll 4
  for (int j = 0; j < Lanes::kVectors; j++) lanes.store(p, j, all.of[j]);
}

template <class Simd>
void momentRows(const MomentRows& m) {
  using V = typename Simd::V;
  forEachRowGroup<Simd>(m.rows, m.channels, [&](auto lanes, int64_t c, int64_t begin, int64_t end) {
    auto sum = begin == 0 ? zeros<Simd>(lanes) : loadAll<Simd>(lanes, m.mean + c);
    const float* x = m.x + begin * m.step + c;
    for (int64_t r = begin; r < end; r++, x += m.step) {
#pragma GCC unroll 4
      for (int j = 0; j < lanes.kVectors; j++) sum.of[j] = Simd::add(sum.of[j], lanes.load(x, j));
    }
    if (end == m.rows) {
      const V count = Simd::set(static_cast<float>(m.rows));
#pragma GCC unroll 4
      for (int j = 0; j < lanes.kVectors; j++) sum.of[j] = Simd::div(sum.of[j], count);
    }
    storeAll<Simd>(lanes, m.mean + c, sum);
  });

  forEachRowGroup<Simd>(m.rows, m.channels, [&](auto lanes, int64_t c, int64_t begin, int64_t end) {
    const auto mean = loadAll<Simd>(lanes, m.mean + c);
    auto error = begin == 0 ? zeros<Simd>(lanes) : loadAll<Simd>(lanes, m.error + c);
    auto squares = begin == 0 ? zeros<Simd>(lanes) : loadAll<Simd>(lanes, m.squares + c);
    const float* x = m.x + begin * m.step + c;
    for (int64_t r = begin; r < end; r++, x += m.step) {
#pragma GCC unroll 4
      for (int j = 0; j < lanes.kVectors; j++) {
        const V d = Simd::sub(lanes.load(x, j), mean.of[j]);
        error.of[j] = Simd::add(error.of[j], d);
        squares.of[j] = Simd::fma(d, d, squares.of[j]);
      }
    }
    storeAll<Simd>(lanes, m.error + c, error);
    storeAll<Simd>(lanes, m.squares + c, squares);
  });
}

template <class Simd, bool kResidual>
void affineOf(const AffineRows& a) {
  using V = typename Simd::V;
  const V low = Simd::set(a.low), high = Simd::set(a.high);
  forEachRowGroup<Simd>(a.rows, a.channels, [&](auto lanes, int64_t c, int64_t begin, int64_t end) {
    const auto scale = loadAll<Simd>(lanes, a.scale + c), shift = loadAll<Simd>(lanes, a.shift + c);
    const int64_t step = a.xStep == 0 ? a.channels : a.xStep;
    const float* x = a.x + begin * step + c;
    for (int64_t at = begin * a.channels + c; at < end * a.channels; at += a.channels, x += step) {
#pragma GCC unroll 4
      for (int j = 0; j < lanes.kVectors; j++) {
        V v = Simd::fma(lanes.load(x, j), scale.of[j], shift.of[j]);
        if constexpr (kResidual) v = Simd::add(v, lanes.load(a.residual + at, j));
        else v = Simd::add(v, Simd::zero());
        lanes.store(a.y + at, j, Simd::lesser(high, Simd::greater(low, v)));
      }
    }
  });
}

template <class Simd>
void affineRows(const AffineRows& a) {
  if (a.residual != nullptr) affineOf<Simd, true>(a);
  else affineOf<Simd, false>(a);
}

// Whether a clamp lets a gradient pass, and where that is seen.
enum class Gate { open, byOutput, byInput };

// kTwoSided: the clamp holds above as well (relu6), not only below (relu).
template <class Simd, Gate kGate, bool kTwoSided>
struct Gated {
  static constexpr bool kReadsInput = kGate == Gate::byInput;
  using V = typename Simd::V;
  const GateRows& g;
  const V low, high;

  explicit Gated(const GateRows& gate) : g(gate), low(Simd::set(gate.low)), high(Simd::set(gate.high)) {}

  // The upstream gradient of vector j at `at`, or zero where the clamp holds; x is the input there.
  template <class Lanes>
  V operator()(Lanes lanes, int64_t at, int j, V x, V scale, V shift) const {
    const V upstream = lanes.load(g.upstream + at, j);
    if constexpr (kGate == Gate::open) return upstream;
    V z;
    if constexpr (kGate == Gate::byOutput) z = lanes.load(g.output + at, j);
    else z = Simd::fma(x, scale, shift);
    const V above = Simd::select(Simd::less(low, z), upstream, Simd::zero());
    if constexpr (kTwoSided) return Simd::select(Simd::less(z, high), above, Simd::zero());
    else return above;
  }
};

// Calls body with what the gate asks for.
template <class Simd, class Body>
void withGate(const GateRows& gate, Body body) {
  if (gate.clamp == Clamp::none) return body(Gated<Simd, Gate::open, false>(gate));
  const bool twoSided = gate.clamp == Clamp::both;
  if (gate.output != nullptr) {
    if (twoSided) body(Gated<Simd, Gate::byOutput, true>(gate));
    else body(Gated<Simd, Gate::byOutput, false>(gate));
  } else {
    if (twoSided) body(Gated<Simd, Gate::byInput, true>(gate));
    else body(Gated<Simd, Gate::byInput, false>(gate));
  }
}

template <class Simd, bool kPasses, class Gated>
void normSumsOf(const NormSumRows& s, Gated gated) {
  using V = typename Simd::V;
  forEachRowGroup<Simd>(s.rows, s.channels, [&](auto lanes, int64_t c, int64_t begin, int64_t end) {
    const auto mean = loadAll<Simd>(lanes, s.mean + c);
    const auto scale = loadAll<Simd>(lanes, s.gate.scale + c), shift = loadAll<Simd>(lanes, s.gate.shift + c);
    auto sum = begin == 0 ? zeros<Simd>(lanes) : loadAll<Simd>(lanes, s.sum + c);
    auto product = begin == 0 ? zeros<Simd>(lanes) : loadAll<Simd>(lanes, s.product + c);
    for (int64_t r = begin; r < end; r++) {
      const int64_t at = r * s.step + c;
#pragma GCC unroll 4
      for (int j = 0; j < lanes.kVectors; j++) {
        const V x = lanes.load(s.x + at, j), u = gated(lanes, at, j, x, scale.of[j], shift.of[j]);
        if constexpr (kPasses) lanes.store(s.residual + at, j, u);
        sum.of[j] = Simd::add(sum.of[j], u);
        product.of[j] = Simd::fma(u, Simd::sub(x, mean.of[j]), product.of[j]);
      }
    }
    storeAll<Simd>(lanes, s.sum + c, sum);
    storeAll<Simd>(lanes, s.product + c, product);
  });
}

template <class Simd>
void normSumRows(const NormSumRows& s) {
  withGate<Simd>(s.gate, [&](auto gated) {
    if (s.residual != nullptr) normSumsOf<Simd, true>(s, gated);
    else normSumsOf<Simd, false>(s, gated);
  });
}

template <class Simd, bool kOwn, class Gated>
void normGradientOf(const NormGradientRows& g, Gated gated) {
  using V = typename Simd::V;
  forEachRowGroup<Simd>(g.rows, g.channels, [&](auto lanes, int64_t c, int64_t begin, int64_t end) {
    const auto mean = loadAll<Simd>(lanes, g.mean + c);
    const auto scale = loadAll<Simd>(lanes, g.gate.scale + c), shift = loadAll<Simd>(lanes, g.gate.shift + c);
    const auto slope = kOwn ? loadAll<Simd>(lanes, g.slope + c) : zeros<Simd>(lanes);
    const auto offset = kOwn ? loadAll<Simd>(lanes, g.offset + c) : zeros<Simd>(lanes);
    for (int64_t at = begin * g.channels + c; at < end * g.channels; at += g.channels) {
#pragma GCC unroll 4
      for (int j = 0; j < lanes.kVectors; j++) {
        const V x = kOwn || Gated::kReadsInput ? lanes.load(g.x + at, j) : Simd::zero();
        const V u = gated(lanes, at, j, x, scale.of[j], shift.of[j]);
        V rest = Simd::zero();
        if constexpr (kOwn) rest = Simd::fma(Simd::sub(x, mean.of[j]), slope.of[j], offset.of[j]);
        lanes.store(g.y + at, j, Simd::add(Simd::fma(u, scale.of[j], rest), Simd::zero()));
      }
    }
  });
}

template <class Simd>
void normGradientRows(const NormGradientRows& g) {
  withGate<Simd>(g.gate, [&](auto gated) {
    if (g.slope != nullptr) normGradientOf<Simd, true>(g, gated);
    else normGradientOf<Simd, false>(g, gated);
  });
}

}  // namespace
}  // namespace convkit
