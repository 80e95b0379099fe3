// Two operands of different shapes, element by element: where one has a single element along an axis, it
// repeats.
#pragma once

#include "isa/kernels.h"
#include "threads/parallel.h"

namespace convkit {

constexpr int kMostAxes = 8;

struct BroadcastGeometry {
  int axes;
  int64_t sizes[kMostAxes];
  // Floats from one element to the next along each axis, 0 where the operand repeats; along the last axis 0
  // or 1.
  int64_t aSteps[kMostAxes], bSteps[kMostAxes];
};

int64_t outputLength(const BroadcastGeometry&);
// Floats that an operand of these steps must have at least.
int64_t operandLength(const BroadcastGeometry&, const int64_t* steps);

void runBroadcast(const BroadcastGeometry&, const Kernels&, Arithmetic, const float* a, const float* b,
                  float* y, const CancelFlag*);

}  // namespace convkit
