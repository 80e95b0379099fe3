// NEON of 64-bit ARM: four lanes. Intrinsics and plain tables only, as in avx512.cpp.
#include <arm_neon.h>

#include "isa/table.h"

namespace convkit {
namespace {

struct Simd {
  using V = float32x4_t;
  using Mask = uint32x4_t;
  using Index = uint8x16_t;  // byte positions of the lanes
  static constexpr int kLanes = 4;
  static constexpr int kRegisters = 32;
  static constexpr RunShape kDepthwiseRun{2, 8}, kGroupedRun{4, 4};

  struct Wide {
    float64x2_t low, high;
  };
  static Wide widen(V v) { return {vcvt_f64_f32(vget_low_f32(v)), vcvt_high_f64_f32(v)}; }
  static V narrow(Wide w) { return vcvt_high_f32_f64(vcvt_f32_f64(w.low), w.high); }
  static Wide add(Wide a, Wide b) { return {vaddq_f64(a.low, b.low), vaddq_f64(a.high, b.high)}; }
  static Wide sub(Wide a, Wide b) { return {vsubq_f64(a.low, b.low), vsubq_f64(a.high, b.high)}; }
  static Wide mul(Wide a, double b) { return {vmulq_n_f64(a.low, b), vmulq_n_f64(a.high, b)}; }
  static Wide mul(Wide a, Wide b) { return {vmulq_f64(a.low, b.low), vmulq_f64(a.high, b.high)}; }
  static Wide loadWide(const double* p) { return {vld1q_f64(p), vld1q_f64(p + 2)}; }
  static void storeWide(double* p, Wide w) {
    vst1q_f64(p, w.low);
    vst1q_f64(p + 2, w.high);
  }

  static constexpr bool kQuads = false;
  static constexpr int kTailRows[3] = {}, kTailDepth = 0;

  static V zero() { return vdupq_n_f32(0.0f); }
  static V set(float x) { return vdupq_n_f32(x); }
  static V load(const float* p) { return vld1q_f32(p); }
  static void store(float* p, V v) { vst1q_f32(p, v); }
  static V loadPartial(const float* p, int n) {
    V v = zero();
    if (n > 0) v = vld1q_lane_f32(p, v, 0);
    if (n > 1) v = vld1q_lane_f32(p + 1, v, 1);
    if (n > 2) v = vld1q_lane_f32(p + 2, v, 2);
    if (n > 3) v = vld1q_lane_f32(p + 3, v, 3);
    return v;
  }
  static void storePartial(float* p, V v, int n) {
    if (n > 0) vst1q_lane_f32(p, v, 0);
    if (n > 1) vst1q_lane_f32(p + 1, v, 1);
    if (n > 2) vst1q_lane_f32(p + 2, v, 2);
    if (n > 3) vst1q_lane_f32(p + 3, v, 3);
  }

  static V add(V a, V b) { return vaddq_f32(a, b); }
  static V sub(V a, V b) { return vsubq_f32(a, b); }
  static V mul(V a, V b) { return vmulq_f32(a, b); }
  static V div(V a, V b) { return vdivq_f32(a, b); }
  static V sqrt(V a) { return vsqrtq_f32(a); }
  static V fma(V a, V b, V c) { return vfmaq_f32(c, a, b); }
  static V fnma(V a, V b, V c) { return vfmsq_f32(c, a, b); }
  // Not vmaxq and vminq: those make a NaN of either NaN and order the zeros.
  static V greater(V a, V b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
  static V lesser(V a, V b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
  static V abs(V a) { return vabsq_f32(a); }
  static V negativeAbs(V a) { return vnegq_f32(vabsq_f32(a)); }
  // Of numbers below +0: the lower one, a NaN before any; and whether all are above `bound`, none a NaN.
  static V deeper(V a, V b) {
    return vreinterpretq_f32_u32(vmaxq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b)));
  }
  static bool isAbove(V a, float bound) { return vminvq_u32(less(set(bound), a)) != 0; }
  static Mask less(V a, V b) { return vcltq_f32(a, b); }
  static Mask isNan(V a) { return vmvnq_u32(vceqq_f32(a, a)); }
  static V select(Mask m, V yes, V no) { return vbslq_f32(m, yes, no); }
  static V power(V shifted) {
    return vreinterpretq_f32_s32(
        vaddq_s32(vshlq_n_s32(vreinterpretq_s32_f32(shifted), 23), vdupq_n_s32(127 << 23)));
  }
  static V timesPower(V a, V shifted) {
    return vreinterpretq_f32_s32(
        vaddq_s32(vshlq_n_s32(vreinterpretq_s32_f32(shifted), 23), vreinterpretq_s32_f32(a)));
  }

  static Index loadIndex(const int32_t* p) {
    const uint32x4_t lane = vreinterpretq_u32_s32(vld1q_s32(p));
    return vreinterpretq_u8_u32(vmlaq_n_u32(vdupq_n_u32(0x03020100u), lane, 0x04040404u));
  }
  static Index step(Index i) { return vaddq_u8(i, vdupq_n_u8(4)); }
  static V permute(V v, Index i) { return vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(v), i)); }
  static V even(V lo, V hi) { return vuzp1q_f32(lo, hi); }
  static V odd(V lo, V hi) { return vuzp2q_f32(lo, hi); }
};

}  // namespace

// 32 registers: 6 x 4 accumulators, 4 weights and a broadcast.
extern const Kernels kNeonKernels;
constexpr Kernels kNeonKernels = makeKernels<Simd, 14, 12, 8, 6, 12, 14, 14>("neon");

}  // namespace convkit
