// Rows of floats, each times a number of its own.
#pragma once

#include <cstdint>

namespace convkit {

// y = x, `rows` of `width` floats, each row times its scale: products in double, rounded once. y may be x.
void runScaleRows(const float* x, const double* scale, int64_t rows, int64_t width, float* y);

}  // namespace convkit
