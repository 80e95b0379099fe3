// A weight gradient is a product of matrices: the rows of one are what the taps read, a channel each, the
// rows of the other the upstream gradient's channels, and the sum runs over the output positions of the
// batch. A thread has a share of the tiles of the result and takes the chunks of positions in order; their
// sums gather in a matrix whose lanes are neighbours, rearranged at the end.
#include "conv/weight_gradient.h"

#include <algorithm>

#include "conv/multiply.h"
#include "conv/tap_runs.h"
#include "elementwise/elementwise.h"
#include "reduction/positions.h"
#include "threads/scratch.h"

namespace convkit {
namespace {

constexpr int64_t kSharesPerThread = 4;     // so that a thread that starts late does not finish late
constexpr int64_t kChannelsPerShare = 128;  // of a depthwise gradient

Tap tapAt(const Triple& kernel, int64_t tap) {
  return {tap / (kernel.height * kernel.width), tap / kernel.width % kernel.height, tap % kernel.width};
}

// Which operand's channels are the lanes of the tiles, and how many tiles cover a tap of a group.
struct Tiling {
  bool lanesAreInputs;
  int64_t rows, lanes;      // channels of the one and of the other in a group
  int64_t panels, heights;  // tiles along lanes, along rows
  int vectors;

  Tiling(const Kernels& kernels, int64_t rowChannels, int64_t laneChannels, bool swapped)
      : lanesAreInputs(swapped), rows(rowChannels), lanes(laneChannels) {
    const int64_t all = ceilDivide(lanes, kernels.lanes);
    panels = ceilDivide(all, kOuterVectors);
    vectors = static_cast<int>(ceilDivide(all, panels));
    heights = ceilDivide(rows, kernels.outerRows[vectors]);
  }
  // Multiplications of vectors a position, at least as many as keep the multipliers busy.
  int64_t cost() const {
    constexpr int64_t kLatency = 8;
    return panels * heights * std::max<int64_t>(vectors * ceilDivide(rows, heights), kLatency);
  }
};

Tiling chooseTiling(const Conv& conv) {
  const Tiling outputs(*conv.kernels, conv.groupInputs(), conv.groupOutputs(), false),
      inputs(*conv.kernels, conv.groupOutputs(), conv.groupInputs(), true);
  // Of one tap the sums with inputs as lanes lie as the weight does
  if (conv.taps() == 1) return inputs.cost() <= outputs.cost() ? inputs : outputs;
  return inputs.cost() < outputs.cost() ? inputs : outputs;
}

// Cuts [0, count) into shares for the threads.
int64_t sharesOf(int64_t count) {
  const int64_t threads = threadCount();
  return std::min(count, threads > 1 ? threads * kSharesPerThread : 1);
}

template <class Body>
void forEachChain(int64_t positions, const Body& body) {
  for (int64_t first = 0; first < positions; first += kPositionsPerChain)
    body(first, std::min(kPositionsPerChain, positions - first));
}

// sums [group][row][tap][lane]
void sumDense(const Conv& conv, const Tiling& tiling, const float* x, const float* upstream, float* sums,
              int64_t positions, const CancelFlag* cancelled) {
  const Kernels& kernels = *conv.kernels;
  const TapRuns taps(conv);
  const int64_t perTap = tiling.heights * tiling.panels;
  const int64_t tiles = conv.geometry.groups * conv.taps() * perTap;
  const int64_t shares = sharesOf(tiles), panelWidth = tiling.vectors * kernels.lanes;
  parallelFor(shares, cancelled, [&](int64_t share, Scratch&) {
    OuterRun runs[kPositionsPerChain];
    OuterTile tile{};
    tile.run = runs;
    tile.rowStep = tiling.lanesAreInputs ? taps.outputStep() : taps.inputStep();
    tile.laneStep = tiling.lanesAreInputs ? taps.inputStep() : taps.outputStep();
    tile.ldc = conv.taps() * tiling.lanes;
    const int64_t begin = tiles * share / shares, end = tiles * (share + 1) / shares;
    forEachChain(positions, [&](int64_t first, int64_t count) {
      tile.first = first == 0;
      for (int64_t t = begin; t < end; t++) {
        const int64_t tap = t / perTap % conv.taps(), group = t / perTap / conv.taps();
        if (t == begin || t % perTap == 0) {
          tile.runs = taps.find(tapAt(conv.geometry.kernelSize, tap), first, count, x, upstream, runs);
          if (tiling.lanesAreInputs)
            for (int64_t r = 0; r < tile.runs; r++) std::swap(runs[r].rows, runs[r].lanes);
        }
        if (tile.runs == 0 && !tile.first) continue;
        const int64_t row = tiling.rows * (t / tiling.panels % tiling.heights) / tiling.heights,
                      rowEnd = tiling.rows * (t / tiling.panels % tiling.heights + 1) / tiling.heights;
        const int64_t lane = t % tiling.panels * panelWidth;
        const int64_t width = std::min(panelWidth, tiling.lanes - lane);
        const int64_t vectors = ceilDivide(width, kernels.lanes);
        tile.rowOffset = group * tiling.rows + row;
        tile.laneOffset = group * tiling.lanes + lane;
        tile.tail = static_cast<int>(width - (vectors - 1) * kernels.lanes);
        tile.c = sums + ((group * tiling.rows + row) * conv.taps() + tap) * tiling.lanes + lane;
        kernels.outer[vectors][rowEnd - row](tile);
      }
    });
  });
}

// sums [tap][channel]
void sumDepthwise(const Conv& conv, const float* x, const float* upstream, float* sums, int64_t positions,
                  const CancelFlag* cancelled) {
  const TapRuns taps(conv);
  const int64_t channels = conv.geometry.outChannels, blocks = ceilDivide(channels, kChannelsPerShare);
  parallelFor(conv.taps() * blocks, cancelled, [&](int64_t share, Scratch&) {
    OuterRun runs[kPositionsPerChain];
    OuterTile tile{};
    tile.run = runs;
    tile.rowStep = taps.inputStep();
    tile.laneStep = taps.outputStep();
    tile.c = sums + share / blocks * channels;
    const int64_t begin = share % blocks * kChannelsPerShare;
    forEachChain(positions, [&](int64_t first, int64_t count) {
      tile.first = first == 0;
      tile.runs = taps.find(tapAt(conv.geometry.kernelSize, share / blocks), first, count, x, upstream, runs);
      conv.kernels->diagonal(tile, begin, std::min(channels, begin + kChannelsPerShare));
    });
  });
}

}  // namespace

const char* checkWeightGradient(const Conv& conv) {
  if (conv.geometry.transposed)
    return "the weight gradient of a transposed convolution is that of the convolution it transposes, its "
           "operands exchanged";
  if (conv.geometry.algorithm != Algorithm::direct) return "a weight gradient is summed directly";
  if (readsPlanes(conv) || writesPlanes(conv)) return "a weight gradient reads channels-last images";
  return nullptr;
}

void runWeightGradient(const Conv& conv, const float* x, const float* upstream, float* gradient,
                       float* biasGradient, int64_t batch, const CancelFlag* cancelled) {
  const Kernels& kernels = *conv.kernels;
  const int64_t positions = batch * conv.positions(), taps = conv.taps(), groups = conv.geometry.groups;
  if (biasGradient != nullptr)
    runSumPositions(kernels, upstream, positions, conv.geometry.outChannels, biasGradient, cancelled);
  if (positions == 0) {
    std::fill_n(gradient, weightLength(conv), 0.0f);
    return;
  }
  detail::ScratchLease lease;
  const auto memory = [&] { return lease.scratch().floats(0, static_cast<std::size_t>(weightLength(conv))); };
  if (conv.kind == FilterKind::depthwise) {
    float* const sums = memory();
    sumDepthwise(conv, x, upstream, sums, positions, cancelled);
    runTranspose(kernels, sums, gradient, 1, taps, conv.geometry.outChannels, cancelled);
    return;
  }
  const Tiling tiling = chooseTiling(conv);
  if (tiling.lanesAreInputs && taps == 1)
    return sumDense(conv, tiling, x, upstream, gradient, positions, cancelled);
  float* const sums = memory();
  sumDense(conv, tiling, x, upstream, sums, positions, cancelled);
  if (tiling.lanesAreInputs)
    runTranspose(kernels, sums, gradient, groups * tiling.rows, taps, tiling.lanes, cancelled);
  else runTranspose(kernels, sums, gradient, groups, tiling.rows * taps, tiling.lanes, cancelled);
}

}  // namespace convkit
