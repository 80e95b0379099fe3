// Sums along one axis of three, in the shape of sums over positions.
#pragma once

#include "isa/kernels.h"
#include "threads/parallel.h"

namespace convkit {

// y[o][i] = (sum over r of x[o][r][i]) / divisor, x being [outer, count, inner]: chunks of
// kPositionsPerChain, each one chain from +0, their sums added in order to +0. Throws std::bad_alloc.
void runSum(const Kernels&, const float* x, float* y, int64_t outer, int64_t count, int64_t inner,
            float divisor, const CancelFlag*);

}  // namespace convkit
