// Elementary functions of float32 vectors, each one fixed sequence of + - * / fma and selections, so that
// every instruction set and lib/numerics/elementary.ts, which mirrors this file step by step, give the same
// bits. (Powers of two are exact however they are made: here from the bits of a sum.) Coefficients come from
// scripts/fit-elementary.py. A comparison is written `greater(c, x)`, which is c > x ? c : x, where NaN has
// to pass through.
#pragma once

namespace convkit {
namespace {

template <class Simd>
struct Elementary {
  using V = typename Simd::V;
  using Mask = typename Simd::Mask;

  static V set(float x) { return Simd::set(x); }

  // 1.5 * 2^23: a sum with it has no room for a fraction, and its lowest bits are the other number's.
  static constexpr float kRounder = 12582912.0f;

  // e^(x + low) = (1 + s) * 2^n with n whole and s in [-0.3, 0.42], for -115 <= x <= 89 and tiny low. A NaN
  // in x reaches s: then no power matters.
  struct Split {
    V s, n, shifted, power;  // shifted: for timesPower; power: 2^(n + lift)
  };
  static Split split(V x, V low, float lift = 0.0f) {
    const V shifted = Simd::fma(x, set(0x1.715476p+0f), set(kRounder + lift));
    const V n = Simd::sub(shifted, set(kRounder + lift));
    V r = Simd::fnma(n, set(0x1.62e4p-1f), x);
    r = Simd::add(r, Simd::fnma(n, set(0x1.7f7d1cp-20f), low));
    V q = set(0x1.6bab38p-10f);
    q = Simd::fma(q, r, set(0x1.123658p-7f));
    q = Simd::fma(q, r, set(0x1.5556eap-5f));
    q = Simd::fma(q, r, set(0x1.555498p-3f));
    q = Simd::fma(q, r, set(0x1.fffffep-2f));
    return {Simd::fma(q, Simd::mul(r, r), r), n, shifted, Simd::power(shifted)};
  }

  // x * 2^n in two exact powers, so that only a subnormal result rounds, and only once.
  static V scale(V x, V n) {
    const V rounder = set(kRounder);
    const V half = Simd::add(Simd::mul(n, set(0.5f)), rounder);
    const V rest = Simd::add(Simd::sub(n, Simd::sub(half, rounder)), rounder);
    return Simd::mul(Simd::mul(x, Simd::power(half)), Simd::power(rest));
  }

  static V exp(V x) {
    const V bounded = Simd::lesser(set(89.0f), Simd::greater(set(-115.0f), x));
    const Split e = split(bounded, Simd::zero());
    return scale(Simd::add(e.s, set(1.0f)), e.n);
  }

  // With e = e^(2|x|) - 1: tanh |x| = e / (e + 2), accurate near zero too because n is 0 there.
  static V tanh(V x) {
    const V doubled = Simd::lesser(set(40.0f), Simd::mul(Simd::abs(x), set(2.0f)));
    const Split e = split(doubled, Simd::zero());
    const V minusOne = Simd::fma(e.power, e.s, Simd::sub(e.power, set(1.0f)));
    const V y = Simd::div(minusOne, Simd::add(minusOne, set(2.0f)));
    return Simd::select(Simd::less(x, Simd::zero()), Simd::sub(Simd::zero(), y), y);
  }

  // x >= 0: top / (1 + e^-x); x < 0: top * e^x / (1 + e^x), with the product in `top`. The power is 2^64
  // times too large (`lifted`) up to the last product, so that nothing underflows early.
  static V depthOf(V x) { return Simd::greater(set(-115.0f), Simd::negativeAbs(x)); }
  static V logistic(Mask negative, V lifted, V top) {
    const V y = Simd::div(top, Simd::fma(lifted, set(0x1p-64f), set(1.0f)));
    return Simd::select(negative, Simd::mul(y, set(0x1p-64f)), y);
  }

  // A NaN reaches the result through the power's factor.
  static V sigmoid(V x) {
    const Mask negative = Simd::less(x, Simd::zero());
    const Split e = split(depthOf(x), Simd::zero(), 64.0f);
    const V lifted = Simd::mul(Simd::add(e.s, set(1.0f)), e.power);
    return logistic(negative, lifted, Simd::select(negative, lifted, set(1.0f)));
  }

  // A NaN reaches the result as the factor x, whatever the power. At -infinity that factor stops at -115,
  // where the product has underflowed. 4096 elements in a call, AVX-512: 1.19 us with a negation, a bound and
  // a product more, 1.14 so; AVX2 2.02 and 1.90.
  static V siluAnywhere(V x) {
    const Mask negative = Simd::less(x, Simd::zero());
    const V depth = depthOf(x);
    const Split e = split(depth, Simd::zero(), 64.0f);
    const V lifted = Simd::timesPower(Simd::add(e.s, set(1.0f)), e.shifted);
    return logistic(negative, lifted, Simd::select(negative, Simd::mul(depth, lifted), x));
  }

  // The same bits for |x| < kNear, where nothing underflows early: no bound, no lift, no scale. 4096 elements
  // in a call, AVX-512: 0.58 us without it, 0.52 so; AVX2 1.35 and 1.11.
  static constexpr float kNear = 80.0f;
  static V siluNear(V x, V depth) {
    const Split e = split(depth, Simd::zero());
    const V power = Simd::timesPower(Simd::add(e.s, set(1.0f)), e.shifted);
    const V top = Simd::select(Simd::less(x, Simd::zero()), Simd::mul(x, power), x);
    return Simd::div(top, Simd::add(power, set(1.0f)));
  }
  static V silu(V x) {
    const V depth = Simd::negativeAbs(x);
    return Simd::isAbove(depth, -kNear) ? siluNear(x, depth) : siluAnywhere(x);
  }

