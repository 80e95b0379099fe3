// The gradient of a convolution's weight: for every tap and every pair of channels a sum over output
// positions.
#pragma once

#include "conv/conv.h"

namespace convkit {

// Null where the weight gradient of this convolution is computed here; otherwise the reason.
const char* checkWeightGradient(const Conv&);

// x [batch, inputLength], upstream [batch, outputLength] -> gradient, as the weight lies: sums over positions
// in chains of kPositionsPerChain. biasGradient [outChannels], or null. Throws std::bad_alloc.
void runWeightGradient(const Conv&, const float* x, const float* upstream, float* gradient,
                       float* biasGradient, int64_t batch, const CancelFlag*);

}  // namespace convkit
