// Local response normalisation: each element over a power of the sum of squares of neighbouring channels.
#pragma once

#include <cstdint>

#include "isa/kernels.h"
#include "threads/parallel.h"

namespace convkit {

struct LocalResponse {
  int64_t channels, size;
  double alpha, beta, k;
};

// x [rows, channels]. With d = k + alpha / size * (sum of squares over the `size` channels from c - size / 2
// on): y = x / d^beta.
void runLocalResponse(const Kernels&, const LocalResponse&, const float* x, float* y, int64_t rows,
                      const CancelFlag*);
void runLocalResponseGradient(const Kernels&, const LocalResponse&, const float* x, const float* upstream,
                              float* gradient, int64_t rows, const CancelFlag*);

}  // namespace convkit
