// Sums of squares: what norms are the root of.
#pragma once

#include "isa/kernels.h"
#include "threads/parallel.h"

namespace convkit {

// Elements whose sum is one chunk; the sums of chunks are added in order.
constexpr int64_t kSquaresPerChunk = 4096;

// *y = sum of x[i]^2. Throws std::bad_alloc.
void runSumSquares(const Kernels&, const float* x, int64_t n, float* y, const CancelFlag*);

}  // namespace convkit
