// Sums over positions against one naive chain for each chunk, at the ends of chunks and of vectors.
#include "check.h"
#include "isa/dispatch.h"
#include "reduction/positions.h"

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
  return verdict();
}
