// Derivatives of the activations times what comes from above, of float32 vectors: like elementary.h each one
// fixed sequence of operations, which lib/numerics/derivatives.ts mirrors. NaN passes where PyTorch lets it
// pass.
#pragma once

#include "elementwise/elementary.h"

namespace convkit {
namespace {

template <class Simd>
struct Derivatives {
  using V = typename Simd::V;
  using Mask = typename Simd::Mask;
  using F = Elementary<Simd>;

  static V set(float x) { return Simd::set(x); }
  static V one() { return Simd::set(1.0f); }

  // Below the smallest float above zero: at most zero, and no NaN.
  static Mask notAboveZero(V x) { return Simd::less(x, set(0x1p-149f)); }

  // Of results: y > 0 where x > 0.
  static V relu(V y, V up) { return Simd::select(notAboveZero(y), Simd::zero(), up); }
  static V relu6(V y, V up) {
    const Mask full = Simd::less(set(0x1.7ffffep+2f), y);  // the float below 6
    return Simd::select(notAboveZero(y), Simd::zero(), Simd::select(full, Simd::zero(), up));
  }
  static V sigmoid(V y, V up) { return Simd::mul(up, Simd::mul(y, Simd::sub(one(), y))); }
  static V tanh(V y, V up) { return Simd::mul(up, Simd::fnma(y, y, one())); }

  // Of the argument, or of the result where the slope is not negative: their signs agree.
  static V leakyRelu(V x, V up, V slope) {
    return Simd::select(Simd::less(Simd::zero(), x), up, Simd::mul(slope, up));
  }

  // Of arguments from here on.

  // s(x) * (1 + x * s(-x)), both sigmoids from one exponential.
  static V silu(V x, V up) {
    const V small = F::exp(Simd::sub(Simd::zero(), Simd::abs(x)));
    const V larger = Simd::div(one(), Simd::add(small, one()));
    const V smaller = Simd::mul(small, larger);
    const Mask negative = Simd::less(x, Simd::zero());
    const V own = Simd::select(negative, smaller, larger);
    const V other = Simd::select(negative, larger, smaller);
    const V bounded = Simd::lesser(set(115.0f), Simd::greater(set(-115.0f), x));
    return Simd::mul(up, Simd::mul(own, Simd::fma(bounded, other, one())));
  }

  // Phi(x) + x * phi(x): with t = |x|, d = e^(-t^2 / 2) * (Q(t) - t / sqrt(2 pi)) left of zero, 1 - d right
  // of it.
  static V gelu(V x, V up) {
    const V t = Simd::lesser(set(15.0f), Simd::abs(x));
    const V square = Simd::mul(t, t);
    const V lost = Simd::fnma(t, t, square);
    const typename F::Split e = F::split(Simd::mul(square, set(-0.5f)), Simd::mul(lost, set(0.5f)));
    const typename F::Ratio q = F::normalTail(t);
    const V difference = Simd::fnma(t, set(0x1.988454p-2f), Simd::div(q.top, q.bottom));
    const V d = F::scale(Simd::mul(Simd::add(e.s, one()), difference), e.n);
    const V slope = Simd::select(Simd::less(x, Simd::zero()), d, Simd::sub(one(), d));
    return Simd::mul(up, slope);
  }

  // 0 up to -3, 1 from 3 on, x / 3 + 1 / 2 between.
  static V hardswish(V x, V up) {
    const V between = Simd::mul(up, Simd::add(Simd::div(x, set(3.0f)), set(0.5f)));
    const V right = Simd::select(Simd::less(x, set(3.0f)), between, up);
    return Simd::select(Simd::less(x, set(-0x1.7ffffep+1f)), Simd::zero(), right);  // the float above -3
  }

  static V elu(V x, V up, V alpha) {
    const V power = F::exp(Simd::lesser(Simd::zero(), x));
    return Simd::select(Simd::less(Simd::zero(), x), up, Simd::mul(up, Simd::mul(alpha, power)));
  }

  static V hardsigmoid(V x, V up) {
    const V inside = Simd::select(Simd::less(x, set(3.0f)), Simd::div(up, set(6.0f)), Simd::zero());
    return Simd::select(Simd::less(set(-3.0f), x), inside, Simd::zero());
  }

  static V softplus(V x, V up, V beta, V threshold) {
    const V u = Simd::mul(beta, x);
    return Simd::select(Simd::less(threshold, u), up, Simd::mul(up, F::sigmoid(u)));
  }
};

}  // namespace
}  // namespace convkit
