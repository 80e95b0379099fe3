// One step of an optimiser over a run of elements. Each element's update is one fixed sequence of operations,
// which lib/backend/reference/optim.ts repeats. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

// Calls body(i, load, store) for every vector of [0, n); the last may be partial.
template <class Simd, class Body>
void forEachVector(int64_t n, Body body) {
  using V = typename Simd::V;
  int64_t i = 0;
  for (; i + Simd::kLanes <= n; i += Simd::kLanes) {
    body(
        i, [](const float* p) { return Simd::load(p); }, [](float* p, V v) { Simd::store(p, v); });
  }
  const int rest = static_cast<int>(n - i);
  if (rest > 0) {
    body(
        i, [rest](const float* p) { return Simd::loadPartial(p, rest); },
        [rest](float* p, V v) { Simd::storePartial(p, v, rest); });
  }
}

//   g = fma(decay, p, sign * gradient)
//   m = first ? g : fma(momentum, m, keep * g)         where there is a momentum
//   d = m, or with nesterov fma(momentum, m, g); g where there is no momentum
//   p = p - rate * d, fused
template <class Simd>
void sgdKernel(const SgdStep& step, float* parameter, const float* gradient, float* momentum, int64_t n) {
  using V = typename Simd::V;
  const V rate = Simd::set(step.rate), decay = Simd::set(step.decay), factor = Simd::set(step.momentum),
          keep = Simd::set(step.keep), sign = Simd::set(step.sign);
  const auto decayed = [&](V p, V g) { return Simd::fma(decay, p, Simd::mul(sign, g)); };
  if (momentum == nullptr) {
    forEachVector<Simd>(n, [&](int64_t i, auto load, auto store) {
      const V p = load(parameter + i);
      store(parameter + i, Simd::fnma(rate, decayed(p, load(gradient + i)), p));
    });
    return;
  }
  const bool first = step.first, nesterov = step.nesterov;
  forEachVector<Simd>(n, [&](int64_t i, auto load, auto store) {
    const V p = load(parameter + i);
    const V g = decayed(p, load(gradient + i));
    const V m = first ? g : Simd::fma(factor, load(momentum + i), Simd::mul(keep, g));
    store(momentum + i, m);
    const V d = nesterov ? Simd::fma(factor, m, g) : m;
    store(parameter + i, Simd::fnma(rate, d, p));
  });
}

//   g = fma(decay, p, sign * gradient)
//   q = p - shrink * p, fused
//   m = fma(fresh1, g - m, m)
//   v = fma(fresh2, fma(g, g, -v), v)
//   s = v, or with `largest` the largest v so far
//   p = q - rate * (m / (sqrt(s) / root + eps)), the outer product fused
template <class Simd>
void adamKernel(const AdamStep& step, float* parameter, const float* gradient, float* mean, float* variance,
                float* largest, int64_t n) {
  using V = typename Simd::V;
  const V rate = Simd::set(step.rate), root = Simd::set(step.root), eps = Simd::set(step.eps),
          fresh1 = Simd::set(step.fresh1), fresh2 = Simd::set(step.fresh2), decay = Simd::set(step.decay),
          shrink = Simd::set(step.shrink), sign = Simd::set(step.sign);
  const bool keepsLargest = largest != nullptr;
  forEachVector<Simd>(n, [&](int64_t i, auto load, auto store) {
    const V p = load(parameter + i);
    const V g = Simd::fma(decay, p, Simd::mul(sign, load(gradient + i)));
    const V m0 = load(mean + i), v0 = load(variance + i);
    const V m = Simd::fma(fresh1, Simd::sub(g, m0), m0);
    const V v = Simd::fma(fresh2, Simd::fma(g, g, Simd::sub(Simd::zero(), v0)), v0);
    store(mean + i, m);
    store(variance + i, v);
    V s = v;
    if (keepsLargest) {
      s = Simd::greater(load(largest + i), v);
      store(largest + i, s);
    }
    const V divisor = Simd::add(Simd::div(Simd::sqrt(s), root), eps);
    store(parameter + i, Simd::fnma(rate, Simd::div(m, divisor), Simd::fnma(shrink, p, p)));
  });
}

}  // namespace
}  // namespace convkit
