// Steps of optimisers and sums of squares against one element at a time, around the ends of vectors and
// chunks, with one to three threads.
#include <cmath>

#include "check.h"
#include "elementwise/fmaf.h"
#include "isa/dispatch.h"
#include "optim/steps.h"
#include "reduction/squares.h"

namespace convkit::test {
namespace {

constexpr int64_t kLengths[] = {0,  1,  2,  3,   4,    5,    7,    8,    9,    15,    16,
                                17, 31, 33, 100, 4095, 4096, 4097, 8191, 8192, 65536, 70001};

Floats copied(const Floats& source) {
  Floats copy(source.size());
  for (int64_t i = 0; i < source.size(); i++) copy[i] = source[i];
  return copy;
}

void sgd(const Kernels& kernels, int64_t n, bool hasMomentum, const SgdStep& step, Random& random) {
  const Floats gradient(n, random);
  Floats parameter(n, random), momentum(n, random);
  Floats wantedParameter = copied(parameter), wantedMomentum = copied(momentum);
  for (int64_t i = 0; i < n; i++) {
    const float p = parameter[i], g = exactFmaf(step.decay, p, step.sign * gradient[i]);
    float d = g;
    if (hasMomentum) {
      const float m = step.first ? g : exactFmaf(step.momentum, momentum[i], step.keep * g);
      wantedMomentum[i] = m;
      d = step.nesterov ? exactFmaf(step.momentum, m, g) : m;
    }
    wantedParameter[i] = exactFmaf(-step.rate, d, p);
  }
  runSgdStep(kernels, step, parameter.data(), gradient.data(), hasMomentum ? momentum.data() : nullptr, n,
             nullptr);
  const std::string claim = std::string(kernels.name) + " sgd of " + std::to_string(n);
  checkSame(parameter, wantedParameter, claim);
  checkSame(momentum, wantedMomentum, claim + ", momentum");
}

void adam(const Kernels& kernels, int64_t n, bool keepsLargest, const AdamStep& step, Random& random) {
  const Floats gradient(n, random);
  Floats parameter(n, random), mean(n, random), variance(n, random), largest(n, random);
  for (int64_t i = 0; i < n; i++) {
    variance[i] = std::fabs(variance[i]);
    largest[i] = std::fabs(largest[i]);
  }
  Floats wanted[] = {copied(parameter), copied(mean), copied(variance), copied(largest)};
  for (int64_t i = 0; i < n; i++) {
    const float p = parameter[i], g = exactFmaf(step.decay, p, step.sign * gradient[i]);
    const float m = exactFmaf(step.fresh1, g - mean[i], mean[i]);
    const float v = exactFmaf(step.fresh2, exactFmaf(g, g, 0.0f - variance[i]), variance[i]);
    float s = v;
    if (keepsLargest) {
      if (largest[i] > v) s = largest[i];
      wanted[3][i] = s;
    }
    wanted[1][i] = m;
    wanted[2][i] = v;
    const float divisor = std::sqrt(s) / step.root + step.eps;
    wanted[0][i] = exactFmaf(-step.rate, m / divisor, exactFmaf(-step.shrink, p, p));
  }
  runAdamStep(kernels, step, parameter.data(), gradient.data(), mean.data(), variance.data(),
              keepsLargest ? largest.data() : nullptr, n, nullptr);
  const std::string claim = std::string(kernels.name) + " adam of " + std::to_string(n);
  checkSame(parameter, wanted[0], claim);
  checkSame(mean, wanted[1], claim + ", mean");
  checkSame(variance, wanted[2], claim + ", variance");
  checkSame(largest, wanted[3], claim + ", largest");
}

void squares(const Kernels& kernels, int64_t n, Random& random) {
  const Floats x(n, random);
  Floats wanted(1), actual(1);
  wanted[0] = 0.0f;
  for (int64_t first = 0; first < n; first += kSquaresPerChunk) {
    float partials[16] = {};
    for (int64_t i = first; i < n && i < first + kSquaresPerChunk; i++) {
      float& partial = partials[(i - first) % 16];
      partial = exactFmaf(x[i], x[i], partial);
    }
    for (int step = 8; step > 0; step /= 2)
      for (int k = 0; k < step; k++) partials[k] += partials[k + step];
    wanted[0] += partials[0];
  }
  runSumSquares(kernels, x.data(), n, actual.data(), nullptr);
  checkSame(actual, wanted, std::string(kernels.name) + " sum of squares of " + std::to_string(n));
}

}  // namespace
}  // namespace convkit::test

int main() {
  using namespace convkit;
  test::Random random(5);
  for (int threads = 1; threads <= 3; threads++) {
    setThreadCount(threads);
    for (const Kernels* kernels : supportedKernels()) {
      for (const int64_t n : test::kLengths) {
        for (const bool second : {false, true}) {
          test::sgd(*kernels, n, second, {0.1f, 0.0f, 0.9f, 1.0f, 1.0f, false, true}, random);
          test::sgd(*kernels, n, second, {0.01f, 5e-4f, 0.9f, 0.7f, -1.0f, true, false}, random);
          test::adam(*kernels, n, second, {0.01f, 0.0316f, 1e-8f, 0.1f, 0.001f, 0.0f, 1e-5f, 1.0f}, random);
          test::adam(*kernels, n, second, {0.2f, 0.5f, 1e-3f, 1.0f, 1.0f, 0.1f, 0.0f, -1.0f}, random);
        }
        test::squares(*kernels, n, random);
      }
    }
  }
  return test::verdict();
}
