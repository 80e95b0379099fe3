// The best slice of the time given counts: a neighbour on the machine can only make a slice slower.
#include "binding/measure.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace convkit {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Calls work(repeats), which gives the amount it did, in slices long enough for the clock; amount per second.
template <class Work>
double bestRate(double seconds, Work work) {
  constexpr double kSlice = 2e-3;
  const Clock::time_point start = Clock::now();
  int64_t repeats = 1;
  double best = 0;
  do {
    const Clock::time_point sliceStart = Clock::now();
    const auto amount = static_cast<double>(work(repeats));
    const double elapsed = secondsSince(sliceStart);
    if (elapsed < kSlice) {
      if (repeats < (int64_t{1} << 40)) repeats *= 2;
      if (best > 0) continue;
    }
    if (elapsed > 0) best = std::max(best, elapsed < kSlice ? 0.0 : amount / elapsed);
  } while (secondsSince(start) < seconds || best == 0);
  return best;
}

}  // namespace

double measurePeak(const Kernels& kernels, double seconds) {
  return bestRate(seconds, [&](int64_t repeats) { return kernels.peak(repeats); });
}

double measureBandwidth(const Kernels& kernels, int64_t bytes, double seconds) {
  const std::vector<float> memory(static_cast<std::size_t>(bytes) / sizeof(float), 1.0f);
  const auto n = static_cast<int64_t>(memory.size());
  volatile float sink = 0;  // so that no pass is left out
  return bestRate(seconds, [&](int64_t repeats) {
    for (int64_t i = 0; i < repeats; ++i) sink = kernels.sum(memory.data(), n);
    return repeats * n * static_cast<int64_t>(sizeof(float));
  });
}

}  // namespace convkit
