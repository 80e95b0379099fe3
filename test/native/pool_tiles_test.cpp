// The pooling tiles of every instruction set this processor has, against a naive loop.
#include <cmath>
#include <vector>

#include "check.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

constexpr int64_t kChunk = 256;  // taps that one partial sum of an average spans

float naive(bool max, const std::vector<Floats>& taps, int64_t channel, float divisor) {
  float result = max ? taps[0][channel] : 0.0f;
  float chunk = 0.0f;
  for (std::size_t t = 0; t < taps.size(); t++) {
    const float v = taps[t][channel];
    if (max) {
      if (v > result || std::isnan(v)) result = v;
      continue;
    }
    chunk += v;
    if ((t + 1) % kChunk == 0 || t + 1 == taps.size()) {
      result += chunk;
      chunk = 0.0f;
    }
  }
  return max ? result : result / divisor;
}

void runCase(const Kernels& kernels, bool max, int64_t channels, int64_t count, bool withNan,
             Random& random) {
  std::vector<Floats> arrays;
  std::vector<const float*> taps;
  for (int64_t t = 0; t < count; t++) {
    arrays.emplace_back(channels, random);
    if (withNan && random.chance(3))
      arrays.back()[random.below(channels)] = std::numeric_limits<float>::quiet_NaN();
    taps.push_back(arrays.back().data());
  }
  Floats actual(channels), expected(channels);
  PoolTile tile{};
  tile.taps = taps.data();
  tile.count = count;
  tile.channels = channels;
  tile.divisor = static_cast<float>(count);
  tile.y = actual.data();
  (max ? kernels.maxPool : kernels.averagePool)(tile);
  for (int64_t c = 0; c < channels; c++) expected[c] = naive(max, arrays, c, tile.divisor);

  // A NaN's own bits are nobody's promise: only that it is one
  for (int64_t c = 0; c < channels; c++)
    if (std::isnan(expected[c]) && std::isnan(actual[c])) actual[c] = expected[c];
  checkSame(actual, expected,
            std::string(kernels.name) + (max ? " max" : " average") + " pool of " + std::to_string(channels) +
                " channels over " + std::to_string(count) + " taps");
}

}  // namespace
}  // namespace convkit::test

int main() {
  using namespace convkit;
  test::Random random(3);
  for (const Kernels* kernels : supportedKernels()) {
    for (const bool max : {true, false}) {
      for (int64_t channels = 1; channels <= 2 * kernels->lanes + 1; channels++) {
        for (const int64_t count : {1, 2, 9}) test::runCase(*kernels, max, channels, count, false, random);
        test::runCase(*kernels, max, channels, 4, true, random);
      }
      for (const int64_t count : {255, 256, 257, 512, 700})
        test::runCase(*kernels, max, 19, count, false, random);
    }
  }
  return test::verdict();
}
