// Threaded drivers of the optimisers' steps: elements are split, and none depends on another.
#pragma once

#include "isa/kernels.h"
#include "threads/parallel.h"

namespace convkit {

// momentum is null where there is none.
void runSgdStep(const Kernels&, const SgdStep&, float* parameter, const float* gradient, float* momentum,
                int64_t n, const CancelFlag*);
// largest is null without amsgrad.
void runAdamStep(const Kernels&, const AdamStep&, float* parameter, const float* gradient, float* mean,
                 float* variance, float* largest, int64_t n, const CancelFlag*);

}  // namespace convkit
