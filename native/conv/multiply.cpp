#include "conv/multiply.h"

#include <algorithm>

namespace convkit {

std::vector<StepBlock> splitSteps(int64_t taps, int64_t depth, int64_t most) {
  std::vector<StepBlock> blocks;
  if (depth <= most) {
    const int64_t tapsPerBlock = std::max<int64_t>(1, most / depth), count = ceilDivide(taps, tapsPerBlock);
    for (int64_t b = 0; b < count; b++) {
      const int64_t begin = taps * b / count, end = taps * (b + 1) / count;
      blocks.push_back({begin, end - begin, 0, depth});
    }
    return blocks;
  }
  const int64_t count = ceilDivide(depth, most);
  for (int64_t t = 0; t < taps; t++) {
    for (int64_t b = 0; b < count; b++) {
      const int64_t begin = depth * b / count, end = depth * (b + 1) / count;
      blocks.push_back({t, 1, begin, end - begin});
    }
  }
  return blocks;
}

namespace {

constexpr int64_t kLargeFilter = 1 << 18;  // floats; beyond it panels are cut along k to stay in L2
constexpr int64_t kStepsPerBlock = 512;    // of such a cut: 128 KiB of a 64-wide panel

}  // namespace

bool isLargeFilter(const Conv& conv) { return weightLength(conv) > kLargeFilter; }

std::vector<StepBlock> filterSteps(const Conv& conv) {
  const int64_t taps = conv.taps(), depth = conv.groupInputs();
  return splitSteps(taps, depth, isLargeFilter(conv) ? kStepsPerBlock : taps * depth);
}

namespace {

// A 1x1 filter of so many floats stays in the second-level cache and in the first: not its panels are fetched
// ahead but inputs and outputs, and panel by panel or tile by tile. One thread, AVX-512, milliseconds with
// arrays in cache / in memory: 256 to 64 channels at 56x56 0.47 / 0.67, fetched ahead 0.46 / 0.46; 64 to 256
// 0.48 / 0.52 and 0.48 / 0.47, tile by tile 0.51 / 0.65; 16 to 96 at 112x112 0.32 / 0.39 and 0.28 / 0.31,
// tile by tile 0.27 / 0.26. Kernels of more taps lose: 3 to 64 of 3x3 at 224x224 0.95 and 0.99.
constexpr int64_t kCachedFilter = 1 << 16, kTinyFilter = 1 << 13;

int64_t panelFloats(const PackedFilter& filter, const Panel& panel, const StepBlock& step) {
  return step.taps * step.depth * panel.vectors * filter.kernels->lanes;
}

// What a small filter's tiles have fetched while they multiply.
struct Streams {
  bool fetched, tileByTile;
  bool output;
  const float* next;  // outputs of the next block
  int64_t floats;
};

Streams findStreams(const Conv& conv, const PackedFilter& filter, const TileBlock& block,
                    const std::vector<StepBlock>& steps, int64_t panelBegin, int64_t panelEnd) {
  int64_t weights = 0, positions = 0;
  for (int64_t p = panelBegin; p < panelEnd; p++)
    weights += panelFloats(filter, filter.panels[static_cast<std::size_t>(p)], steps[0]);
  Streams streams{};
  streams.fetched = steps.size() == 1 && block.taps == 1 && weights <= kCachedFilter && block.count > 0;
  if (!streams.fetched) return streams;
  streams.tileByTile = weights <= kTinyFilter;
  // Only where whole rows are written: another thread may write the rest
  streams.output = panelEnd - panelBegin == static_cast<int64_t>(filter.panels.size()) &&
                   block.ldc == conv.geometry.outChannels && block.following > 0;
  for (int64_t t = 0; t < block.count; t++) positions += block.tiles[t].height;
  streams.next = block.tiles[0].y.y + positions * block.ldc;
  streams.floats = std::min(positions, block.following) * block.ldc;
  return streams;
}

// Tile `t`, panel `p` of `panels`: the first panel fetches the next tile's input, the others share the
// outputs.
void fetchStreams(GemmTile& tile, const Streams& streams, const TileBlock& block, int64_t t, int64_t p,
                  int64_t panels) {
  const OutputTile* const then = t + 1 < block.count ? &block.tiles[t + 1] : nullptr;
  const int64_t steps = tile.taps * tile.depth;
  if (p == 0) {
    if (then != nullptr && then->rows[0] != nullptr)
      fetchAhead(tile, then->rows[0] + tile.offset, then->height * tile.depth, 0, 1, steps);
    return;
  }
  if (!streams.output) return;
  const int64_t share = p - 1, shares = panels - 1;
  if (!streams.tileByTile)
    fetchAhead(tile, streams.next, streams.floats, t + block.count * share, block.count * shares, steps);
  else if (then != nullptr) fetchAhead(tile, then->y.y, then->height * block.ldc, share, shares, steps);
}

}  // namespace

void multiply(const Conv& conv, const PackedFilter& filter, const TileBlock& block,
              const std::vector<StepBlock>& steps, int64_t panelBegin, int64_t panelEnd) {
  const Kernels& kernels = *conv.kernels;
  const Streams streams = findStreams(conv, filter, block, steps, panelBegin, panelEnd);
  GemmTile tile;
  tile.ldc = block.ldc;
  tile.low = conv.low;
  tile.high = conv.high;
  for (std::size_t s = 0; s < steps.size(); s++) {
    const StepBlock& step = steps[s];
    tile.taps = step.taps;
    tile.depth = step.depth;
    tile.first = s == 0;
    tile.last = s + 1 == steps.size();
    const auto weightsOf = [&](const Panel& panel, const StepBlock& of) {
      return filter.weights.data() + panel.weights +
             (of.tapBegin * block.depth + of.channelBegin) * panel.vectors * kernels.lanes;
    };
    const auto fetchPanel = [&](int64_t t, int64_t p) {
      const bool over = p + 1 == panelEnd;
      if (block.count == 1 || (over && s + 1 == steps.size())) return;
      const StepBlock& then = steps[over ? s + 1 : s];
      const Panel& other = filter.panels[static_cast<std::size_t>(over ? panelBegin : p + 1)];
      fetchAhead(tile, weightsOf(other, then), panelFloats(filter, other, then), t, block.count,
                 step.taps * step.depth);
    };
    const auto run = [&](int64_t t, int64_t p) {
      const Panel& panel = filter.panels[static_cast<std::size_t>(p)];
      const OutputTile& output = block.tiles[t];
      tile.offset = step.channelBegin + (block.groupsApart ? panel.inChannel : 0);
      tile.panel = weightsOf(panel, step);
      tile.bias = filter.bias.data() + panel.bias;
      tile.tail = panel.tail;
      tile.rows = output.rows + step.tapBegin * output.height;
      const Output to = output.y + panel.outChannel;
      tile.c = to.y;
      tile.residual = to.residual;
      tile.next = nullptr;
      tile.nextStep = 0;
      if (streams.fetched) fetchStreams(tile, streams, block, t, p - panelBegin, panelEnd - panelBegin);
      else fetchPanel(t, p);
      gemmKernel(kernels, panel.vectors, panel.tail, tile.depth, output.height)(tile);
      if (tile.last && conv.activateApart)
        activateRows(conv, tile.c, tile.ldc, output.height, panel.outCount);
    };
    if (streams.tileByTile) {
      for (int64_t t = 0; t < block.count; t++)
        for (int64_t p = panelBegin; p < panelEnd; p++) run(t, p);
    } else {
      for (int64_t p = panelBegin; p < panelEnd; p++)
        for (int64_t t = 0; t < block.count; t++) run(t, p);
    }
  }
}

const float** rowMemory(Scratch& scratch, int64_t pointers) {
  return static_cast<const float**>(
      scratch.bytes(0, static_cast<std::size_t>(pointers) * sizeof(const float*)));
}

OutputTile* tileMemory(Scratch& scratch, int64_t tiles) {
  return static_cast<OutputTile*>(scratch.bytes(3, static_cast<std::size_t>(tiles) * sizeof(OutputTile)));
}

}  // namespace convkit
