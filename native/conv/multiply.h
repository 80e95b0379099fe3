// The loops around the micro-kernel: blocks of k, panels of filters, tiles of output positions.
#pragma once

#include <vector>

#include "conv/plan.h"

namespace convkit {

// Consecutive steps of every chain: whole taps, or a run of channels of one tap.
struct StepBlock {
  int64_t tapBegin, taps, channelBegin, depth;
};

// The steps of `taps` x `depth` in order, in blocks of about `most` steps.
std::vector<StepBlock> splitSteps(int64_t taps, int64_t depth, int64_t most);

// Consecutive output positions, tiled evenly: heights differ by one at most.
struct PositionBlock {
  const float* const* rows;  // tile after tile, each [taps][its height]
  int64_t taps, depth;
  int64_t count, tiles;
  float* y;          // of the first position
  bool groupsApart;  // rows point at a pixel of all groups, not of one
  int64_t tileBegin(int64_t tile) const { return count * tile / tiles; }
  int64_t tileEnd(int64_t tile) const { return count * (tile + 1) / tiles; }
  const float* const* tileRows(int64_t tile) const { return rows + tileBegin(tile) * taps; }
};

// Output channels of panels [panelBegin, panelEnd) at every position of the block, finished.
void multiply(const Conv&, const PackedFilter&, const PositionBlock&, const std::vector<StepBlock>&,
              int64_t panelBegin, int64_t panelEnd);

}  // namespace convkit
