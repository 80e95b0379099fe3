// Bound by memory in the baseline's vectors already: weights with a normalisation folded into them.
#include "elementwise/scale_rows.h"

#include <algorithm>

#include "threads/parallel.h"

namespace convkit {
namespace {

constexpr int64_t kFloatsPerUnit = 1 << 15;

}  // namespace

void runScaleRows(const float* x, const double* scale, int64_t rows, int64_t width, float* y) {
  const int64_t step = std::max<int64_t>(1, kFloatsPerUnit / std::max<int64_t>(1, width));
  parallelFor((rows + step - 1) / step, nullptr, [&](int64_t unit, Scratch&) {
    const int64_t last = std::min(rows, (unit + 1) * step);
    for (int64_t row = unit * step; row < last; row++) {
      const double factor = scale[row];
      const float* const from = x + row * width;
      float* const to = y + row * width;
      for (int64_t i = 0; i < width; i++) to[i] = static_cast<float>(static_cast<double>(from[i]) * factor);
    }
  });
}

}  // namespace convkit
