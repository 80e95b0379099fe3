// Reads triples of floats on standard input and writes their fused multiply-adds: the processor's own with
// `hardware` (or the C library's where it has none), ours with `exact`.
#include "elementwise/fmaf.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

namespace {

#if defined(__x86_64__)
__attribute__((target("fma"))) void hardware(const float* x, float* y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = __builtin_fmaf(x[3 * i], x[3 * i + 1], x[3 * i + 2]);
}
bool hasHardware() { return __builtin_cpu_supports("fma"); }
#else
void hardware(const float* x, float* y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = std::fmaf(x[3 * i], x[3 * i + 1], x[3 * i + 2]);
}
bool hasHardware() { return true; }
#endif

void library(const float* x, float* y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = std::fmaf(x[3 * i], x[3 * i + 1], x[3 * i + 2]);
}

void exact(const float* x, float* y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = convkit::exactFmaf(x[3 * i], x[3 * i + 1], x[3 * i + 2]);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::vector<float> x(3 << 20), y(1 << 20);
  for (size_t n; (n = std::fread(x.data(), 12, y.size(), stdin)) > 0;) {
    if (std::strcmp(argv[1], "exact") == 0) exact(x.data(), y.data(), n);
    else if (hasHardware()) hardware(x.data(), y.data(), n);
    else library(x.data(), y.data(), n);
    if (std::fwrite(y.data(), 4, n, stdout) != n) return 1;
  }
  return 0;
}
