// Tiles of 4x4 outputs of the upstream gradient and what they read of the input are transformed; element by
// element of the transforms, outer products are summed over tiles; and the sums are interpolated, once for
// each pair of channels. It takes 36 multiplications where the direct sum takes 144.
//
// Tiles go through in rounds, whose transforms stay in cache. In a round, the sums of a block of channels,
// all elements of them, are worked on at a time: they stay in a second-level cache too, and where there is
// one round only are nowhere else.
#include "conv/winograd_gradient.h"

#include <algorithm>

#include "conv/tap_runs.h"
#include "conv/winograd_tiles.h"
#include "elementwise/elementwise.h"
#include "threads/scratch.h"

namespace convkit {
namespace {

constexpr int64_t kTile = 4, kElements = 36, kTaps = 9;
constexpr int64_t kTilesPerChain = 32;     // whose products are one chain; their sums are added in order
constexpr int64_t kChannelsPerBlock = 64;  // of either operand
constexpr int64_t kRoundFloats = 5 << 19;  // of transformed tiles at most: ten megabytes
constexpr int64_t kLine = 16;              // apart, elements do not compete for one set of the cache

struct Operand {
  float* tiles;      // [element][tile of the round][channel]
  int64_t channels;  // in whole vectors
  int64_t step;      // floats from one element to the next
};

struct ChannelBlock {
  int64_t begin, end;
  int64_t count() const { return end - begin; }
};

ChannelBlock blockOf(int64_t channels, int64_t block, int64_t blocks, int64_t lanes) {
  const int64_t vectors = ceilDivide(channels, lanes);
  return {std::min(channels, vectors * block / blocks * lanes),
          std::min(channels, vectors * (block + 1) / blocks * lanes)};
}

// Rows are input channels, lanes output channels.
struct Plan {
  int64_t tiles, perRound, rounds;
  int64_t rowBlocks, laneBlocks;
  int64_t blockFloats;  // of the sums of a block, all elements

  Plan(const Conv& conv, int64_t allTiles, const Operand& v, const Operand& u) : tiles(allTiles) {
    const int64_t lanes = conv.kernels->lanes;
    // A round reads and writes all sums once, and keeps both transforms: the larger the sums, the longer it
    // may be
    const int64_t both = v.channels + u.channels;
    const int64_t balanced = std::min(v.channels * u.channels / both, kRoundFloats / (kElements * both));
    perRound = std::min(tiles, std::max<int64_t>(1, balanced / kTilesPerChain) * kTilesPerChain);
    rounds = ceilDivide(tiles, perRound);
    rowBlocks = ceilDivide(v.channels, std::max(lanes, kChannelsPerBlock));
    laneBlocks = ceilDivide(u.channels, std::max(lanes, kChannelsPerBlock));
    // Enough blocks for every thread
    const int64_t wanted = threadCount() > 1 ? 2 * threadCount() : 1;
    while (rowBlocks * laneBlocks < wanted && laneBlocks < u.channels / (kOuterVectors * lanes)) laneBlocks++;
    while (rowBlocks * laneBlocks < wanted && rowBlocks < v.channels / lanes) rowBlocks++;
    blockFloats = kElements * largest(v.channels, rowBlocks, lanes) * largest(u.channels, laneBlocks, lanes);
  }
  int64_t blocks() const { return rowBlocks * laneBlocks; }

