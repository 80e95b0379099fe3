// The indirect path: the micro-kernel reads the input where it lies, through a pointer per tap and output
// position.
#include <algorithm>

#include "conv/multiply.h"

namespace convkit {
namespace {

constexpr int64_t kTilesPerBlock = 16;   // about 100 positions: their input stays in L2 from panel to panel
constexpr int64_t kFewPositions = 400;   // with a large filter: the filter is what streams, and only once
constexpr int64_t kChunksPerThread = 4;  // so that a thread that starts late does not finish late
constexpr int64_t kWorthSharing = 1 << 18;  // multiplications: less is done before another thread has begun

struct Plan {
  int64_t positionBlocks, panelBlocks;
  bool panelByPanel;  // a thread's chunks share panels rather than positions
};

// Cuts the work into chunks, as many for each thread; the cut changes no chain, so it may depend on the
// number of threads.
Plan makePlan(const Conv& conv, const PackedFilter& filter, int64_t positions, int64_t tiles, bool large) {
  const int64_t threads = threadCount(), panels = static_cast<int64_t>(filter.panels.size());
  const bool worth = threads > 1 && positions * weightLength(conv) >= kWorthSharing;
  const int64_t wanted = worth ? threads * kChunksPerThread : 1;
  const bool apart = worth && panels % threads == 0 && outweighsInput(conv, positions);
  if ((large || apart) && positions <= kFewPositions) {
    // Panels that cannot be dealt out evenly are cut by positions too: of three, two threads had the work of
    // four
    if (panels % threads == 0) return {1, std::min(panels, wanted), true};
    return {std::min(tiles, threads), panels, true};
  }
  // Few tiles leave one thread more of them than the other, unless panels are dealt out too; nine chunks
  // would leave one thread five
  if (tiles < 2 * wanted && panels > 1) {
    const int64_t panelBlocks = std::min(panels, wanted);
    int64_t positionBlocks = ceilDivide(wanted, panelBlocks);
    while (positionBlocks < tiles && positionBlocks * panelBlocks % threads != 0) positionBlocks++;
    return {std::min(tiles, positionBlocks), panelBlocks, true};
  }
  int64_t positionBlocks = ceilDivide(tiles, kTilesPerBlock);
  if (positionBlocks > 1) positionBlocks = ceilDivide(positionBlocks, threads) * threads;
  // Several groups multiply the work of a block, not its input
  positionBlocks = std::min(tiles, std::max<int64_t>(positionBlocks, 1));
  int64_t panelBlocks = 1;
  if (positionBlocks < wanted) {
    if (large || conv.geometry.groups > 1) panelBlocks = std::min(panels, ceilDivide(wanted, positionBlocks));
    if (positionBlocks * panelBlocks < wanted && !large)
      positionBlocks = std::min(tiles, ceilDivide(wanted, panelBlocks));
  }
  return {positionBlocks, panelBlocks, false};
}

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
  const bool large = isLargeFilter(conv);
  const std::vector<StepBlock> steps = filterSteps(conv);
  // Tiles of equally distant outputs: of all positions or of a column
  const bool columns = goesByColumns(conv, filter.height);
  const int64_t height = conv.grids[0].height.output, width = conv.grids[0].width.output;
  const EvenTiles even(columns ? height : positions, filter.height);
  const int64_t allTiles = columns ? positions / height * even.tiles() : even.tiles();
  const Plan plan = makePlan(conv, filter, positions, allTiles, large);
  const int64_t panels = static_cast<int64_t>(filter.panels.size());
  const InputOrder order(conv, x, batch);
  const int64_t chunks = plan.positionBlocks * plan.panelBlocks;
  parallelFor(chunks, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const int64_t positionBlock = plan.panelByPanel ? chunk % plan.positionBlocks : chunk / plan.panelBlocks;
    const int64_t panelBlock = plan.panelByPanel ? chunk / plan.positionBlocks : chunk % plan.panelBlocks;
    const int64_t tileBegin = allTiles * positionBlock / plan.positionBlocks;
    const int64_t count = allTiles * (positionBlock + 1) / plan.positionBlocks - tileBegin;
    const float** rows = rowMemory(scratch, count * filter.height * taps);
    OutputTile* tiles = tileMemory(scratch, count);
    int64_t line = columns ? tileBegin / even.tiles() : 0, tile = tileBegin - line * even.tiles();
    const int64_t first = (columns ? line * height : 0) + even.begin(tile);
    RowCursor cursor(conv, conv.grids[0], x, first, columns);
    for (int64_t t = 0; t < count; t++) {
      const int64_t begin = even.begin(tile);
      const int64_t position = columns ? (line / width * height + begin) * width + line % width : begin;
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
      block.following = positions - even.begin(tileBegin + count);
      block.order = &order;
    }
    block.upcoming = shareOf(input.upcoming, chunk, chunks);
    if (input.upcoming.floats == 0) block.nextWeights = firstWeights(input.next, chunk, chunks);
    multiply(conv, filter, block, steps, panels * panelBlock / plan.panelBlocks,
             panels * (panelBlock + 1) / plan.panelBlocks);
  });
}

}  // namespace convkit
