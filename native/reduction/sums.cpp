#include "reduction/sums.h"

#include <algorithm>

#include "reduction/positions.h"
#include "threads/scratch.h"

namespace convkit {
namespace {

constexpr int64_t kColumnsPerUnit = 512;   // as in positions.cpp
constexpr int64_t kFloatsPerUnit = 65536;  // read by one call of a body
constexpr int64_t kTogether = 64;  // chains along contiguous rows that are transposed and added side by side

int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// sums[k * sumStep] = the chain over `length` neighbours from x + k * step on, for k < chains <= kTogether:
// transposed, so that lanes are chains.
void sumNeighbours(const Kernels& kernels, const float* x, int64_t step, int64_t chains, int64_t length,
                   float* sums, int64_t sumStep, Scratch& scratch) {
  float* const columns = scratch.floats(0, static_cast<std::size_t>(kPositionsPerChain * kTogether));
  float* const totals = scratch.floats(1, static_cast<std::size_t>(kTogether));
  kernels.transpose(x, step, columns, chains, chains, length);
  kernels.sumRows({columns, length, chains, chains, totals});
  for (int64_t k = 0; k < chains; k++) sums[k * sumStep] = totals[k];
}

// Adds the sums of a row's chunks, in order, to +0.
void addChunks(const float* sums, int64_t chunks, float* y) {
  float total = 0.0f;
  for (int64_t chunk = 0; chunk < chunks; chunk++) total += sums[chunk];
  *y = total;
}

// inner is 1: every sum runs along a contiguous row.
void sumRowsOf(const Kernels& kernels, const float* x, float* y, int64_t outer, int64_t count,
               const CancelFlag* cancelled) {
  const int64_t chunks = std::max<int64_t>(1, ceilDivide(count, kPositionsPerChain));
  const int64_t full = count / kPositionsPerChain, rest = count - full * kPositionsPerChain;
  detail::ScratchLease lease;
  float* const sums = chunks == 1 ? y : lease.scratch().floats(0, static_cast<std::size_t>(outer * chunks));

  // Few long rows: the full chunks of one are the chains; otherwise a chunk of several rows
  const bool within = full > outer;
  const int64_t groups = ceilDivide(within ? full : outer, kTogether);
  const int64_t repeats = within ? outer : full;
  parallelFor(groups * repeats, cancelled, [&](int64_t unit, Scratch& scratch) {
    const int64_t first = unit % groups * kTogether, other = unit / groups;
    const int64_t chains = std::min(kTogether, (within ? full : outer) - first);
    const int64_t row = within ? other : first, chunk = within ? first : other;
    sumNeighbours(kernels, x + row * count + chunk * kPositionsPerChain, within ? kPositionsPerChain : count,
                  chains, kPositionsPerChain, sums + row * chunks + chunk, within ? 1 : chunks, scratch);
  });
  if (rest > 0 || count == 0) {
    parallelFor(ceilDivide(outer, kTogether), cancelled, [&](int64_t group, Scratch& scratch) {
      const int64_t row = group * kTogether, chains = std::min(kTogether, outer - row);
      sumNeighbours(kernels, x + row * count + full * kPositionsPerChain, count, chains, rest,
                    sums + row * chunks + full, chunks, scratch);
    });
  }
  if (chunks == 1) return;
  parallelFor(ceilDivide(outer, kTogether), cancelled, [&](int64_t group, Scratch&) {
    for (int64_t row = group * kTogether; row < std::min(outer, (group + 1) * kTogether); row++)
      addChunks(sums + row * chunks, chunks, y + row);
  });
}

// Lanes are neighbours that belong to different sums.
void sumColumnsOf(const Kernels& kernels, const float* x, float* y, int64_t outer, int64_t count,
                  int64_t inner, const CancelFlag* cancelled) {
  const int64_t blocks = ceilDivide(inner, kColumnsPerUnit);
  const int64_t perUnit = std::max<int64_t>(1, kFloatsPerUnit / std::max<int64_t>(1, count * inner));
  const int64_t units = ceilDivide(outer, perUnit);
  parallelFor(units * blocks, cancelled, [&](int64_t unit, Scratch& scratch) {
    const int64_t begin = unit % blocks * kColumnsPerUnit;
    const int64_t columns = std::min(kColumnsPerUnit, inner - begin);
    const int64_t first = unit / blocks * perUnit, last = std::min(outer, first + perUnit);
    for (int64_t o = first; o < last; o++) {
      const float* from = x + o * count * inner + begin;
      float* to = y + o * inner + begin;
      if (count <= kPositionsPerChain) {
        kernels.sumRows({from, count, inner, columns, to});
        continue;
      }
      const int64_t chains = ceilDivide(count, kPositionsPerChain);
      float* const sums = scratch.floats(0, static_cast<std::size_t>(chains * columns));
      for (int64_t chain = 0; chain < chains; chain++) {
        const int64_t row = chain * kPositionsPerChain, rows = std::min(kPositionsPerChain, count - row);
        kernels.sumRows({from + row * inner, rows, inner, columns, sums + chain * columns});
      }
      kernels.sumRows({sums, chains, columns, columns, to});
    }
  });
}

}  // namespace

void runSum(const Kernels& kernels, const float* x, float* y, int64_t outer, int64_t count, int64_t inner,
            float divisor, const CancelFlag* cancelled) {
  if (outer == 0 || inner == 0) return;
  // One large sum of columns would be a single unit: its chunks are units of their own there
  if (inner == 1) sumRowsOf(kernels, x, y, outer, count, cancelled);
  else if (outer == 1) runSumPositions(kernels, x, count, inner, y, cancelled);
  else sumColumnsOf(kernels, x, y, outer, count, inner, cancelled);
  if (divisor == 1.0f) return;
  const int64_t length = outer * inner;
  parallelFor(ceilDivide(length, kFloatsPerUnit), cancelled, [&](int64_t unit, Scratch&) {
    const int64_t begin = unit * kFloatsPerUnit, n = std::min(kFloatsPerUnit, length - begin);
    kernels.combine(Arithmetic::div, y + begin, 1, &divisor, 0, y + begin, n);
  });
}

}  // namespace convkit
