// Sums over positions against one naive chain for each chunk, at the ends of chunks and of vectors.
#include "check.h"
#include "isa/dispatch.h"
#include "reduction/positions.h"
#include "reduction/sums.h"

namespace convkit::test {
namespace {

void runCase(int64_t positions, int64_t channels, Random& random) {
  const Floats x(positions * channels, random);
  Floats expected(channels);
  for (int64_t c = 0; c < channels; c++) {
    float total = 0.0f;
    for (int64_t first = 0; first < positions; first += kPositionsPerChain) {
      float sum = 0.0f;
      for (int64_t p = first; p < positions && p < first + kPositionsPerChain; p++)
        sum += x[p * channels + c];
      total += sum;
    }
    expected[c] = total;
  }
  for (const Kernels* kernels : supportedKernels()) {
    Floats y(channels);
    runSumPositions(*kernels, x.data(), positions, channels, y.data(), nullptr);
    checkSame(y, expected,
              "sum of " + std::to_string(positions) + " positions of " + std::to_string(channels) +
                  " channels, " + kernels->name);
  }
}

void runAlong(int64_t outer, int64_t count, int64_t inner, Random& random) {
  const Floats x(outer * count * inner, random);
  Floats expected(outer * inner);
  for (int64_t o = 0; o < outer; o++) {
    for (int64_t i = 0; i < inner; i++) {
      float total = 0.0f;
      for (int64_t first = 0; first < count; first += kPositionsPerChain) {
        float sum = 0.0f;
        for (int64_t r = first; r < count && r < first + kPositionsPerChain; r++)
          sum += x[(o * count + r) * inner + i];
        total += sum;
      }
      expected[o * inner + i] = total / 3.0f;
    }
  }
  for (const Kernels* kernels : supportedKernels()) {
    Floats y(outer * inner);
    runSum(*kernels, x.data(), y.data(), outer, count, inner, 3.0f, nullptr);
    checkSame(y, expected,
              "sums of " + std::to_string(outer) + " x " + std::to_string(count) + " x " +
                  std::to_string(inner) + ", " + kernels->name);
  }
}

}  // namespace
}  // namespace convkit::test

int main() {
  using namespace convkit::test;
  convkit::setThreadCount(2);
  Random random(1);
  for (const int64_t positions : {0, 1, 2, 255, 256, 257, 512, 1025, 3000})
    for (const int64_t channels :
         {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 511, 512, 513, 1030})
      runCase(positions, channels, random);
  for (const int64_t outer : {0, 1, 2, 63, 64, 65, 130})
    for (const int64_t count : {0, 1, 5, 255, 256, 257, 600, 17000})
      for (const int64_t inner : {0, 1, 2, 16, 33, 600})
        if (outer * count * inner < 400000) runAlong(outer, count, inner, random);
  return verdict();
}
