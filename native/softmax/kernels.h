// Rows of a softmax. Sums along a row have 16 partials on every instruction set, element i in partial i mod
// 16; then partial k takes k + 8, k + 4, k + 2 and k + 1. Included once per instruction set.
#pragma once

#include "elementwise/elementary.h"
#include "isa/kernels.h"

namespace convkit {
namespace {

constexpr int kPartials = 16;

// Lanes of the vector that begins at element i of n, at least 0.
template <class Simd>
int lanesAt(int64_t i, int64_t n) {
  return n - i < Simd::kLanes ? (n > i ? static_cast<int>(n - i) : 0) : Simd::kLanes;
}

template <class Simd>
typename Simd::V loadAt(const float* p, int64_t i, int n) {
  return n == Simd::kLanes ? Simd::load(p + i) : Simd::loadPartial(p + i, n);
}

template <class Simd>
void storeAt(float* p, int64_t i, typename Simd::V v, int n) {
  if (n == Simd::kLanes) Simd::store(p + i, v);
  else Simd::storePartial(p + i, v, n);
}

// accumulate(partial, i, lanes) adds the vector at i to its partial, and +0 in lanes that are not there.
template <class Simd, class Accumulate>
float sumRow(int64_t n, Accumulate accumulate) {
  constexpr int kVectors = kPartials / Simd::kLanes;
  typename Simd::V partial[kVectors];
#pragma GCC unroll 16
  for (int j = 0; j < kVectors; j++) partial[j] = Simd::zero();
  for (int64_t i = 0; i < n; i += kPartials) {
#pragma GCC unroll 16
    for (int j = 0; j < kVectors; j++) {
      const int64_t at = i + j * Simd::kLanes;
      const int lanes = lanesAt<Simd>(at, n);
      if (lanes > 0) partial[j] = accumulate(partial[j], at, lanes);
    }
  }
  float sums[kPartials];
#pragma GCC unroll 16
  for (int j = 0; j < kVectors; j++) Simd::store(sums + j * Simd::kLanes, partial[j]);
  for (int half = kPartials / 2; half > 0; half /= 2)
    for (int k = 0; k < half; k++) sums[k] = sums[k] + sums[k + half];
  return sums[0];
}

// NaN where an element is NaN.
template <class Simd>
float rowMaximum(const float* x, int64_t n) {
  float m = x[0];
  for (int64_t i = 1; i < n; i++) m = x[i] > m || x[i] != x[i] ? x[i] : m;
  return m;
}

// y[i] = e^(x[i] - m); their sum.
template <class Simd>
float rowExponentials(const float* x, float m, float* y, int64_t n) {
  return sumRow<Simd>(n, [&](typename Simd::V partial, int64_t i, int lanes) {
    const auto e = Elementary<Simd>::exp(Simd::sub(loadAt<Simd>(x, i, lanes), Simd::set(m)));
    storeAt<Simd>(y, i, e, lanes);
    return Simd::add(partial, loadAt<Simd>(y, i, lanes));  // again, for the lanes that are not there
  });
}

// The sum of a[i], or of a[i] * b[i] by FMAs where there is a b.
template <class Simd>
float rowSum(const float* a, const float* b, int64_t n) {
  return sumRow<Simd>(n, [&](typename Simd::V partial, int64_t i, int lanes) {
    const auto v = loadAt<Simd>(a, i, lanes);
    return b == nullptr ? Simd::add(partial, v) : Simd::fma(v, loadAt<Simd>(b, i, lanes), partial);
  });
}

template <class Simd, class Make>
void eachVector(float* y, int64_t n, Make make) {
  for (int64_t i = 0; i < n; i += Simd::kLanes) {
    const int lanes = lanesAt<Simd>(i, n);
    storeAt<Simd>(y, i, make(i, lanes), lanes);
  }
}

// y[i] = y[i] / divisor
template <class Simd>
void rowDivide(float* y, float divisor, int64_t n) {
  eachVector<Simd>(
      y, n, [&](int64_t i, int lanes) { return Simd::div(loadAt<Simd>(y, i, lanes), Simd::set(divisor)); });
}

// y[i] = y[i] * factor
template <class Simd>
void rowScale(float* y, float factor, int64_t n) {
  eachVector<Simd>(
      y, n, [&](int64_t i, int lanes) { return Simd::mul(loadAt<Simd>(y, i, lanes), Simd::set(factor)); });
}

// y[i] = (x[i] - first) - second
template <class Simd>
void rowSubtract(const float* x, float first, float second, float* y, int64_t n) {
  eachVector<Simd>(y, n, [&](int64_t i, int lanes) {
    return Simd::sub(Simd::sub(loadAt<Simd>(x, i, lanes), Simd::set(first)), Simd::set(second));
  });
}

// gradient[i] = y[i] * (upstream[i] - sum), or with logarithms y upstream[i] - e^y[i] * sum
template <class Simd>
void rowSoftmaxGradient(bool log, const float* y, const float* upstream, float sum, float* gradient,
                        int64_t n) {
  eachVector<Simd>(gradient, n, [&](int64_t i, int lanes) {
    const auto own = loadAt<Simd>(y, i, lanes), u = loadAt<Simd>(upstream, i, lanes);
    if (log) return Simd::fnma(Elementary<Simd>::exp(own), Simd::set(sum), u);
    return Simd::mul(own, Simd::sub(u, Simd::set(sum)));
  });
}

// gradient[i] = fma(e^x[i], factor, -(share * weight[i])), all weights 1 where there are none
template <class Simd>
void rowCrossEntropyGradient(const float* x, float factor, float share, const float* weight, float* gradient,
                             int64_t n) {
  eachVector<Simd>(gradient, n, [&](int64_t i, int lanes) {
    const auto own =
        weight == nullptr ? Simd::set(share) : Simd::mul(Simd::set(share), loadAt<Simd>(weight, i, lanes));
    return Simd::fma(Elementary<Simd>::exp(loadAt<Simd>(x, i, lanes)), Simd::set(factor),
                     Simd::sub(Simd::zero(), own));
  });
}

}  // namespace
}  // namespace convkit
