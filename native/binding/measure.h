// What the machine can do at most, measured with the kernels' own instructions.
#pragma once

#include <cstdint>

#include "isa/kernels.h"

namespace convkit {

double measurePeak(const Kernels& kernels, double seconds);  // FLOP/s
double measureBandwidth(const Kernels& kernels, int64_t bytes,
                        double seconds);  // bytes/s; throws std::bad_alloc

}  // namespace convkit
