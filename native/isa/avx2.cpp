// AVX2 with FMA: eight lanes. Intrinsics and plain tables only, as in avx512.cpp.
#include <immintrin.h>

#include "isa/table.h"

namespace convkit {
namespace {

alignas(64) constexpr int32_t kMaskSource[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

struct Simd {
  using V = __m256;
  using Mask = __m256;
  using Index = __m256i;
  static constexpr int kLanes = 8;
  static constexpr int kRegisters = 16;
  static constexpr RunShape kDepthwiseRun{2, 5}, kGroupedRun{4, 2};

  struct Wide {
    __m256d low, high;
  };
  static Wide widen(V v) {
    return {_mm256_cvtps_pd(_mm256_castps256_ps128(v)), _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1))};
  }
  static V narrow(Wide w) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(w.low)), _mm256_cvtpd_ps(w.high), 1);
  }
  static Wide add(Wide a, Wide b) { return {_mm256_add_pd(a.low, b.low), _mm256_add_pd(a.high, b.high)}; }
  static Wide sub(Wide a, Wide b) { return {_mm256_sub_pd(a.low, b.low), _mm256_sub_pd(a.high, b.high)}; }
  static Wide mul(Wide a, double b) {
    return {_mm256_mul_pd(a.low, _mm256_set1_pd(b)), _mm256_mul_pd(a.high, _mm256_set1_pd(b))};
  }
  static Wide mul(Wide a, Wide b) { return {_mm256_mul_pd(a.low, b.low), _mm256_mul_pd(a.high, b.high)}; }
  static Wide loadWide(const double* p) { return {_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4)}; }
  static void storeWide(double* p, Wide w) {
    _mm256_storeu_pd(p, w.low);
    _mm256_storeu_pd(p + 4, w.high);
  }

  static constexpr bool kQuads = false;

  static V zero() { return _mm256_setzero_ps(); }
  static V set(float x) { return _mm256_set1_ps(x); }
  static V load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, V v) { _mm256_storeu_ps(p, v); }
  static V loadPartial(const float* p, int n) { return _mm256_maskload_ps(p, first(n)); }
  static void storePartial(float* p, V v, int n) { _mm256_maskstore_ps(p, first(n), v); }

  // As in avx512.cpp; 5 x 2 sums leave registers for the tail's, its inputs, two weights and a broadcast.
  static constexpr int kTailRows[3] = {8, 5, 0}, kTailDepth = 1;
  static constexpr bool kBlends = true;
  // x in one lane, known when this is compiled, v in the others.
  static V blend(V v, V x, int lane) {
    switch (lane) {
      case 1:
        return _mm256_blend_ps(v, x, 1 << 1);
      case 2:
        return _mm256_blend_ps(v, x, 1 << 2);
      case 3:
        return _mm256_blend_ps(v, x, 1 << 3);
      case 4:
        return _mm256_blend_ps(v, x, 1 << 4);
      case 5:
        return _mm256_blend_ps(v, x, 1 << 5);
      case 6:
        return _mm256_blend_ps(v, x, 1 << 6);
      case 7:
        return _mm256_blend_ps(v, x, 1 << 7);
      default:
        return _mm256_blend_ps(v, x, 1);
    }
  }

  static V add(V a, V b) { return _mm256_add_ps(a, b); }
  static V sub(V a, V b) { return _mm256_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm256_mul_ps(a, b); }
  static V div(V a, V b) { return _mm256_div_ps(a, b); }
  static V sqrt(V a) { return _mm256_sqrt_ps(a); }
  static V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
  static V fnma(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); }
  static V greater(V a, V b) { return _mm256_max_ps(a, b); }
  static V lesser(V a, V b) { return _mm256_min_ps(a, b); }
  static V abs(V a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
  static V negativeAbs(V a) { return _mm256_or_ps(a, set(-0.0f)); }
  // Of numbers below +0: the lower one, a NaN before any; and whether all are above `bound`, none a NaN.
  static V deeper(V a, V b) {
    return _mm256_castsi256_ps(_mm256_max_epu32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
  }
  static bool isAbove(V a, float bound) { return _mm256_movemask_ps(less(set(bound), a)) == 0xff; }
  static Mask less(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
  static Mask isNan(V a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
  static V select(Mask m, V yes, V no) { return _mm256_blendv_ps(no, yes, m); }
  static V power(V shifted) {
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_slli_epi32(_mm256_castps_si256(shifted), 23), _mm256_set1_epi32(127 << 23)));
  }
  static V timesPower(V a, V shifted) {
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_slli_epi32(_mm256_castps_si256(shifted), 23), _mm256_castps_si256(a)));
  }

  static Index loadIndex(const int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static Index step(Index i) { return _mm256_add_epi32(i, _mm256_set1_epi32(1)); }
  static V permute(V v, Index i) { return _mm256_permutevar8x32_ps(v, i); }
  static V even(V lo, V hi) { return inOrder(_mm256_shuffle_ps(lo, hi, 0x88)); }
  static V odd(V lo, V hi) { return inOrder(_mm256_shuffle_ps(lo, hi, 0xdd)); }

 private:
  static __m256i first(int n) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMaskSource + kLanes - n));
  }
  // A shuffle works within halves: lo0 hi0 | lo1 hi1 as pairs of lanes becomes lo0 lo1 hi0 hi1.
  static V inOrder(V v) { return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(v), 0xd8)); }
};

}  // namespace

// 16 registers: 6 x 2 or 4 x 3 accumulators, 2 or 3 weights and a broadcast.
extern const Kernels kAvx2Kernels;
constexpr Kernels kAvx2Kernels = makeKernels<Simd, 12, 6, 4, 0, 10, 12, 6>("avx2");

}  // namespace convkit
