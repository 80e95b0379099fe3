// Normalisation on every instruction set and any number of threads against the steps of the contract as plain
// loops, on arrays whose ends are watched.
#include "norm/norm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

constexpr int64_t kChunk = 256;

struct Naive {
  std::vector<float> mean, variance, scale, shift;
};

// Mean, variance, scale and shift of every image and channel (those of its group).
Naive statisticsOf(const NormGeometry& g, const Floats& x, const Floats& weight, const Floats& bias) {
  Naive all;
  const int64_t width = g.groupChannels();
  for (int64_t image = 0; image < g.batch; image++) {
    for (int64_t group = 0; group < g.groups; group++) {
      struct Part {
        double rows, mean, error, squares;
      };
      std::vector<Part> parts;
      for (int64_t begin = 0; begin < g.positions; begin += kChunk) {
        const int64_t end = std::min(g.positions, begin + kChunk);
        for (int64_t c = group * width; c < (group + 1) * width; c++) {
          const auto at = [&](int64_t p) { return x[(image * g.positions + p) * g.channels + c]; };
          float sum = 0, error = 0, squares = 0;
          for (int64_t p = begin; p < end; p++) sum += at(p);
          const float mean = sum / static_cast<float>(end - begin);
          for (int64_t p = begin; p < end; p++) {
            const float d = at(p) - mean;
            error += d;
            squares = std::fmaf(d, d, squares);
          }
          parts.push_back({static_cast<double>(end - begin), mean, error, squares});
        }
      }
      const auto count = static_cast<double>(g.positions * width);
      double total = 0, squares = 0;
      for (const Part& p : parts) total += p.rows * p.mean + p.error;
      const double mean = total / count;
      for (const Part& p : parts) {
        const double own = p.error * (1.0 / p.rows), apart = p.mean + own - mean;
        squares += p.squares - p.error * own + p.rows * apart * apart;
      }
      const auto variance = static_cast<float>(squares / count < 0 ? 0 : squares / count);
      const double inverse = 1.0 / std::sqrt(static_cast<double>(variance) + g.epsilon);
      for (int64_t c = group * width; c < (group + 1) * width; c++) {
        const auto factor = static_cast<float>(static_cast<double>(weight[c]) * inverse);
        const double moved = static_cast<double>(static_cast<float>(mean)) * static_cast<double>(factor);
        all.mean.push_back(static_cast<float>(mean));
        all.variance.push_back(variance);
        all.scale.push_back(factor);
        all.shift.push_back(static_cast<float>(static_cast<double>(bias[c]) - moved));
      }
    }
  }
  return all;
}

float clamped(const NormGeometry& g, float v) {
  const float above = g.low > v ? g.low : v;
  return g.high < above ? g.high : above;
}

NormGeometry drawGeometry(Random& random) {
  const int64_t positions[] = {0, 1, 2, 7, 8, 9, 255, 256, 257, 600};
  const int64_t channels[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 255, 256, 257};
  NormGeometry g{};
  g.batch = random.between(0, 3);
  g.positions = random.of(positions);
  g.channels = random.of(channels);
  g.groups = random.chance(2) ? g.channels : 1;
  g.epsilon = 1e-5;
  const float infinity = std::numeric_limits<float>::infinity();
  const bool clamps = random.chance(2);
  g.low = clamps ? 0.0f : -infinity;
  g.high = clamps && random.chance(2) ? 6.0f : infinity;
  return g;
}

void runCase(int64_t seed) {
  Random random(static_cast<uint64_t>(seed));
  const NormGeometry g = drawGeometry(random);
  const Floats x(g.length(), random), residual(g.length(), random), weight(g.channels, random),
      bias(g.channels, random), upstream(g.length(), random);
  const bool adds = random.chance(2);
  Floats expected(g.length());
  const Naive naive = statisticsOf(g, x, weight, bias);
  if (g.length() > 0) {
    for (int64_t i = 0; i < g.length(); i++) {
      const auto place =
          static_cast<std::size_t>(i / (g.positions * g.channels) * g.channels + i % g.channels);
      const float v = std::fmaf(x[i], naive.scale[place], naive.shift[place]);
      expected[i] = clamped(g, v + (adds ? residual[i] : 0.0f));
    }
  }
  std::vector<Floats> first;
  for (const Kernels* kernels : supportedKernels()) {
    const std::string name = "seed " + std::to_string(seed) + ", " + kernels->name;
    Floats y(g.length()), mean(g.batch * g.groups), variance(g.batch * g.groups);
    const NormInput input{x.data(), weight.data(), bias.data()};
    runNormalize(g, *kernels, input, adds ? residual.data() : nullptr, y.data(),
                 {mean.data(), variance.data()}, nullptr);
    checkSame(y, expected, "normalize, " + name);
    check(mean.intact() && variance.intact(), "statistics stay in their arrays, " + name);
    for (int64_t own = 0; g.length() > 0 && own < g.batch * g.groups; own++) {
      const auto place = static_cast<std::size_t>(own * g.groupChannels());
      check(sameBits(mean[own], naive.mean[place]) && sameBits(variance[own], naive.variance[place]),
            "statistics, " + name);
    }

    // The gradients of the first instruction set, which is scalar, are what all others have to give
    Floats x1(g.length()), weight1(g.channels), bias1(g.channels), residual1(g.length());
    const bool passes = random.chance(2);
    runNormalizeGradient(
        g, *kernels, input, {mean.data(), variance.data()}, adds ? y.data() : nullptr, upstream.data(),
        {x1.data(), weight1.data(), bias1.data(), passes ? residual1.data() : nullptr}, nullptr);
    if (!passes) {
      for (int64_t i = 0; i < g.length(); i++)
        residual1[i] = g.low < expected[i] && expected[i] < g.high ? upstream[i] : 0.0f;
    }
    std::vector<Floats> gradients;
    for (Floats* gradient : {&x1, &weight1, &bias1, &residual1}) gradients.push_back(std::move(*gradient));
    if (kernels == supportedKernels().front()) {
      first = std::move(gradients);
      continue;
    }
    const char* const names[] = {"x", "weight", "bias", "the residual"};
    for (std::size_t i = 0; i < 4; i++)
      checkSame(gradients[i], first[i], std::string("gradient of ") + names[i] + ", " + name);
  }
}

}  // namespace
}  // namespace convkit::test

int main() {
  using namespace convkit::test;
  for (const int threads : {1, 3}) {
    convkit::setThreadCount(threads);
    for (int64_t seed = 1; seed <= 150; seed++) runCase(seed);
  }
  return verdict();
}
