// Kernels that treat each element, or each pair of elements, alone: activations, sums, products, moduli.
#pragma once

#include <cstdint>

#include "elementwise/derivatives.h"
#include "elementwise/elementary.h"
#include "elementwise/pair.h"
#include "isa/kernels.h"

namespace convkit {
namespace {

// y[i] = f(x[i]); y may be x.
template <class Simd, class F>
void mapKernel(const float* x, float* y, int64_t n, F f) {
  int64_t i = 0;
  for (; i + Simd::kLanes <= n; i += Simd::kLanes) Simd::store(y + i, f(Simd::load(x + i)));
  const int rest = static_cast<int>(n - i);
  if (rest > 0) Simd::storePartial(y + i, f(Simd::loadPartial(x + i, rest)), rest);
}

// y[i] = f(a[i], b[i]); y may be a or b.
template <class Simd, class F>
void zipKernel(const float* a, const float* b, float* y, int64_t n, F f) {
  int64_t i = 0;
  for (; i + Simd::kLanes <= n; i += Simd::kLanes)
    Simd::store(y + i, f(Simd::load(a + i), Simd::load(b + i)));
  const int rest = static_cast<int>(n - i);
  if (rest > 0)
    Simd::storePartial(y + i, f(Simd::loadPartial(a + i, rest), Simd::loadPartial(b + i, rest)), rest);
}

// y = f(x) in every row, f being told of what lanes its argument is: four vectors at a time, being one long
// chain of operations each, from several rows where one has fewer left. SiLU of rows of 64, AVX-512, 16
// elements: 3.4 ns with one vector at a time, 2.4 so. 24 to 144 channels of 1x1 at 56x56, tiles of 48: 216 us
// where the rest of each row is mapped alone, 207 so.
template <class Simd, class F>
inline void mapRows(const ElementRows& rows, F f) {
  using Four = Pair<Pair<Simd>>;
  constexpr int kLanes = Simd::kLanes;
  const bool joined = rows.step == rows.columns;
  const int64_t count = joined ? 1 : rows.rows, n = joined ? rows.rows * rows.columns : rows.columns;
  const int64_t whole = n - n % Four::kLanes;
  for (int64_t r = 0; r < count; r++) {
    const float* x = rows.x + r * rows.step;
    float* y = rows.y + r * rows.step;
    for (int64_t i = 0; i < whole; i += Four::kLanes) Four::store(y + i, f(Four(), Four::load(x + i)));
  }

  // What is left of the rows, row by row; the last vector is repeated to make four
  const int64_t left = (n - whole) / kLanes, total = left * count;
  int64_t row = 0, column = 0;
  for (int64_t k = 0; k < total; k += 4) {
    int64_t at[4];
    for (int64_t q = 0; q < 4; q++) {
      at[q] = row * rows.step + whole + column * kLanes;
      if (k + q + 1 >= total || ++column < left) continue;
      column = 0;
      row++;
    }
    const auto load = [&](int q) { return Simd::load(rows.x + at[q]); };
    const typename Four::V v = f(Four(), typename Four::V{{load(0), load(1)}, {load(2), load(3)}});
    Simd::store(rows.y + at[0], v.low.low);
    Simd::store(rows.y + at[1], v.low.high);
    Simd::store(rows.y + at[2], v.high.low);
    Simd::store(rows.y + at[3], v.high.high);
  }
  const int rest = static_cast<int>(n % kLanes);
  if (rest == 0) return;
  for (int64_t r = 0; r < count; r++) {
    const int64_t at = r * rows.step + n - rest;
    Simd::storePartial(rows.y + at, f(Simd(), Simd::loadPartial(rows.x + at, rest)), rest);
  }
}

// Everything inlined: GCC would rather pass four vectors through memory.
template <class Simd>
__attribute__((flatten)) void activateKernel(Activation kind, ActivationParameters parameters,
                                             const ElementRows& rows) {
  const float first = parameters.first, second = parameters.second;
  switch (kind) {
    case Activation::none:
      return mapRows<Simd>(rows, [](auto, auto v) { return v; });
    case Activation::relu:
      return mapRows<Simd>(rows, [](auto s, auto v) { return Elementary<decltype(s)>::relu(v); });
    case Activation::relu6:
      return mapRows<Simd>(rows, [](auto s, auto v) { return Elementary<decltype(s)>::relu6(v); });
    case Activation::leakyRelu:
      return mapRows<Simd>(
          rows, [=](auto s, auto v) { return Elementary<decltype(s)>::leakyRelu(v, s.set(first)); });
    case Activation::sigmoid:
      return mapRows<Simd>(rows, [](auto s, auto v) { return Elementary<decltype(s)>::sigmoid(v); });
    case Activation::tanh:
      return mapRows<Simd>(rows, [](auto s, auto v) { return Elementary<decltype(s)>::tanh(v); });
    case Activation::silu:
      return mapRows<Simd>(rows, [](auto s, auto v) { return Elementary<decltype(s)>::silu(v); });
    case Activation::gelu:
      return mapRows<Simd>(rows, [](auto s, auto v) { return Elementary<decltype(s)>::gelu(v); });
    case Activation::hardswish:
      return mapRows<Simd>(rows, [](auto s, auto v) { return Elementary<decltype(s)>::hardswish(v); });
    case Activation::elu:
      return mapRows<Simd>(rows,
                           [=](auto s, auto v) { return Elementary<decltype(s)>::elu(v, s.set(first)); });
    case Activation::hardsigmoid:
      return mapRows<Simd>(rows, [](auto s, auto v) { return Elementary<decltype(s)>::hardsigmoid(v); });
    case Activation::softplus:
      return mapRows<Simd>(rows, [=](auto s, auto v) {
        return Elementary<decltype(s)>::softplus(v, s.set(first), s.set(second));
      });
  }
}

template <class Simd>
void activateGradientKernel(Activation kind, ActivationParameters parameters, const float* values,
                            const float* upstream, float* gradient, int64_t n) {
  using V = typename Simd::V;
  using D = Derivatives<Simd>;
  const auto each = [&](auto f) { zipKernel<Simd>(values, upstream, gradient, n, f); };
  switch (kind) {
    case Activation::none:
      return each([](V, V up) { return up; });
    case Activation::relu:
      return each([](V y, V up) { return D::relu(y, up); });
    case Activation::relu6:
      return each([](V y, V up) { return D::relu6(y, up); });
    case Activation::leakyRelu:
      return each([=](V x, V up) { return D::leakyRelu(x, up, Simd::set(parameters.first)); });
    case Activation::sigmoid:
      return each([](V y, V up) { return D::sigmoid(y, up); });
    case Activation::tanh:
      return each([](V y, V up) { return D::tanh(y, up); });
    case Activation::silu:
      return each([](V x, V up) { return D::silu(x, up); });
    case Activation::gelu:
      return each([](V x, V up) { return D::gelu(x, up); });
    case Activation::hardswish:
      return each([](V x, V up) { return D::hardswish(x, up); });
    case Activation::elu:
      return each([=](V x, V up) { return D::elu(x, up, Simd::set(parameters.first)); });
    case Activation::hardsigmoid:
      return each([](V x, V up) { return D::hardsigmoid(x, up); });
    case Activation::softplus:
      return each([=](V x, V up) {
        return D::softplus(x, up, Simd::set(parameters.first), Simd::set(parameters.second));
      });
  }
}

// y[i] = f(a[i * aStep], b[i * bStep]), steps 0 or 1; y may be an operand of step 1.
template <class Simd, class F>
void combineBy(const float* a, int aStep, const float* b, int bStep, float* y, int64_t n, F f) {
  using V = typename Simd::V;
  if (aStep == 1 && bStep == 1) return zipKernel<Simd>(a, b, y, n, f);
  if (n == 0) return;
  const V u = Simd::set(*a), v = Simd::set(*b);
  if (aStep == 1) return mapKernel<Simd>(a, y, n, [=](V each) { return f(each, v); });
  if (bStep == 1) return mapKernel<Simd>(b, y, n, [=](V each) { return f(u, each); });
  const V both = f(u, v);
  for (int64_t i = 0; i < n; i += Simd::kLanes) {
    const int64_t rest = n - i;
    if (rest >= Simd::kLanes) Simd::store(y + i, both);
    else Simd::storePartial(y + i, both, static_cast<int>(rest));
  }
}

template <class Simd>
void combineKernel(Arithmetic kind, const float* a, int aStep, const float* b, int bStep, float* y,
                   int64_t n) {
  using V = typename Simd::V;
  const auto by = [&](auto f) { combineBy<Simd>(a, aStep, b, bStep, y, n, f); };
  switch (kind) {
    case Arithmetic::add:
      return by([](V u, V v) { return Simd::add(u, v); });
    case Arithmetic::sub:
      return by([](V u, V v) { return Simd::sub(u, v); });
    case Arithmetic::mul:
      return by([](V u, V v) { return Simd::mul(u, v); });
    case Arithmetic::div:
      return by([](V u, V v) { return Simd::div(u, v); });
  }
}

template <class Simd>
void scaleKernel(float factor, const float* x, float* y, int64_t n) {
  using V = typename Simd::V;
  mapKernel<Simd>(x, y, n, [=](V v) { return Simd::mul(v, Simd::set(factor)); });
}

// high < (low > x ? low : x) ? high : ...: a NaN stays one.
template <class Simd>
void clampKernel(float low, float high, const float* x, float* y, int64_t n) {
  using V = typename Simd::V;
  mapKernel<Simd>(x, y, n,
                  [=](V v) { return Simd::lesser(Simd::set(high), Simd::greater(Simd::set(low), v)); });
}

// y[i] = sqrt(fma(im, im, re * re)) with re = x[2i], im = x[2i + 1]
template <class Simd>
void modulusKernel(const float* x, float* y, int64_t n) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  const auto modulus = [](V lo, V hi) {
    const V re = Simd::even(lo, hi);
    const V im = Simd::odd(lo, hi);
    return Simd::sqrt(Simd::fma(im, im, Simd::mul(re, re)));
  };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    Simd::store(y + i, modulus(Simd::load(x + 2 * i), Simd::load(x + 2 * i + kLanes)));
  }
  const int rest = static_cast<int>(n - i);
  if (rest == 0) return;
  const int low = 2 * rest < kLanes ? 2 * rest : kLanes;
  const V lo = Simd::loadPartial(x + 2 * i, low);
  const V hi = 2 * rest > kLanes ? Simd::loadPartial(x + 2 * i + kLanes, 2 * rest - kLanes) : Simd::zero();
  Simd::storePartial(y + i, modulus(lo, hi), rest);
}

