// Normalisation, vectorised over channels. Each kernel goes through its rows eight at a time, whose results
// stay in registers, so that memory is read from front to back whatever the number of channels. Included once
// per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

constexpr int64_t kRowsTogether = 8;

// A whole vector of channels, and the channels that are left.
template <class Simd>
struct Whole {
  static typename Simd::V load(const float* p) { return Simd::load(p); }
  static void store(float* p, typename Simd::V v) { Simd::store(p, v); }
};
template <class Simd>
struct Rest {
  int n;
  typename Simd::V load(const float* p) const { return Simd::loadPartial(p, n); }
  void store(float* p, typename Simd::V v) const { Simd::storePartial(p, v, n); }
};

// Calls body(lanes, channel, first row, row after the last).
template <class Simd, class Body>
void forEachRowGroup(int64_t rows, int64_t channels, Body body) {
  for (int64_t begin = 0; begin < rows; begin += kRowsTogether) {
    const int64_t end = begin + kRowsTogether < rows ? begin + kRowsTogether : rows;
    int64_t c = 0;
    for (; c + Simd::kLanes <= channels; c += Simd::kLanes) body(Whole<Simd>{}, c, begin, end);
    if (c < channels) body(Rest<Simd>{static_cast<int>(channels - c)}, c, begin, end);
  }
}

template <class Simd>
void momentRows(const MomentRows& m) {
  using V = typename Simd::V;
  forEachRowGroup<Simd>(m.rows, m.channels, [&](auto lanes, int64_t c, int64_t begin, int64_t end) {
    V sum = begin == 0 ? Simd::zero() : lanes.load(m.mean + c);
    for (int64_t r = begin; r < end; r++) sum = Simd::add(sum, lanes.load(m.x + r * m.step + c));
    if (end == m.rows) sum = Simd::div(sum, Simd::set(static_cast<float>(m.rows)));
    lanes.store(m.mean + c, sum);
  });

  forEachRowGroup<Simd>(m.rows, m.channels, [&](auto lanes, int64_t c, int64_t begin, int64_t end) {
    const V mean = lanes.load(m.mean + c);
    V error = begin == 0 ? Simd::zero() : lanes.load(m.error + c);
    V squares = begin == 0 ? Simd::zero() : lanes.load(m.squares + c);
    for (int64_t r = begin; r < end; r++) {
      const V d = Simd::sub(lanes.load(m.x + r * m.step + c), mean);
      error = Simd::add(error, d);
      squares = Simd::fma(d, d, squares);
    }
    lanes.store(m.error + c, error);
    lanes.store(m.squares + c, squares);
  });
}

template <class Simd, bool kResidual>
void affineOf(const AffineRows& a) {
  using V = typename Simd::V;
  const V low = Simd::set(a.low), high = Simd::set(a.high);
  forEachRowGroup<Simd>(a.rows, a.channels, [&](auto lanes, int64_t c, int64_t begin, int64_t end) {
    const V scale = lanes.load(a.scale + c), shift = lanes.load(a.shift + c);
    for (int64_t r = begin; r < end; r++) {
      const int64_t at = r * a.channels + c;
      V v = Simd::fma(lanes.load(a.x + at), scale, shift);
      v = Simd::add(v, kResidual ? lanes.load(a.residual + at) : Simd::zero());
      lanes.store(a.y + at, Simd::lesser(high, Simd::greater(low, v)));
    }
  });
}

template <class Simd>
void affineRows(const AffineRows& a) {
  if (a.residual != nullptr) affineOf<Simd, true>(a);
  else affineOf<Simd, false>(a);
}

// What passes a clamp backwards.
enum class Gate { open, byOutput, byInput };

template <class Simd, Gate kGate>
struct Gated {
  using V = typename Simd::V;
  const GateRows& g;
  const V low, high;

  explicit Gated(const GateRows& gate) : g(gate), low(Simd::set(gate.low)), high(Simd::set(gate.high)) {}

