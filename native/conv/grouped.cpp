// Groups narrower than a vector, depthwise among them: a vector holds the channels of several groups.
#include <algorithm>

#include "conv/multiply.h"

namespace convkit {
namespace {

constexpr int64_t kPositionsPerChunk = 256;

}  // namespace

void multiplyGrouped(const Conv& conv, const PackedFilter& filter, const TileBlock& block) {
  const ConvGeometry& g = conv.geometry;
  const int64_t lanes = conv.kernels->lanes, lastBlock = filter.blocks - 1;
  const bool depthwise = filter.kind == FilterKind::depthwise;
  const GroupedKernel* kernelOf = depthwise ? conv.kernels->depthwise : conv.kernels->grouped;
  GroupedTile tile;
  tile.taps = block.taps;
  tile.depth = block.depth;
  tile.inputStep = filter.blockInputs;
  tile.outputStep = filter.blockOutputs;
  tile.index = filter.index.data();
  tile.ldc = block.ldc;
  tile.low = conv.low;
  tile.high = conv.high;
  const auto run = [&](const OutputTile& output, int64_t first, int64_t blocks, int64_t inputs,
                       int64_t outputs) {
    tile.blocks = blocks;
    tile.base = first * filter.blockInputs;
    tile.inputs = static_cast<int>(inputs);
    tile.outputs = static_cast<int>(outputs);
    tile.panel = filter.weights.data() + first * block.taps * block.depth * lanes;
    tile.bias = filter.bias.data() + first * lanes;
    const Output to = output.y + first * filter.blockOutputs;
    tile.c = to.y;
    tile.residual = to.residual;
    kernelOf[output.height](tile);
  };
  for (int64_t t = 0; t < block.count; t++) {
    const OutputTile& output = block.tiles[t];
    tile.rows = output.rows;
    if (filter.wholeBlocks > 0) run(output, 0, filter.wholeBlocks, lanes, filter.blockOutputs);
    for (int64_t b = filter.wholeBlocks; b < filter.blocks; b++)
      run(output, b, 1, std::min(lanes, g.inChannels - b * filter.blockInputs),
          b == lastBlock ? g.outChannels - b * filter.blockOutputs : filter.blockOutputs);
    if (conv.activateApart) activateRows(conv, output.y.y, block.ldc, output.height, g.outChannels);
  }
}

void runGrouped(const Conv& conv, const PackedFilter& filter, const float* x, Output y, int64_t batch,
                const CancelFlag* cancelled) {
  const int64_t outputStride = conv.geometry.outputStride, taps = conv.taps();
  const int64_t positions = batch * conv.positions(), chunks = ceilDivide(positions, kPositionsPerChunk);
  parallelFor(chunks, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const int64_t first = positions * chunk / chunks, count = positions * (chunk + 1) / chunks - first;
    const EvenTiles even(count, conv.kernels->groupedRows);
    const float** rows = rowMemory(scratch, taps * conv.kernels->groupedRows);
    RowCursor cursor(conv, conv.grids[0], x, first);
    for (int64_t t = 0; t < even.tiles(); t++) {
      const int64_t begin = first + even.begin(t);
      const OutputTile tile{rows, y + begin * outputStride, even.height(t)};
      cursor.fill(tile.height, rows);
      multiplyGrouped(conv, filter, {&tile, 1, taps, conv.groupInputs(), outputStride, true});
    }
  });
}

}  // namespace convkit
