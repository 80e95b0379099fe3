#include "conv/input_order.h"

#include <algorithm>

namespace convkit {

InputOrder::InputOrder(const Conv& conv, const float* x, int64_t batch)
    : x_(x), count_(batch * conv.imageFloats()), each_(ceilDivide(conv.imageFloats(), conv.positions())) {
  const Grid& grid = conv.grids[0];
  const int64_t channels = conv.geometry.inChannels, row = grid.width.input * channels;
  const auto beyond = [](const Axis& axis) {
    return std::max<int64_t>(0, axis.dilation * (axis.kernel - 1) - axis.padBegin);
  };
  beyond_ =
      (beyond(grid.depth) * grid.height.input + beyond(grid.height)) * row + beyond(grid.width) * channels;
  // Of several images only the first would be met
  if (grid.height.kernel >= grid.height.stride || batch * grid.depth.output > 1) return;
  line_ = grid.width.output;
  lineFloats_ = grid.height.stride * row;
  each_ = grid.width.stride * channels;
}

const float* InputOrder::at(int64_t position) const {
  const int64_t before =
      line_ == 0 ? position * each_ : position / line_ * lineFloats_ + position % line_ * each_;
  return x_ + std::min(count_, before + beyond_);
}

}  // namespace convkit