  // The upstream gradient at `at`, or zero where the clamp holds; x is the input there.
  template <class Lanes>
  V operator()(Lanes lanes, int64_t at, V x, V scale, V shift) const {
    const V upstream = lanes.load(g.upstream + at);
    if constexpr (kGate == Gate::open) return upstream;
    V z;
    if constexpr (kGate == Gate::byOutput) z = lanes.load(g.output + at);
    else z = Simd::fma(x, scale, shift);
    const V above = Simd::select(Simd::less(low, z), upstream, Simd::zero());
    return Simd::select(Simd::less(z, high), above, Simd::zero());
  }
};

template <class Simd, Gate kGate>
void normSumsOf(const NormSumRows& s) {
  using V = typename Simd::V;
  const Gated<Simd, kGate> gated(s.gate);
  forEachRowGroup<Simd>(s.rows, s.channels, [&](auto lanes, int64_t c, int64_t begin, int64_t end) {
    const V mean = lanes.load(s.mean + c);
    const V scale = lanes.load(s.gate.scale + c), shift = lanes.load(s.gate.shift + c);
    V sum = begin == 0 ? Simd::zero() : lanes.load(s.sum + c);
    V product = begin == 0 ? Simd::zero() : lanes.load(s.product + c);
    for (int64_t r = begin; r < end; r++) {
      const int64_t at = r * s.step + c;
      const V x = lanes.load(s.x + at), upstream = gated(lanes, at, x, scale, shift);
      if (s.residual != nullptr) lanes.store(s.residual + at, upstream);
      sum = Simd::add(sum, upstream);
      product = Simd::fma(upstream, Simd::sub(x, mean), product);
    }
    lanes.store(s.sum + c, sum);
    lanes.store(s.product + c, product);
  });
}

template <class Simd>
void normSumRows(const NormSumRows& s) {
  if (!s.gate.clamps) normSumsOf<Simd, Gate::open>(s);
  else if (s.gate.output != nullptr) normSumsOf<Simd, Gate::byOutput>(s);
  else normSumsOf<Simd, Gate::byInput>(s);
}

template <class Simd, Gate kGate, bool kOwn>
void normGradientOf(const NormGradientRows& g) {
  using V = typename Simd::V;
  const Gated<Simd, kGate> gated(g.gate);
  forEachRowGroup<Simd>(g.rows, g.channels, [&](auto lanes, int64_t c, int64_t begin, int64_t end) {
    const V mean = lanes.load(g.mean + c);
    const V scale = lanes.load(g.gate.scale + c), shift = lanes.load(g.gate.shift + c);
    const V slope = kOwn ? lanes.load(g.slope + c) : Simd::zero();
    const V offset = kOwn ? lanes.load(g.offset + c) : Simd::zero();
    for (int64_t r = begin; r < end; r++) {
      const int64_t at = r * g.channels + c;
      const V x = kOwn || kGate == Gate::byInput ? lanes.load(g.x + at) : Simd::zero();
      const V upstream = gated(lanes, at, x, scale, shift);
      const V rest = kOwn ? Simd::fma(Simd::sub(x, mean), slope, offset) : Simd::zero();
      lanes.store(g.y + at, Simd::add(Simd::fma(upstream, scale, rest), Simd::zero()));
    }
  });
}

template <class Simd, Gate kGate>
void normGradientGated(const NormGradientRows& g) {
  if (g.slope != nullptr) normGradientOf<Simd, kGate, true>(g);
  else normGradientOf<Simd, kGate, false>(g);
}

template <class Simd>
void normGradientRows(const NormGradientRows& g) {
  if (!g.gate.clamps) normGradientGated<Simd, Gate::open>(g);
  else if (g.gate.output != nullptr) normGradientGated<Simd, Gate::byOutput>(g);
  else normGradientGated<Simd, Gate::byInput>(g);
}

}  // namespace
}  // namespace convkit
