// AVX-512 (F, BW, VL, DQ): sixteen lanes. Intrinsics and plain tables only: an inline standard-library
// function compiled here could be the copy that the linker keeps, and then an older processor would run it.
#include <immintrin.h>

#include "isa/table.h"

namespace convkit {
namespace {

struct Simd {
  using V = __m512;
  using Mask = __mmask16;
  using Index = __m512i;
  static constexpr int kLanes = 16;
  static constexpr int kRegisters = 32;
  static constexpr RunShape kDepthwiseRun{2, 8}, kGroupedRun{4, 5};

  struct Wide {  // the lanes as doubles
    __m512d low, high;
  };
  static Wide widen(V v) {
    return {_mm512_cvtps_pd(_mm512_castps512_ps256(v)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1))};
  }
  static V narrow(Wide w) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(w.low)), _mm512_cvtpd_ps(w.high), 1);
  }
  static Wide add(Wide a, Wide b) { return {_mm512_add_pd(a.low, b.low), _mm512_add_pd(a.high, b.high)}; }
  static Wide sub(Wide a, Wide b) { return {_mm512_sub_pd(a.low, b.low), _mm512_sub_pd(a.high, b.high)}; }
  static Wide mul(Wide a, double b) {
    return {_mm512_mul_pd(a.low, _mm512_set1_pd(b)), _mm512_mul_pd(a.high, _mm512_set1_pd(b))};
  }
  static Wide mul(Wide a, Wide b) { return {_mm512_mul_pd(a.low, b.low), _mm512_mul_pd(a.high, b.high)}; }
  static Wide loadWide(const double* p) { return {_mm512_loadu_pd(p), _mm512_loadu_pd(p + 8)}; }
  static void storeWide(double* p, Wide w) {
    _mm512_storeu_pd(p, w.low);
    _mm512_storeu_pd(p + 8, w.high);
  }

  static constexpr bool kQuads = true;

  static V zero() { return _mm512_setzero_ps(); }
  static V set(float x) { return _mm512_set1_ps(x); }
  static V load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, V v) { _mm512_storeu_ps(p, v); }
  // The first n lanes, 0 <= n <= kLanes; the others are zero, and nothing beyond is touched.
  static V loadPartial(const float* p, int n) { return _mm512_maskz_loadu_ps(first(n), p); }
  static void storePartial(float* p, V v, int n) { _mm512_mask_storeu_ps(p, first(n), v); }

  // Four neighbours, repeated in every four lanes; and one of them in all lanes.
  static V quad(const float* p) { return _mm512_broadcast_f32x4(_mm_loadu_ps(p)); }
  template <int kElement>
  static V element(V quad) {
    return _mm512_permute_ps(quad, kElement * 0x55);
  }

  // The tallest tiles of one to three vectors and a tail, and the fewest channels of a tap there: as many as
  // are transposed at once.
  static constexpr int kTailRows[3] = {14, 8, 6}, kTailDepth = 4;
  static constexpr bool kBlends = false;

  // Four neighbours in every place of four lanes; in place kPlace of some others; and in each place four such
  // rows become four columns.
  static V repeat(const float* p) { return quad(p); }
  template <int kPlace>
  static V place(V v, const float* p) {
    return _mm512_mask_broadcast_f32x4(v, static_cast<Mask>(0xfu << (4 * kPlace)), _mm_loadu_ps(p));
  }
  static void transposeQuads(V (&v)[4]) {
    const V a = _mm512_unpacklo_ps(v[0], v[1]), b = _mm512_unpackhi_ps(v[0], v[1]);
    const V c = _mm512_unpacklo_ps(v[2], v[3]), d = _mm512_unpackhi_ps(v[2], v[3]);
    v[0] = _mm512_shuffle_ps(a, c, 0x44);
    v[1] = _mm512_shuffle_ps(a, c, 0xee);
    v[2] = _mm512_shuffle_ps(b, d, 0x44);
    v[3] = _mm512_shuffle_ps(b, d, 0xee);
  }

  static V add(V a, V b) { return _mm512_add_ps(a, b); }
  static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
  static V div(V a, V b) { return _mm512_div_ps(a, b); }
  static V sqrt(V a) { return _mm512_sqrt_ps(a); }
  static V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }    // a * b + c
  static V fnma(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); }  // c - a * b
  static V greater(V a, V b) { return _mm512_max_ps(a, b); }          // a > b ? a : b
  static V lesser(V a, V b) { return _mm512_min_ps(a, b); }           // a < b ? a : b
  static V abs(V a) { return _mm512_abs_ps(a); }
  static V negativeAbs(V a) { return _mm512_or_ps(a, set(-0.0f)); }
  // Of numbers below +0: the lower one, a NaN before any; and whether all are above `bound`, none a NaN.
  static V deeper(V a, V b) {
    return _mm512_castsi512_ps(_mm512_max_epu32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
  }
  static bool isAbove(V a, float bound) {
    return _mm512_cmpge_epu32_mask(_mm512_castps_si512(a), _mm512_castps_si512(set(bound))) == 0;
  }
  static Mask less(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }  // false where either is NaN
  static Mask isNan(V a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
  static V select(Mask m, V yes, V no) { return _mm512_mask_blend_ps(m, no, yes); }
  static V power(V shifted) {  // 2^n of 1.5 * 2^23 + n, for whole n in [-126, 127]
    return _mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_slli_epi32(_mm512_castps_si512(shifted), 23), _mm512_set1_epi32(127 << 23)));
  }
  static V timesPower(V a, V shifted) {  // a * 2^n, where that is neither subnormal nor infinite
    return _mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_slli_epi32(_mm512_castps_si512(shifted), 23), _mm512_castps_si512(a)));
  }

  static Index loadIndex(const int32_t* p) { return _mm512_loadu_si512(p); }
  static Index step(Index i) { return _mm512_add_epi32(i, _mm512_set1_epi32(1)); }
  static V permute(V v, Index i) { return _mm512_permutexvar_ps(i, v); }
  // re and im of the 2 * kLanes floats (lo, hi) of interleaved complex numbers, in order
  static V even(V lo, V hi) { return _mm512_permutex2var_ps(lo, evenIndex(), hi); }
  static V odd(V lo, V hi) { return _mm512_permutex2var_ps(lo, step(evenIndex()), hi); }

 private:
  static Mask first(int n) { return static_cast<Mask>((1u << n) - 1u); }
  static Index evenIndex() {
    return _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
  }
};

}  // namespace

// 32 registers: 6 x 4 accumulators, 4 weights and a broadcast from memory.
extern const Kernels kAvx512Kernels;
constexpr Kernels kAvx512Kernels = makeKernels<Simd, 14, 12, 8, 6, 12, 14, 14>("avx512");

}  // namespace convkit
