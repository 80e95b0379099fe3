// Max and average pooling of channels-last images over windows listed per axis.
#pragma once

#include <cstdint>
#include <vector>

#include "isa/kernels.h"
#include "threads/parallel.h"

namespace convkit {

enum class PoolKind : int32_t { max, average };

struct PoolAxis {
  int64_t size, dilation;
  std::vector<int32_t> begin, end, span;  // one entry an output position
};

struct PoolGeometry {
  PoolKind kind;
  int64_t channels;
  PoolAxis axes[3];          // depth, height, width
  int64_t outputStride = 0;  // floats from one output position to the next; 0: the channels
};

// Null if windows lie inside the input and none is empty; otherwise the reason.
const char* checkPool(const PoolGeometry&);
int64_t inputLength(const PoolGeometry&);
int64_t outputLength(const PoolGeometry&);                 // of one image, its positions side by side
int64_t outputLength(const PoolGeometry&, int64_t batch);  // from the first to the last, where they lie
void runPool(const PoolGeometry&, const Kernels&, const float* x, float* y, int64_t batch,
             const CancelFlag* cancelled);
// x is read for max only.
void runPoolGradient(const PoolGeometry&, const Kernels&, const float* x, const float* upstream,
                     float* gradient, int64_t batch, const CancelFlag* cancelled);

}  // namespace convkit
