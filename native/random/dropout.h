// Masks of dropout: Philox 4x32-10 as lib/numerics/philox.ts has it, one word an element.
#pragma once

#include <cstdint>

#include "threads/parallel.h"

namespace convkit {

struct PhiloxKey {
  uint32_t seed[2], stream[2];
};

// mask[i] = 0 where the element's number in [0, 1) is below `probability`, else 1 / (1 - probability).
void runDropoutMask(const PhiloxKey& key, double probability, float* mask, int64_t n, const CancelFlag*);

}  // namespace convkit
