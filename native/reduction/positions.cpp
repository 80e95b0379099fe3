#include "reduction/positions.h"

#include <algorithm>

#include "threads/scratch.h"

namespace convkit {
namespace {

constexpr int64_t kColumnsPerUnit = 512;  // two kilobytes of every row
constexpr int64_t kFloatsPerUnit =
    65536;  // read by one call of a body: several times what handing it out costs

int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

void runSumPositions(const Kernels& kernels, const float* x, int64_t positions, int64_t channels, float* y,
                     const CancelFlag* cancelled) {
  const int64_t chains = ceilDivide(positions, kPositionsPerChain);
  const int64_t columnBlocks = ceilDivide(channels, kColumnsPerUnit);
  const auto begin = [&](int64_t block) { return std::min(channels, block * kColumnsPerUnit); };
  if (chains <= 1) {
    parallelFor(columnBlocks, cancelled, [&](int64_t block, Scratch&) {
      kernels.sumRows(
          {x + begin(block), positions, channels, begin(block + 1) - begin(block), y + begin(block)});
    });
    return;
  }

  // Every chain's sum first, a row of its own for each, then the sum of those rows
  detail::ScratchLease lease;
  float* const sums = lease.scratch().floats(0, static_cast<std::size_t>(chains * channels));
  const int64_t chainLength = kPositionsPerChain * std::min(channels, kColumnsPerUnit);
  const int64_t perUnit = std::max<int64_t>(1, kFloatsPerUnit / chainLength);
  const int64_t units = ceilDivide(chains, perUnit);
  parallelFor(units * columnBlocks, cancelled, [&](int64_t unit, Scratch&) {
    const int64_t block = unit % columnBlocks, first = unit / columnBlocks * perUnit;
    for (int64_t chain = first; chain < std::min(chains, first + perUnit); chain++) {
      const int64_t from = chain * kPositionsPerChain, rows = std::min(kPositionsPerChain, positions - from);
      kernels.sumRows({x + from * channels + begin(block), rows, channels, begin(block + 1) - begin(block),
                       sums + chain * channels + begin(block)});
    }
  });
  parallelFor(columnBlocks, cancelled, [&](int64_t block, Scratch&) {
    kernels.sumRows(
        {sums + begin(block), chains, channels, begin(block + 1) - begin(block), y + begin(block)});
  });
}

}  // namespace convkit
