// Softmax and cross-entropy over the rows of a matrix.
#pragma once

#include <cstdint>

#include "isa/kernels.h"
#include "threads/parallel.h"

namespace convkit {

// y[r] = softmax of x[r], or its logarithm.
void runSoftmax(const Kernels&, bool log, const float* x, float* y, int64_t rows, int64_t length,
                const CancelFlag*);
// gradient may be upstream.
void runSoftmaxGradient(const Kernels&, bool log, const float* y, const float* upstream, float* gradient,
                        int64_t rows, int64_t length, const CancelFlag*);

struct CrossEntropy {
  const float* logProbabilities;  // [rows][length]
  const int32_t* targets;         // [rows], -1: a row that does not count
  const float* weight;            // [length] or null
  float keep, share;              // 1 - smoothing and smoothing / length
  int64_t rows, length;
};

void runCrossEntropy(const Kernels&, const CrossEntropy&, float* losses, const CancelFlag*);
void runCrossEntropyGradient(const Kernels&, const CrossEntropy&, const float* upstream, float* gradient,
                             const CancelFlag*);

}  // namespace convkit
