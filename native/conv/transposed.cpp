// Transposed convolutions, as gathers: every output position sums the taps that reach it, in the order of the
// kernel, so its chain is one chain like any other. Positions that leave the same remainder by the stride
// share their taps; each such grid is an ordinary indirect convolution whose outputs lie a stride apart.
#include <algorithm>

#include "conv/multiply.h"

namespace convkit {
namespace {

constexpr int64_t kPositionsPerChunk = 96;

// Lines (output rows) [begin, end) of one grid, counted over the batch.
struct Lines {
  const Grid* grid;
  int64_t begin, end;
};

std::vector<Lines> splitLines(const Conv& conv, int64_t batch) {
  std::vector<Lines> chunks;
  for (const Grid& grid : conv.grids) {
    const int64_t lines = batch * grid.depth.output * grid.height.output;
    const int64_t count = ceilDivide(lines * grid.width.output, kPositionsPerChunk);
    for (int64_t c = 0; c < std::min(count, lines); c++)
      chunks.push_back({&grid, lines * c / std::min(count, lines), lines * (c + 1) / std::min(count, lines)});
  }
  return chunks;
}

// The steps that some tile has a tap of, one at least: the others would only carry sums through memory and
// fetch filters for nothing. 512 to 256 channels, 4x4 with stride 2 from 8x8 pixels: 229 instead of 215
// GFLOP/s
std::vector<StepBlock> stepsOf(const std::vector<StepBlock>& all, const OutputTile* tiles, int64_t count) {
  std::vector<StepBlock> used;
  for (const StepBlock& step : all) {
    const auto uses = [&step](const OutputTile& tile) {
      for (int64_t t = step.tapBegin; t < step.tapBegin + step.taps; t++)
        if (tile.rows[t * tile.height] != nullptr) return true;
      return false;
    };
    if (std::any_of(tiles, tiles + count, uses)) used.push_back(step);
  }
  return used.empty() ? std::vector<StepBlock>{all.front()} : used;
}

// Where line `line` of a grid begins in the output, in positions.
int64_t lineStart(const Conv& conv, const Grid& grid, int64_t line) {
  const Triple& out = conv.geometry.outputSize;
  const int64_t h = grid.start.height + line % grid.height.output * grid.step.height;
  const int64_t plane = line / grid.height.output;
  const int64_t d = grid.start.depth + plane % grid.depth.output * grid.step.depth;
  return ((plane / grid.depth.output * out.depth + d) * out.height + h) * out.width + grid.start.width;
}

}  // namespace

void runTransposed(const Conv& conv, const PackedFilter& filter, const float* x, Output y, int64_t batch,
                   const CancelFlag* cancelled) {
  const ConvGeometry& g = conv.geometry;
  const bool dense = conv.kind == FilterKind::dense;
  const int64_t taps = conv.taps(), depth = conv.groupInputs();
  const bool large = isLargeFilter(conv);
  const std::vector<StepBlock> steps = filterSteps(conv);
  const std::vector<Lines> chunks = splitLines(conv, batch);
  const int64_t panels = dense ? static_cast<int64_t>(filter.panels.size()) : 1;
  const int64_t tallest = dense ? filter.height : conv.kernels->groupedRows;
  // A large filter over a small image has few chunks: cut it between the threads as well
  const int64_t panelBlocks = large ? std::min<int64_t>(panels, 4 * threadCount()) : 1;

  parallelFor(
      static_cast<int64_t>(chunks.size()) * panelBlocks, cancelled, [&](int64_t chunk, Scratch& scratch) {
        const Lines& lines = chunks[static_cast<std::size_t>(chunk / panelBlocks)];
        const Grid& grid = *lines.grid;
        const int64_t width = grid.width.output, panelBlock = chunk % panelBlocks;
        const EvenTiles even(width, tallest);
        const float** rows = rowMemory(scratch, (lines.end - lines.begin) * width * taps);
        OutputTile* tiles = tileMemory(scratch, (lines.end - lines.begin) * even.tiles());
        RowCursor cursor(conv, grid, x, lines.begin * width);
        int64_t count = 0;
        for (int64_t line = lines.begin; line < lines.end; line++) {
          const int64_t start = lineStart(conv, grid, line);
          for (int64_t t = 0; t < even.tiles(); t++) {
            const int64_t begin = even.begin(t);
            tiles[count++] = {rows, y + (start + begin * grid.step.width) * g.outputStride, even.height(t)};
            cursor.fill(even.height(t), rows);
            rows += even.height(t) * taps;
          }
        }
        const TileBlock block{tiles, count, taps, depth, grid.step.width * g.outputStride, true};
        if (dense)
          multiply(conv, filter, block, stepsOf(steps, tiles, count), panels * panelBlock / panelBlocks,
                   panels * (panelBlock + 1) / panelBlocks);
        else multiplyGrouped(conv, filter, block);
      });
}

}  // namespace convkit
