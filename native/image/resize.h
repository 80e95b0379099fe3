// Resizing of images of bytes by listed weights, first along rows, then across them.
#pragma once

#include <vector>

#include "isa/kernels.h"

namespace convkit {

// Output i of an axis is the sum of the `count[i]` inputs from start[i] on, times weight[i * taps ...], in
// units of 2^-22.
struct ResizeAxis {
  int64_t taps;
  std::vector<int32_t> start, count, weight;
  int64_t outputs() const { return static_cast<int64_t>(start.size()); }
};

struct ResizeGeometry {
  int64_t channels, height, width;
  ResizeAxis rows, columns;
};

// Null where every tap lies in the image and has a weight, otherwise the reason.
const char* checkResize(const ResizeGeometry&);

// x [height, width, channels] -> y [rows.outputs, columns.outputs, channels]. Throws std::bad_alloc.
void runResize(const ResizeGeometry&, const Kernels&, const uint8_t* x, uint8_t* y);

}  // namespace convkit
