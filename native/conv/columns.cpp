// im2col: where taps are short runs that do not follow one another in memory, each output position's patch is
// copied into one row, and the product has a single long tap.
#include <algorithm>
#include <cstring>

#include "conv/multiply.h"

namespace convkit {
namespace {

constexpr int64_t kPositionsPerBlock = 96;

}  // namespace

void runColumns(const Conv& conv, const PackedFilter& filter, const float* x, float* y, int64_t batch,
                const CancelFlag* cancelled) {
  const ConvGeometry& g = conv.geometry;
  const int64_t positions = batch * conv.positions(), taps = conv.taps(), channels = conv.groupInputs();
  const int64_t depth = taps * channels, blocks = ceilDivide(positions, kPositionsPerBlock);
  const int64_t panelsPerGroup = static_cast<int64_t>(filter.panels.size()) / g.groups;
  const std::vector<StepBlock> steps = splitSteps(1, depth, depth);
  parallelFor(blocks, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const int64_t first = positions * chunk / blocks, count = positions * (chunk + 1) / blocks - first;
    const float** pixels = rowMemory(scratch, count * taps);
    auto** rows =
        static_cast<const float**>(scratch.bytes(1, static_cast<std::size_t>(count) * sizeof(const float*)));
    float* patches = scratch.floats(2, static_cast<std::size_t>(count * depth));
    for (int64_t m = 0; m < count; m++) {
      fillRows(conv, conv.grids[0], x, first + m, 1, 1, pixels + m * taps);
      rows[m] = patches + m * depth;
    }
    const EvenTiles even(count, filter.height);
    OutputTile* tiles = tileMemory(scratch, even.tiles());
    for (int64_t t = 0; t < even.tiles(); t++)
      tiles[t] = {rows + even.begin(t), y + (first + even.begin(t)) * g.outChannels, even.height(t)};
    const TileBlock block{tiles, even.tiles(), 1, depth, g.outChannels, false};
    for (int64_t group = 0; group < g.groups; group++) {
      float* to = patches;
      for (int64_t i = 0; i < count * taps; i++) {
        const float* pixel = pixels[i] == nullptr ? conv.zeros.data() : pixels[i] + group * channels;
        for (int64_t c = 0; c < channels; c++) *to++ = pixel[c];
      }
      multiply(conv, filter, block, steps, group * panelsPerGroup, (group + 1) * panelsPerGroup);
    }
  });
}

}  // namespace convkit
