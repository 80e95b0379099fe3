// The weight gradient of a 3x3 convolution of stride 1 by Winograd's minimal filtering: other bits. Private
// to native/conv.
#pragma once

#include "conv/plan.h"

namespace convkit {

void runWinogradGradient(const Conv&, const float* x, const float* upstream, float* gradient, int64_t batch,
                         const CancelFlag*);

}  // namespace convkit
