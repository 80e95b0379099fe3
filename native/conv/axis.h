// One axis of a convolution: which input index, if any, a tap of an output position reads.
#pragma once

#include <cstdint>
#include <vector>

#include "conv/conv.h"

namespace convkit {

constexpr int32_t kPadding = -1;

// The input index that position i of an axis of `size` stands for, where i may lie outside [0, size).
inline int64_t sourceIndex(int64_t i, int64_t size, PaddingMode mode) {
  if (i >= 0 && i < size) return i;
  switch (mode) {
    case PaddingMode::reflect:
      return i < 0 ? -i : 2 * (size - 1) - i;
    case PaddingMode::replicate:
      return i < 0 ? 0 : size - 1;
    case PaddingMode::circular:
      return i < 0 ? i + size : i - size;
    case PaddingMode::zeros:
      break;
  }
  return kPadding;
}

struct Axis {
  int64_t input, output, kernel, stride, dilation, padBegin;  // output: positions of the grid
  std::vector<int32_t> source;  // [output][kernel], kPadding where the tap reads zero padding

  const int32_t* taps(int64_t position) const { return source.data() + position * kernel; }
};

}  // namespace convkit
