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
  int64_t positionBlocks, panelBlocks, tiles;
  bool panelByPanel;  // a thread's chunks share panels rather than positions
};

// Cuts the work into chunks, as many for each thread; the cut changes no chain, so it may depend on the
// number of threads.
Plan makePlan(const Conv& conv, const PackedFilter& filter, int64_t positions, bool large) {
  const int64_t threads = threadCount(), panels = static_cast<int64_t>(filter.panels.size());
  const int64_t tiles = ceilDivide(positions, filter.height);
  const bool worth = threads > 1 && positions * weightLength(conv) >= kWorthSharing;
  const int64_t wanted = worth ? threads * kChunksPerThread : 1;
  if (large && positions <= kFewPositions) {
    // Panels that cannot be dealt out evenly are cut by positions too: of three, two threads had the work of
    // four
    if (panels % threads == 0) return {1, std::min(panels, wanted), tiles, true};
    return {std::min(tiles, threads), panels, tiles, true};
  }
  // Few tiles leave one thread more of them than the other, unless panels are dealt out too
  if (tiles < 2 * wanted && panels > 1) {
    const int64_t panelBlocks = std::min(panels, wanted);
    return {std::min(tiles, ceilDivide(wanted, panelBlocks)), panelBlocks, tiles, true};
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
  return {positionBlocks, panelBlocks, tiles, false};
}

}  // namespace

void runDense(const Conv& conv, const PackedFilter& filter, const float* x, Output y, int64_t batch,
              const CancelFlag* cancelled) {
  const int64_t positions = batch * conv.positions(), taps = conv.taps(), depth = conv.groupInputs();
  const int64_t outputStride = conv.geometry.outputStride;
  const bool large = isLargeFilter(conv);
  const std::vector<StepBlock> steps = filterSteps(conv);
  const Plan plan = makePlan(conv, filter, positions, large);
  const int64_t panels = static_cast<int64_t>(filter.panels.size());
  const InputOrder order(conv, x, batch);
  parallelFor(plan.positionBlocks * plan.panelBlocks, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const int64_t positionBlock = plan.panelByPanel ? chunk % plan.positionBlocks : chunk / plan.panelBlocks;
    const int64_t panelBlock = plan.panelByPanel ? chunk / plan.positionBlocks : chunk % plan.panelBlocks;
    const int64_t tileBegin = plan.tiles * positionBlock / plan.positionBlocks;
    const int64_t tileEnd = plan.tiles * (positionBlock + 1) / plan.positionBlocks;
    const int64_t first = positions * tileBegin / plan.tiles, last = positions * tileEnd / plan.tiles;
    const EvenTiles even(last - first, filter.height);
    const float** rows = rowMemory(scratch, (last - first) * taps);
    OutputTile* tiles = tileMemory(scratch, even.tiles());
    RowCursor cursor(conv, conv.grids[0], x, first);
    for (int64_t t = 0; t < even.tiles(); t++) {
      const int64_t begin = even.begin(t);
      tiles[t] = {rows + begin * taps, y + (first + begin) * outputStride, even.height(t)};
      cursor.fill(even.height(t), rows + begin * taps);
    }
    const TileBlock block{tiles, even.tiles(),     taps,  depth, outputStride, true,
                          first, positions - last, &order};
    multiply(conv, filter, block, steps, panels * panelBlock / plan.panelBlocks,
             panels * (panelBlock + 1) / plan.panelBlocks);
  });
}

}  // namespace convkit
