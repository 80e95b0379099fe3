// One lane, for processors without a vector unit that fuses: correct everywhere, fast nowhere. It also names
// the semantics that every other Simd must have.
#include <cmath>
#include <cstring>

#include "elementwise/fmaf.h"
#include "isa/table.h"

namespace convkit {
namespace {

struct Simd {
  using V = float;
  using Mask = bool;
  using Index = int32_t;
  static constexpr int kLanes = 1;
  static constexpr int kRegisters = 16;
  static constexpr RunShape kDepthwiseRun{1, 1}, kGroupedRun{1, 1};

  using Wide = double;
  static Wide widen(V v) { return v; }
  static V narrow(Wide w) { return static_cast<float>(w); }
  static Wide add(Wide a, Wide b) { return a + b; }
  static Wide sub(Wide a, Wide b) { return a - b; }
  static Wide mul(Wide a, double b) { return a * b; }
  static Wide loadWide(const double* p) { return *p; }
  static void storeWide(double* p, Wide w) { *p = w; }

  static constexpr bool kQuads = false;
  static constexpr int kTailRows[3] = {}, kTailDepth = 0;

  static V zero() { return 0.0f; }
  static V set(float x) { return x; }
  static V load(const float* p) { return *p; }
  static void store(float* p, V v) { *p = v; }
  static V loadPartial(const float* p, int n) { return n > 0 ? *p : 0.0f; }
  static void storePartial(float* p, V v, int n) {
    if (n > 0) *p = v;
  }

  static V add(V a, V b) { return a + b; }
  static V sub(V a, V b) { return a - b; }
  static V mul(V a, V b) { return a * b; }
  static V div(V a, V b) { return a / b; }
  static V sqrt(V a) { return std::sqrt(a); }
  static V fma(V a, V b, V c) { return exactFmaf(a, b, c); }
  static V fnma(V a, V b, V c) { return exactFmaf(-a, b, c); }
  static V greater(V a, V b) { return a > b ? a : b; }
  static V lesser(V a, V b) { return a < b ? a : b; }
  static V abs(V a) { return std::fabs(a); }
  static V negativeAbs(V a) { return -std::fabs(a); }
  static V deeper(V a, V b) { return a < b || a != a ? a : b; }
  static bool isAbove(V a, float bound) { return a > bound; }
  static Mask less(V a, V b) { return a < b; }
  static Mask isNan(V a) { return a != a; }
  static V select(Mask m, V yes, V no) { return m ? yes : no; }
  static V power(V shifted) {
    uint32_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + (127u << 23);
    float result;
    std::memcpy(&result, &bits, sizeof result);
    return result;
  }
  static V timesPower(V a, V shifted) { return a * power(shifted); }

  static Index loadIndex(const int32_t* p) { return *p; }
  static Index step(Index i) { return i + 1; }
  static V permute(V v, Index) { return v; }
  static V even(V lo, V) { return lo; }
  static V odd(V, V hi) { return hi; }
};

}  // namespace

extern const Kernels kScalarKernels;
constexpr Kernels kScalarKernels = makeKernels<Simd, 4, 4, 4, 4, 4, 4, 4>("scalar");

}  // namespace convkit
