// The loops around the micro-kernel: blocks of k, panels of filters, tiles of output positions.
#pragma once

#include <vector>

#include "conv/input_order.h"
#include "conv/plan.h"

namespace convkit {

// Consecutive steps of every chain: whole taps, or a run of channels of one tap.
struct StepBlock {
  int64_t tapBegin, taps, channelBegin, depth;
};

// The steps of `taps` x `depth` in order, in blocks of about `most` steps.
std::vector<StepBlock> splitSteps(int64_t taps, int64_t depth, int64_t most);

// Whether a filter is too large to stay in cache from one block of positions to the next.
bool isLargeFilter(const Conv&);
// Whether it has more weights than the input of so many output positions has elements: threads then read
// less if each has its own part of the filter. 256 to 1024 channels at 14x14, two threads, 251 us to 239
inline bool outweighsInput(const Conv& conv, int64_t positions) {
  return weightLength(conv) > positions * conv.geometry.inChannels;
}
// The steps of a filter read through pointers, one tap a kernel position: a large one is cut, to stay in L2
// panel by panel.
std::vector<StepBlock> filterSteps(const Conv&);

// Output positions ldc floats apart, and the input of each of their taps.
struct OutputTile {
  const float* const* rows;  // [taps][height]
  Output y;                  // output channel 0 of the first position
  int height;
};

struct TileBlock {
  const OutputTile* tiles;
  int64_t count;
  int64_t taps, depth;
  int64_t ldc;
  bool groupsApart;  // rows point at a pixel of all groups, not of one
  // Where positions follow one another: the first one, how many come after the block's, and what they read,
  // if that is worth fetching
  int64_t first = 0, following = 0;
  const InputOrder* order = nullptr;
  Upcoming upcoming = {};     // fetched where inputs need not be
  int64_t nextPanel = -1;     // fetched last: what the thread likely goes on with; -1: the panel that follows
  Upcoming nextWeights = {};  // fetched rather than inputs: another thread may have taken those
};

// Part `index` of `count`.
inline Upcoming shareOf(const Upcoming& all, int64_t index, int64_t count) {
  const int64_t begin = all.floats * index / count;
  return {all.begin + begin, all.floats * (index + 1) / count - begin};
}

// What a thread begins the next convolution with, if this is likely its last chunk; otherwise nothing.
Upcoming firstWeights(const OtherConv&, int64_t chunk, int64_t chunks);

// Cuts `count` positions into tiles of at most `height`, evenly: a short tile at the end would waste its
// weights. Tiles of one position are told apart, since small layers notice divisions.
class EvenTiles {
 public:
  EvenTiles(int64_t count, int64_t height) : count_(count), tiles_(ceilDivide(count, height)) {}
  int64_t tiles() const { return tiles_; }
  int64_t begin(int64_t tile) const { return tiles_ == count_ ? tile : count_ * tile / tiles_; }
  int height(int64_t tile) const { return static_cast<int>(begin(tile + 1) - begin(tile)); }

 private:
  int64_t count_, tiles_;
};

// Has tile `t` of `count` fetch its share of what is multiplied next, `floats` from `next` on; `steps` is its
// own number of them.
inline void fetchAhead(GemmTile& tile, const float* next, int64_t floats, int64_t t, int64_t count,
                       int64_t steps) {
  constexpr int64_t kMostStep = 32;  // two lines
  const int64_t share = ceilDivide(floats, count);
  tile.next = next + t * share;
  tile.nextStep = std::min(kMostStep, ceilDivide(share, steps));
}

// Output channels of panels [panelBegin, panelEnd) at every position of the block, finished.
void multiply(const Conv&, const PackedFilter&, const TileBlock&, const std::vector<StepBlock>&,
              int64_t panelBegin, int64_t panelEnd);

// The same for a grouped or depthwise filter, all output channels.
void multiplyGrouped(const Conv&, const PackedFilter&, const TileBlock&);

// Memory of a block of tiles; the slots of a Scratch that drivers leave to it.
const float** rowMemory(Scratch&, int64_t pointers);  // slot 0
OutputTile* tileMemory(Scratch&, int64_t tiles);      // slot 3

}  // namespace convkit