  // Q(t) of gelu.
  struct Ratio {
    V top, bottom;
  };
  static Ratio normalTail(V t) {
    V top = set(0x1.0c470ap-8f);
    top = Simd::fma(top, t, set(0x1.4bc66ep-5f));
    top = Simd::fma(top, t, set(0x1.768386p-3f));
    top = Simd::fma(top, t, set(0x1.c059f8p-2f));
    top = Simd::fma(top, t, set(0.5f));
    V bottom = set(0x1.503b68p-7f);
    bottom = Simd::fma(bottom, t, set(0x1.9fd85p-4f));
    bottom = Simd::fma(bottom, t, set(0x1.dfbc88p-2f));
    bottom = Simd::fma(bottom, t, set(0x1.3377f2p+0f));
    bottom = Simd::fma(bottom, t, set(0x1.ac6f2ap+0f));
    bottom = Simd::fma(bottom, t, set(1.0f));
    return {top, bottom};
  }

  // x * Phi(x), where Phi(-t) = e^(-t^2 / 2) * Q(t) and Q is a ratio of polynomials with positive
  // coefficients. t^2 / 2 is rounded, and what it lost goes into the exponential as its low part.
  static V gelu(V x) {
    const V t = Simd::lesser(set(15.0f), Simd::abs(x));
    const V square = Simd::mul(t, t);
    const V lost = Simd::fnma(t, t, square);
    const Split e = split(Simd::mul(square, set(-0.5f)), Simd::mul(lost, set(0.5f)));
    const Ratio q = normalTail(t);
    const V tail = Simd::div(Simd::mul(Simd::add(e.s, set(1.0f)), q.top), q.bottom);
    const V below = scale(Simd::mul(Simd::greater(set(-15.0f), x), tail), e.n);
    const V above = Simd::fnma(t, scale(tail, e.n), x);
    return Simd::select(Simd::less(x, Simd::zero()), below, above);
  }

  // x * clamp(x + 3, 0, 6) / 6, dividing before x so that large values stay finite.
  static V hardswish(V x) {
    const V ramp = Simd::lesser(set(6.0f), Simd::greater(Simd::zero(), Simd::add(x, set(3.0f))));
    return Simd::mul(Simd::greater(set(-3.0f), x), Simd::div(ramp, set(6.0f)));
  }

  // log(1 + t) for 0 <= t <= 1: beyond sqrt(2) - 1 as log(2) + log(1 + (t - 1) / 2).
  static V log1pOfFraction(V t) {
    const Mask upper = Simd::less(set(0x1.a8279ap-2f), t);
    const V r = Simd::select(upper, Simd::mul(Simd::sub(t, set(1.0f)), set(0.5f)), t);
    const V n = Simd::select(upper, set(1.0f), Simd::zero());
    V p = set(-0x1.38edaep-4f);
    p = Simd::fma(p, r, set(0x1.0586bcp-3f));
    p = Simd::fma(p, r, set(-0x1.0d8ef6p-3f));
    p = Simd::fma(p, r, set(0x1.22d4eep-3f));
    p = Simd::fma(p, r, set(-0x1.5470dcp-3f));
    p = Simd::fma(p, r, set(0x1.99a036p-3f));
    p = Simd::fma(p, r, set(-0x1.00022cp-2f));
    p = Simd::fma(p, r, set(0x1.555554p-2f));
    p = Simd::fma(p, r, set(-0.5f));
    const V tail = Simd::fma(p, Simd::mul(r, r), Simd::mul(n, set(0x1.7f7d1cp-20f)));
    return Simd::fma(n, set(0x1.62e4p-1f), Simd::add(r, tail));
  }

  // alpha * (e^x - 1) left of zero, where e^x - 1 is accurate near zero because n is 0 there.
  static V elu(V x, V alpha) {
    const V bounded = Simd::lesser(Simd::zero(), Simd::greater(set(-18.0f), x));
    const Split e = split(bounded, Simd::zero());
    const V minusOne = Simd::fma(e.power, e.s, Simd::sub(e.power, set(1.0f)));
    return Simd::select(Simd::less(Simd::zero(), x), x, Simd::mul(alpha, minusOne));
  }

  // clamp(x + 3, 0, 6) / 6
  static V hardsigmoid(V x) { return Simd::div(relu6(Simd::add(x, set(3.0f))), set(6.0f)); }

  // log(1 + e^(beta * x)) / beta, and x where beta * x passes the threshold.
  static V softplus(V x, V beta, V threshold) {
    const V u = Simd::mul(beta, x);
    const V small = exp(Simd::sub(Simd::zero(), Simd::abs(u)));
    const V y = Simd::div(Simd::add(relu(u), log1pOfFraction(small)), beta);
    return Simd::select(Simd::less(threshold, u), x, y);
  }

  static V relu(V x) { return Simd::greater(Simd::zero(), x); }
  static V relu6(V x) { return Simd::lesser(set(6.0f), relu(x)); }
  static V leakyRelu(V x, V slope) {
    return Simd::select(Simd::less(Simd::zero(), x), x, Simd::mul(slope, x));
  }
};

}  // namespace
}  // namespace convkit
