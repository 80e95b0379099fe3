// The input positions that every tap of every output position reads.
#include "conv/plan.h"

namespace convkit {
namespace {

constexpr int64_t kMostGrids = 4096;

// Output positions start, start + step, ... of an axis, and what each tap of theirs reads.
Axis makeAxis(const ConvGeometry& g, int64_t Triple::*at, int64_t start, int64_t step) {
  const int64_t input = g.inputSize.*at, kernel = g.kernelSize.*at, stride = g.stride.*at,
                dilation = g.dilation.*at, padBegin = g.padBegin.*at,
                output = (g.outputSize.*at - start + step - 1) / step;
  // Winograd takes a transposed axis for the plain one that it is with its kernels turned over
  const bool turned = g.transposed && g.algorithm != Algorithm::direct;
  Axis axis{input, output, kernel, stride, dilation, turned ? dilation * (kernel - 1) - padBegin : padBegin,
            {}};
  axis.source.reserve(static_cast<std::size_t>(output * kernel));
  for (int64_t p = 0; p < output; p++) {
    const int64_t o = start + p * step;
    for (int64_t k = 0; k < kernel; k++) {
      int64_t from = kPadding;
      if (!g.transposed) {
        from = sourceIndex(o * stride + k * dilation - padBegin, input, g.paddingMode);
      } else {
        // The input position that a forward convolution would write from o, if there is one
        const int64_t reach = o + padBegin - k * dilation;
        if (reach >= 0 && reach % stride == 0 && reach / stride < input) from = reach / stride;
      }
      axis.source.push_back(static_cast<int32_t>(from));
    }
  }
  return axis;
}

}  // namespace

std::vector<Grid> makeGrids(const ConvGeometry& g, bool wanted) {
  // A stride of millions would make millions of grids, of one position or none each
  const bool split = wanted && g.transposed && g.stride.depth <= kMostGrids &&
                     g.stride.height <= kMostGrids && g.stride.width <= kMostGrids &&
                     g.stride.product() <= kMostGrids;
  const Triple step = split ? g.stride : Triple{1, 1, 1};
  std::vector<Grid> grids;
  for (int64_t d = 0; d < step.depth && d < g.outputSize.depth; d++)
    for (int64_t h = 0; h < step.height && h < g.outputSize.height; h++)
      for (int64_t w = 0; w < step.width && w < g.outputSize.width; w++)
        grids.push_back({makeAxis(g, &Triple::depth, d, step.depth),
                         makeAxis(g, &Triple::height, h, step.height),
                         makeAxis(g, &Triple::width, w, step.width),
                         {d, h, w},
                         step});
  return grids;
}

}  // namespace convkit
