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

void multiply(const Conv& conv, const PackedFilter& filter, const TileBlock& block,
              const std::vector<StepBlock>& steps, int64_t panelBegin, int64_t panelEnd) {
  const Kernels& kernels = *conv.kernels;
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
    for (int64_t p = panelBegin; p < panelEnd; p++) {
      const Panel& panel = filter.panels[static_cast<std::size_t>(p)];
      const int64_t width = panel.vectors * kernels.lanes;
      tile.offset = step.channelBegin + (block.groupsApart ? panel.inChannel : 0);
      tile.panel =
          filter.weights.data() + panel.weights + (step.tapBegin * block.depth + step.channelBegin) * width;
      tile.bias = filter.bias.data() + panel.bias;
      tile.tail = panel.tail;
      const float* next = nullptr;
      int64_t nextFloats = 0;
      const bool over = p + 1 == panelEnd;
      if (block.count > 1 && (!over || s + 1 < steps.size())) {
        const StepBlock& then = steps[over ? s + 1 : s];
        const Panel& other = filter.panels[static_cast<std::size_t>(over ? panelBegin : p + 1)];
        const int64_t otherWidth = other.vectors * kernels.lanes;
        next = filter.weights.data() + other.weights +
               (then.tapBegin * block.depth + then.channelBegin) * otherWidth;
        nextFloats = then.taps * then.depth * otherWidth;
      }
      for (int64_t t = 0; t < block.count; t++) {
        if (next != nullptr) fetchAhead(tile, next, nextFloats, t, block.count, step.taps * step.depth);
        else tile.next = nullptr;
        const OutputTile& output = block.tiles[t];
        tile.rows = output.rows + step.tapBegin * output.height;
        const Output to = output.y + panel.outChannel;
        tile.c = to.y;
        tile.residual = to.residual;
        kernels.gemm[panel.vectors][output.height](tile);
        if (tile.last && conv.activateApart)
          activateRows(conv, tile.c, tile.ldc, output.height, panel.outCount);
      }
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