// Lane l of a vector of pairs belongs to number l / 2 of the first half of the vector, or of the second.
template <int kLanes>
struct PairIndex {
  alignas(64) int32_t low[kLanes], high[kLanes];
  constexpr PairIndex() : low(), high() {
    for (int l = 0; l < kLanes; l++) {
      low[l] = l / 2;
      high[l] = (kLanes + l) / 2;
    }
  }
};

// x / |x| is at most 1, so that nothing overflows on the way.
template <class Simd>
void modulusGradientKernel(const float* x, const float* upstream, float* gradient, int64_t n) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  static constexpr PairIndex<kLanes> kIndex;
  const typename Simd::Index low = Simd::loadIndex(kIndex.low), high = Simd::loadIndex(kIndex.high);
  for (int64_t i = 0; i < n; i += kLanes) {
    const int count = n - i < kLanes ? static_cast<int>(n - i) : kLanes;
    const int first = 2 * count < kLanes ? 2 * count : kLanes, second = 2 * count - first;
    const V lo = Simd::loadPartial(x + 2 * i, first);
    const V hi = second > 0 ? Simd::loadPartial(x + 2 * i + kLanes, second) : Simd::zero();
    const V up = Simd::loadPartial(upstream + i, count);
    const V re = Simd::even(lo, hi), im = Simd::odd(lo, hi);
    const V modulus = Simd::sqrt(Simd::fma(im, im, Simd::mul(re, re)));
    const auto half = [&](V part, typename Simd::Index index) {
      const V own = Simd::permute(modulus, index);
      const V scaled = Simd::mul(Simd::permute(up, index), Simd::div(part, own));
      return Simd::select(Simd::less(Simd::zero(), own), scaled, Simd::zero());
    };
    Simd::storePartial(gradient + 2 * i, half(lo, low), first);
    if (second > 0) Simd::storePartial(gradient + 2 * i + kLanes, half(hi, high), second);
  }
}

}  // namespace
}  // namespace convkit
