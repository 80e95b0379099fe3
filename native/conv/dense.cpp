// The indirect path: the micro-kernel reads the input where it lies, through a pointer per tap and output
// position.
#include <algorithm>

#include "conv/division.h"
#include "conv/multiply.h"

namespace convkit {
namespace {

// Whether tiles hold positions of a column, so that a tap in the padding is one for all of them and is left
// out. 160 to 192 channels of 1x7 at 17x17 235 GFLOP/s in rows, 260 in columns (one thread, AVX-512).
bool goesByColumns(const Conv& conv, int height) {
  const Axis &rows = conv.grids[0].height, &columns = conv.grids[0].width;
  if (rows.kernel > 1 || columns.kernel == 1 || rows.output < height) return false;
  const auto taps = static_cast<int64_t>(columns.source.size());
  return std::count(columns.source.begin(), columns.source.end(), kPadding) * 20 > taps;
}

}  // namespace

void runDense(const Conv& conv, const PackedFilter& filter, const Input& input, Output y, int64_t batch,
              const CancelFlag* cancelled) {
  const float* const x = input.x;
  const int64_t positions = batch * conv.positions(), taps = conv.taps(), depth = conv.groupInputs();
  const int64_t outputStride = conv.geometry.outputStride;
  const std::vector<StepBlock> steps = filterSteps(conv);
  // Tiles of equally distant outputs: of all positions or of a column
  const bool columns = goesByColumns(conv, filter.height);
  const int64_t height = conv.grids[0].height.output, width = conv.grids[0].width.output;
  const Division division(conv, filter, positions, columns ? height : 0);
  const InputOrder order(conv, x, batch);
  const int64_t chunks = division.chunks();
  parallelFor(chunks, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const Part part = division.part(chunk);
    const EvenTiles even(columns ? height : part.end - part.begin, filter.height);
    const int64_t allTiles = columns ? positions / height * even.tiles() : even.tiles();
    const int64_t tileBegin = allTiles * part.block / part.blocks;
    const int64_t count = allTiles * (part.block + 1) / part.blocks - tileBegin;
    const float** rows = rowMemory(scratch, count * filter.height * taps);
    OutputTile* tiles = tileMemory(scratch, count);
    int64_t line = columns ? tileBegin / even.tiles() : 0, tile = tileBegin - line * even.tiles();
    const int64_t first = (columns ? line * height : part.begin) + even.begin(tile);
    RowCursor cursor(conv, conv.grids[0], x, first, columns);
    for (int64_t t = 0; t < count; t++) {
      const int64_t begin = even.begin(tile);
      const int64_t position =
          columns ? (line / width * height + begin) * width + line % width : part.begin + begin;
      tiles[t] = {rows, y + position * outputStride, even.height(tile)};
      cursor.fill(tiles[t].height, rows);
      rows += tiles[t].height * taps;
      if (++tile == even.tiles()) tile = 0, line++;
    }
    TileBlock block{tiles, count, taps, depth, outputStride, true};
    if (columns) {
      block.ldc *= width;
    } else {
      block.first = first;
      block.following = positions - part.begin - even.begin(tileBegin + count);
      block.order = &order;
    }
    block.upcoming = shareOf(input.upcoming, chunk, chunks);
    if (input.upcoming.floats == 0) block.nextWeights = firstWeights(input.next, chunk, chunks);
    block.nextPanel = part.nextPanel;
    multiply(conv, filter, block, steps, part.panelBegin, part.panelEnd);
  });
}

}  // namespace convkit
