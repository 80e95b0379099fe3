#include "reduction/squares.h"

#include <algorithm>

#include "threads/scratch.h"

namespace convkit {
namespace {

constexpr int64_t kChunksPerUnit = 16;

}  // namespace

void runSumSquares(const Kernels& kernels, const float* x, int64_t n, float* y, const CancelFlag* cancelled) {
  const int64_t chunks = (n + kSquaresPerChunk - 1) / kSquaresPerChunk;
  detail::ScratchLease lease;
  float* const sums = lease.scratch().floats(0, static_cast<std::size_t>(chunks));
  parallelFor((chunks + kChunksPerUnit - 1) / kChunksPerUnit, cancelled, [&](int64_t unit, Scratch&) {
    const int64_t last = std::min(chunks, (unit + 1) * kChunksPerUnit);
    for (int64_t chunk = unit * kChunksPerUnit; chunk < last; chunk++) {
      const int64_t begin = chunk * kSquaresPerChunk;
      sums[chunk] = kernels.sumSquares(x + begin, std::min(kSquaresPerChunk, n - begin));
    }
  });
  float total = 0.0f;
  for (int64_t chunk = 0; chunk < chunks; chunk++) total += sums[chunk];
  *y = total;
}

}  // namespace convkit
