// Groups narrower than a vector, depthwise among them: rows of output positions, vectors of several groups'
// channels.
#include <algorithm>

#include "conv/plan.h"

namespace convkit {
namespace {

constexpr int64_t kPositionsPerChunk = 256;

}  // namespace

void runGrouped(const Conv& conv, const PackedFilter& filter, const float* x, float* y, int64_t batch,
                const CancelFlag* cancelled) {
  const ConvGeometry& g = conv.geometry;
  const Kernels& kernels = *conv.kernels;
  const int64_t positions = batch * conv.positions(), taps = conv.taps(), lanes = kernels.lanes;
  const int64_t lastBlock = filter.blocks - 1;
  const int64_t lastOutputs = g.outChannels - lastBlock * filter.blockOutputs;
  const GroupedKernel* kernelOf = filter.kind == FilterKind::depthwise ? kernels.depthwise : kernels.grouped;

  // A block reads a whole vector of input channels where that many are left; the last few read what there is.
  int64_t wholeBlocks = 0;
  while (wholeBlocks < lastBlock && wholeBlocks * filter.blockInputs + lanes <= g.inChannels) wholeBlocks++;
  if (lastOutputs == filter.blockOutputs && lastBlock * filter.blockInputs + lanes <= g.inChannels)
    wholeBlocks++;

  const int64_t chunks = ceilDivide(positions, kPositionsPerChunk);
  parallelFor(chunks, cancelled, [&](int64_t chunk, Scratch& scratch) {
    auto** rows = static_cast<const float**>(
        scratch.bytes(0, static_cast<std::size_t>(taps * kernels.groupedRows) * sizeof(const float*)));
    const int64_t first = positions * chunk / chunks, count = positions * (chunk + 1) / chunks - first;
    const int64_t tiles = ceilDivide(count, kernels.groupedRows);
    GroupedTile tile;
    tile.rows = rows;
    tile.taps = taps;
    tile.depth = conv.groupInputs();
    tile.inputStep = filter.blockInputs;
    tile.outputStep = filter.blockOutputs;
    tile.index = filter.index.data();
    tile.ldc = g.outChannels;
    tile.low = conv.low;
    tile.high = conv.high;
    for (int64_t t = 0; t < tiles; t++) {
      const int64_t begin = first + count * t / tiles;
      const int height = static_cast<int>(first + count * (t + 1) / tiles - begin);
      fillRows(conv, x, begin, 1, height, rows);
      float* c = y + begin * g.outChannels;
      const auto run = [&](int64_t block, int64_t blocks, int64_t inputs, int64_t outputs) {
        tile.blocks = blocks;
        tile.base = block * filter.blockInputs;
        tile.inputs = static_cast<int>(inputs);
        tile.outputs = static_cast<int>(outputs);
        tile.panel = filter.weights.data() + block * taps * tile.depth * lanes;
        tile.bias = filter.bias.data() + block * lanes;
        tile.c = c + block * filter.blockOutputs;
        kernelOf[height](tile);
      };
      if (wholeBlocks > 0) run(0, wholeBlocks, lanes, filter.blockOutputs);
      for (int64_t b = wholeBlocks; b < filter.blocks; b++)
        run(b, 1, std::min(lanes, g.inChannels - b * filter.blockInputs),
            b == lastBlock ? lastOutputs : filter.blockOutputs);
      if (conv.activateApart) activateRows(conv, c, g.outChannels, height, g.outChannels);
    }
  });
}

}  // namespace convkit
