// Which instruction sets are compiled in, and which of them this processor and operating system can run.
// Compiled for the baseline processor, like everything outside native/isa/<isa>.cpp.
#include "isa/dispatch.h"

#include <cstdint>
#include <cstring>

#if defined(__x86_64__) || defined(_M_X64)
#  define CONVKIT_X86 1
#  if defined(_MSC_VER)
#    include <intrin.h>
#  else
#    include <cpuid.h>
#  endif
#elif defined(__APPLE__)
#  include <sys/sysctl.h>
#endif

namespace convkit {

extern const Kernels kScalarKernels;
#if defined(CONVKIT_HAVE_AVX2)
extern const Kernels kAvx2Kernels;
#endif
#if defined(CONVKIT_HAVE_AVX512)
extern const Kernels kAvx512Kernels;
#endif
#if defined(CONVKIT_HAVE_NEON)
extern const Kernels kNeonKernels;
#endif

namespace {

#if defined(CONVKIT_X86)

struct Registers {
  uint32_t eax, ebx, ecx, edx;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r{};
#  if defined(_MSC_VER)
  int values[4];
  __cpuidex(values, static_cast<int>(leaf), static_cast<int>(subleaf));
  std::memcpy(&r, values, sizeof r);
#  else
  __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
#  endif
  return r;
}

// The register files that the operating system saves when it switches threads; bits of XCR0.
uint64_t savedState() {
#  if defined(_MSC_VER)
  return _xgetbv(0);
#  else
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
#  endif
}

constexpr uint64_t kYmmState = 0x06;  // xmm and the upper halves of ymm
constexpr uint64_t kZmmState = 0xE6;  // and mask registers, upper halves of zmm, zmm16 to 31

struct Feature {
  const char* name;  // as Linux prints it
  uint32_t Registers::*word;
  int bit;
  uint64_t state;
};

constexpr Feature kLeaf1[] = {
    {"ssse3", &Registers::ecx, 9, 0},        {"fma", &Registers::ecx, 12, kYmmState},
    {"sse4_1", &Registers::ecx, 19, 0},      {"sse4_2", &Registers::ecx, 20, 0},
    {"avx", &Registers::ecx, 28, kYmmState}, {"f16c", &Registers::ecx, 29, kYmmState}};
constexpr Feature kLeaf7[] = {
    {"avx2", &Registers::ebx, 5, kYmmState},      {"avx512f", &Registers::ebx, 16, kZmmState},
    {"avx512dq", &Registers::ebx, 17, kZmmState}, {"avx512bw", &Registers::ebx, 30, kZmmState},
    {"avx512vl", &Registers::ebx, 31, kZmmState}, {"avx512_vnni", &Registers::ecx, 11, kZmmState}};

template <int n>
void collect(const Feature (&features)[n], const Registers& r, uint64_t saved,
             std::vector<std::string>& names) {
  for (const Feature& f : features) {
    if (((r.*f.word >> f.bit) & 1) != 0 && (saved & f.state) == f.state) names.emplace_back(f.name);
  }
}

#endif

bool hasAll(const std::vector<std::string>& features, std::initializer_list<const char*> wanted) {
  for (const char* const name : wanted) {
    bool found = false;
    for (const std::string& feature : features) found = found || feature == name;
    if (!found) return false;
  }
  return true;
}

std::vector<const Kernels*> usableKernels() {
  const std::vector<std::string> features = cpuFeatures();
  std::vector<const Kernels*> tables{&kScalarKernels};
#if defined(CONVKIT_HAVE_AVX2)
  if (hasAll(features, {"avx2", "fma"})) tables.push_back(&kAvx2Kernels);
#endif
#if defined(CONVKIT_HAVE_AVX512)
  if (hasAll(features, {"avx2", "fma", "avx512f", "avx512bw", "avx512vl", "avx512dq"})) {
    tables.push_back(&kAvx512Kernels);
  }
#endif
#if defined(CONVKIT_HAVE_NEON)
  if (hasAll(features, {"asimd"})) tables.push_back(&kNeonKernels);
#endif
  return tables;
}

}  // namespace

std::vector<std::string> cpuFeatures() {
  std::vector<std::string> names;
#if defined(CONVKIT_X86)
  const uint32_t highest = cpuid(0, 0).eax;
  const Registers first = cpuid(1, 0);
  const bool osxsave = (first.ecx >> 27 & 1) != 0;
  const uint64_t saved = osxsave ? savedState() : 0;
  collect(kLeaf1, first, saved, names);
  if (highest >= 7) collect(kLeaf7, cpuid(7, 0), saved, names);
#elif defined(__aarch64__) || defined(_M_ARM64)
  names.emplace_back("asimd");  // part of every 64-bit Arm processor, fused multiply-add included
#endif
  return names;
}

std::string cpuBrand() {
  char text[49] = {};
#if defined(CONVKIT_X86)
  if (cpuid(0x80000000u, 0).eax < 0x80000004u) return {};
  for (uint32_t part = 0; part < 3; ++part) {
    const Registers r = cpuid(0x80000002u + part, 0);
    std::memcpy(text + 16 * part, &r, sizeof r);
  }
#elif defined(__APPLE__)
  std::size_t length = sizeof text - 1;
  if (sysctlbyname("machdep.cpu.brand_string", text, &length, nullptr, 0) != 0) return {};
#endif
  const std::string brand = text;
  const std::size_t first = brand.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return brand.substr(first, brand.find_last_not_of(' ') - first + 1);
}

// Never destroyed: a worker thread may still look while the process exits.
const std::vector<const Kernels*>& supportedKernels() {
  static const auto* const tables = new std::vector<const Kernels*>(usableKernels());
  return *tables;
}

const Kernels* findKernels(const std::string& name) {
  for (const Kernels* const table : supportedKernels()) {
    if (name == table->name) return table;
  }
  return nullptr;
}

const Kernels& bestKernels() { return *supportedKernels().back(); }

}  // namespace convkit
