// Sums over positions: of all pixels of a batch, channel by channel.
#pragma once

#include "isa/kernels.h"
#include "threads/parallel.h"

namespace convkit {

// Positions whose sum is one chain; the sums of such chunks are added in order. The numerics contract,
// rule 4.
constexpr int64_t kPositionsPerChain = 256;

// x [positions, channels] -> y [channels]. Throws std::bad_alloc.
void runSumPositions(const Kernels&, const float* x, int64_t positions, int64_t channels, float* y,
                     const CancelFlag*);

}  // namespace convkit