 private:
  static int64_t largest(int64_t channels, int64_t blocks, int64_t lanes) {
    return ceilDivide(channels / lanes, blocks) * lanes;
  }
};

void transformUpstream(const Conv& conv, const Tiling& tiling, const float* upstream, int64_t tile, float* u,
                       int64_t step) {
  const ConvGeometry& g = conv.geometry;
  const Place place = placeOf(tiling, tile);
  const int64_t top = tiling.height.start(place.row), left = tiling.width.start(place.column);
  const float* plane = upstream + place.plane * g.outputSize.height * g.outputSize.width * g.outChannels;
  const float* pixels[kTile * kTile];
  for (int64_t i = 0; i < kTile; i++) {
    for (int64_t j = 0; j < kTile; j++) {
      const int64_t h = top + i * g.dilation.height, w = left + j * g.dilation.width;
      const bool inside = h < g.outputSize.height && w < g.outputSize.width;
      pixels[i * kTile + j] =
          inside ? plane + (h * g.outputSize.width + w) * g.outChannels : conv.zeros.data();
    }
  }
  conv.kernels->winogradUpstream({pixels, g.outChannels, u, step});
}

// sums[element][row][lane] of a block, over `count` tiles of the round.
void addBlock(const Conv& conv, const Operand& v, const Operand& u, int64_t count, const ChannelBlock& rows,
              const ChannelBlock& lanes, bool fresh, float* sums) {
  const Kernels& kernels = *conv.kernels;
  const int64_t width = ceilDivide(lanes.count(), kernels.lanes) * kernels.lanes;
  const int64_t vectors = width / kernels.lanes, panels = ceilDivide(vectors, kOuterVectors);
  OuterRun run{};
  OuterTile tile{};
  tile.run = &run;
  tile.runs = 1;
  tile.rowStep = v.channels;
  tile.laneStep = u.channels;
  tile.ldc = width;
  tile.tail = kernels.lanes;
  for (int64_t e = 0; e < kElements; e++) {
    for (int64_t p = 0; p < panels; p++) {
      const int64_t begin = vectors * p / panels, end = vectors * (p + 1) / panels;
      const int64_t heights = ceilDivide(rows.count(), kernels.outerRows[end - begin]);
      for (int64_t h = 0; h < heights; h++) {
        const int64_t row = rows.count() * h / heights, height = rows.count() * (h + 1) / heights - row;
        tile.c = sums + (e * rows.count() + row) * width + begin * kernels.lanes;
        for (int64_t t = 0; t < count; t += kTilesPerChain) {
          run = {v.tiles + e * v.step + t * v.channels + rows.begin + row,
                 u.tiles + e * u.step + t * u.channels + lanes.begin + begin * kernels.lanes,
                 std::min(kTilesPerChain, count - t)};
          tile.first = fresh && t == 0;
          kernels.outer[end - begin][height](tile);
        }
      }
    }
  }
}

// The block's part of taps [input channel][tap][output channel].
void interpolateBlock(const Conv& conv, const ChannelBlock& rows, const ChannelBlock& lanes,
                      const float* sums, float* taps) {
  const int64_t outChannels = conv.geometry.outChannels;
  const int64_t width = ceilDivide(lanes.count(), conv.kernels->lanes) * conv.kernels->lanes;
  for (int64_t row = 0; row < rows.count(); row++)
    conv.kernels->winogradGradient({sums + row * width, rows.count() * width, lanes.count(),
                                    taps + (rows.begin + row) * kTaps * outChannels + lanes.begin,
                                    outChannels});
}

}  // namespace

void runWinogradGradient(const Conv& conv, const float* x, const float* upstream, float* gradient,
                         int64_t batch, const CancelFlag* cancelled) {
  const ConvGeometry& g = conv.geometry;
  const int64_t lanes = conv.kernels->lanes;
  const Tiling tiling(g, kTile);
  const TileInput input(conv, tiling);
  Operand v{nullptr, ceilDivide(g.inChannels, lanes) * lanes, 0},
      u{nullptr, ceilDivide(g.outChannels, lanes) * lanes, 0};
  const Plan plan(conv, batch * g.outputSize.depth * tiling.perPlane(), v, u);
  v.step = plan.perRound * v.channels + kLine;
  u.step = plan.perRound * u.channels + kLine;

  detail::ScratchLease lease;
  const auto floats = [&](int slot, int64_t n) {
    return lease.scratch().floats(slot, static_cast<std::size_t>(n));
  };
  v.tiles = floats(0, kElements * v.step);
  u.tiles = floats(1, kElements * u.step);
  float* const taps = floats(2, g.inChannels * kTaps * g.outChannels);
  float* const kept = plan.rounds > 1 ? floats(3, plan.blocks() * plan.blockFloats) : nullptr;

  for (int64_t round = 0; round < plan.rounds; round++) {
    const int64_t first = round * plan.perRound, count = std::min(plan.perRound, plan.tiles - first);
    parallelFor(count, cancelled, [&](int64_t t, Scratch&) {
      input.transform(x, placeOf(tiling, first + t), v.tiles + t * v.channels, v.step);
      transformUpstream(conv, tiling, upstream, first + t, u.tiles + t * u.channels, u.step);
    });
    parallelFor(plan.blocks(), cancelled, [&](int64_t block, Scratch& scratch) {
      const ChannelBlock rows = blockOf(g.inChannels, block / plan.laneBlocks, plan.rowBlocks, lanes),
                         columns = blockOf(g.outChannels, block % plan.laneBlocks, plan.laneBlocks, lanes);
      float* const sums = kept != nullptr ? kept + block * plan.blockFloats
                                          : scratch.floats(0, static_cast<std::size_t>(plan.blockFloats));
      addBlock(conv, v, u, count, rows, columns, round == 0, sums);
      if (round + 1 == plan.rounds) interpolateBlock(conv, rows, columns, sums, taps);
    });
  }
  runTranspose(*conv.kernels, taps, gradient, 1, g.inChannels * kTaps, g.outChannels, cancelled);
}

}  // namespace convkit
