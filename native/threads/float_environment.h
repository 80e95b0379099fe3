// The floating-point environment that the engine computes in: round to nearest, subnormals kept, no traps.
// An add-on built with fast-math elsewhere in the process may have turned on flush-to-zero for the caller.
#pragma once

#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64) || defined(__i386__) || defined(_M_IX86)
#  define CONVKIT_FLOAT_X86 1
#  include <xmmintrin.h>
#elif defined(_M_ARM64)
#  include <intrin.h>
#endif

namespace convkit {

// Holds the environment for its lifetime and then restores the caller's. Writing the register costs more
// than reading it, so an environment that is right already is left alone.
class FloatEnvironment {
 public:
  FloatEnvironment() : saved_(read()), changed_((saved_ & kControlBits) != kWanted) {
    if (changed_) write(kWanted);
  }
  ~FloatEnvironment() {
    if (changed_) write(saved_);
  }
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

 private:
#if defined(CONVKIT_FLOAT_X86)
  using Register = uint32_t;
  static constexpr Register kWanted = 0x1F80;        // MXCSR: all exceptions masked
  static constexpr Register kControlBits = 0xFFC0u;  // the low six bits are sticky exception flags
  static Register read() { return _mm_getcsr(); }
  static void write(Register value) { _mm_setcsr(value); }
#elif defined(_M_ARM64)
  using Register = uint64_t;
  static constexpr Register kWanted = 0;
  static constexpr Register kControlBits = ~Register{0};
  static Register read() { return static_cast<Register>(_ReadStatusReg(ARM64_FPCR)); }
  static void write(Register value) { _WriteStatusReg(ARM64_FPCR, static_cast<__int64>(value)); }
#elif defined(__aarch64__)
  using Register = uint64_t;
  static constexpr Register kWanted = 0;
  static constexpr Register kControlBits = ~Register{0};
  static Register read() {
    Register value;
    asm volatile("mrs %0, fpcr" : "=r"(value));
    return value;
  }
  static void write(Register value) { asm volatile("msr fpcr, %0" ::"r"(value)); }
#else
  using Register = uint32_t;  // no such register is known here: nothing to set
  static constexpr Register kWanted = 0;
  static constexpr Register kControlBits = 0;
  static Register read() { return 0; }
  static void write(Register) {}
#endif

  const Register saved_;
  const bool changed_;
};

}  // namespace convkit
