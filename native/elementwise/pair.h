// Two vectors in place of one, for functions that are one long chain of operations: what one vector waits for
// is a step of the other. Included once per instruction set.
#pragma once

namespace convkit {
namespace {

// What elementary.h asks of a Simd, for two of its vectors; a Pair of Pairs has four.
template <class Simd>
struct Pair {
  using Half = typename Simd::V;
  struct V {
    Half low, high;
  };
  struct Mask {
    typename Simd::Mask low, high;
  };
  static constexpr int kLanes = 2 * Simd::kLanes;

  static V zero() { return {Simd::zero(), Simd::zero()}; }
  static V set(float x) { return {Simd::set(x), Simd::set(x)}; }
  static V load(const float* p) { return {Simd::load(p), Simd::load(p + Simd::kLanes)}; }
  static void store(float* p, V v) {
    Simd::store(p, v.low);
    Simd::store(p + Simd::kLanes, v.high);
  }

  static V add(V a, V b) { return {Simd::add(a.low, b.low), Simd::add(a.high, b.high)}; }
  static V sub(V a, V b) { return {Simd::sub(a.low, b.low), Simd::sub(a.high, b.high)}; }
  static V mul(V a, V b) { return {Simd::mul(a.low, b.low), Simd::mul(a.high, b.high)}; }
  static V div(V a, V b) { return {Simd::div(a.low, b.low), Simd::div(a.high, b.high)}; }
  static V fma(V a, V b, V c) { return {Simd::fma(a.low, b.low, c.low), Simd::fma(a.high, b.high, c.high)}; }
  static V fnma(V a, V b, V c) {
    return {Simd::fnma(a.low, b.low, c.low), Simd::fnma(a.high, b.high, c.high)};
  }
  static V greater(V a, V b) { return {Simd::greater(a.low, b.low), Simd::greater(a.high, b.high)}; }
  static V lesser(V a, V b) { return {Simd::lesser(a.low, b.low), Simd::lesser(a.high, b.high)}; }
  static V abs(V a) { return {Simd::abs(a.low), Simd::abs(a.high)}; }
  static V negativeAbs(V a) { return {Simd::negativeAbs(a.low), Simd::negativeAbs(a.high)}; }
  static V deeper(V a, V b) { return {Simd::deeper(a.low, b.low), Simd::deeper(a.high, b.high)}; }
  static bool isAbove(V a, float bound) { return Simd::isAbove(Simd::deeper(a.low, a.high), bound); }
  static Mask less(V a, V b) { return {Simd::less(a.low, b.low), Simd::less(a.high, b.high)}; }
  static V select(Mask m, V yes, V no) {
    return {Simd::select(m.low, yes.low, no.low), Simd::select(m.high, yes.high, no.high)};
  }
  static V power(V shifted) { return {Simd::power(shifted.low), Simd::power(shifted.high)}; }
  static V timesPower(V a, V shifted) {
    return {Simd::timesPower(a.low, shifted.low), Simd::timesPower(a.high, shifted.high)};
  }
};

}  // namespace
}  // namespace convkit
