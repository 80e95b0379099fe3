#include "conv/division.h"

#include <algorithm>

#include "conv/multiply.h"

namespace convkit {
namespace {

constexpr int64_t kTilesPerBlock = 16;   // about 100 positions: their input stays in L2 from panel to panel
constexpr int64_t kFewPositions = 400;   // with a large filter: the filter is what streams, and only once
constexpr int64_t kChunksPerThread = 4;  // so that a thread that starts late does not finish late
constexpr int64_t kWorthSharing = 1 << 18;  // multiplications: less is done before another thread has begun

}  // namespace

void Division::byPanels(int64_t positionBlocks, int64_t panelBlocks) {
  byPositions(positionBlocks, panelBlocks);
  panelByPanel_ = true;
}

// Threads take as many positions each, not as many tiles: of 33 tiles one of two threads had 17. 96 to 576
// channels at 14x14, two threads, 50.2 us to 49.1
void Division::byPositions(int64_t positionBlocks, int64_t panelBlocks) {
  positionBlocks_ = positionBlocks;
  panelBlocks_ = panelBlocks;
  if (runs_ && positionBlocks > 1 && positionBlocks % threads_ == 0) parts_ = threads_;
}

Division::Division(const Conv& conv, const PackedFilter& filter, int64_t positions, int64_t columnHeight)
    : positions_(positions),
      panels_(static_cast<int64_t>(filter.panels.size())),
      threads_(threadCount()),
      runs_(columnHeight == 0) {
  const int64_t tiles = runs_ ? ceilDivide(positions, filter.height)
                              : positions / columnHeight * ceilDivide(columnHeight, filter.height);
  divide(conv, tiles);
}

void Division::divide(const Conv& conv, int64_t tiles) {
  const bool large = isLargeFilter(conv);
  const bool worth = threads_ > 1 && positions_ * weightLength(conv) >= kWorthSharing;
  const int64_t wanted = worth ? threads_ * kChunksPerThread : 1, odd = panels_ % threads_;
  const bool outweighs =
      (large || (worth && odd == 0 && outweighsInput(conv, positions_))) && positions_ <= kFewPositions;
  const bool fewTiles = tiles < 2 * wanted && panels_ > 1;
  // Panels that cannot be dealt out evenly are cut by positions: of three, two threads had the work of four,
  // of 15 one had eight. At 7x7, two threads, 160 to 960 channels 38.8 us to 35.2, 960 to 160 42.3 to 40.0
  if ((outweighs || fewTiles) && worth && runs_ && odd != 0 && panels_ > threads_ && positions_ >= threads_) {
    shared_ = odd;
    panelBlocks_ = std::min(panels_ / threads_, kChunksPerThread);
    return;
  }
  if (outweighs) {
    if (odd == 0) return byPanels(1, std::min(panels_, wanted));
    return byPanels(std::min(tiles, threads_), panels_);
  }
  // Few tiles leave one thread more of them than the other, unless panels are dealt out too; nine chunks
  // would leave one thread five
  if (fewTiles) {
    const int64_t panelBlocks = std::min(panels_, wanted);
    int64_t positionBlocks = ceilDivide(wanted, panelBlocks);
    while (positionBlocks < tiles && positionBlocks * panelBlocks % threads_ != 0) positionBlocks++;
    return byPanels(std::min(tiles, positionBlocks), panelBlocks);
  }
  int64_t positionBlocks = ceilDivide(tiles, kTilesPerBlock);
  if (positionBlocks > 1) positionBlocks = ceilDivide(positionBlocks, threads_) * threads_;
  // Several groups multiply the work of a block, not its input
  positionBlocks = std::min(tiles, std::max<int64_t>(positionBlocks, 1));
  int64_t panelBlocks = 1;
  if (positionBlocks < wanted) {
    if (large || conv.geometry.groups > 1)
      panelBlocks = std::min(panels_, ceilDivide(wanted, positionBlocks));
    if (positionBlocks * panelBlocks < wanted && !large)
      positionBlocks = std::min(tiles, ceilDivide(wanted, panelBlocks));
  }
  byPositions(positionBlocks, panelBlocks);
}

int64_t Division::chunks() const {
  return shared_ > 0 ? threads_ * (panelBlocks_ + 1) : positionBlocks_ * panelBlocks_;
}

Part Division::part(int64_t chunk) const {
  if (shared_ > 0) {
    const int64_t thread = chunk / (panelBlocks_ + 1), own = chunk % (panelBlocks_ + 1);
    const int64_t dealt = panels_ - shared_, each = dealt / threads_;
    if (own == panelBlocks_)
      return {positions_ * thread / threads_,
              positions_ * (thread + 1) / threads_,
              0,
              1,
              dealt,
              panels_,
              panels_};
    const int64_t begin = each * thread + each * own / panelBlocks_,
                  end = each * thread + each * (own + 1) / panelBlocks_;
    return {0, positions_, 0, 1, begin, end, own + 1 == panelBlocks_ ? dealt : end};
  }
  const int64_t positionBlock = panelByPanel_ ? chunk % positionBlocks_ : chunk / panelBlocks_;
  const int64_t panelBlock = panelByPanel_ ? chunk / positionBlocks_ : chunk % panelBlocks_;
  const int64_t blocks = positionBlocks_ / parts_, part = positionBlock / blocks;
  const int64_t end = panels_ * (panelBlock + 1) / panelBlocks_;
  return {positions_ * part / parts_,
          positions_ * (part + 1) / parts_,
          positionBlock % blocks,
          blocks,
          panels_ * panelBlock / panelBlocks_,
          end,
          end};
}

}  // namespace convkit
