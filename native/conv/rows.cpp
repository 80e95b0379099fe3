// Pointers from output positions and taps to input pixels: what makes a convolution a matrix product without
// a copy.
#include "conv/plan.h"

namespace convkit {

RowCursor::RowCursor(const Conv& conv, const Grid& grid, const float* x, int64_t first)
    : conv_(conv), grid_(grid) {
  const ConvGeometry& g = conv.geometry;
  const int64_t rest = first / grid.width.output, plane = rest / grid.height.output;
  w_ = first % grid.width.output;
  h_ = rest % grid.height.output;
  d_ = plane % grid.depth.output;
  image_ = x + plane / grid.depth.output * g.inputSize.product() * g.inChannels;
  const auto same = [](const Axis& axis) {
    return axis.kernel == 1 && axis.stride == 1 && axis.padBegin == 0 && axis.input == axis.output;
  };
  pixel_ = same(grid.depth) && same(grid.height) && same(grid.width) ? x + first * g.inChannels : nullptr;
}

void RowCursor::fill(int height, const float** rows) {
  const Triple& in = conv_.geometry.inputSize;
  const int64_t channels = conv_.geometry.inChannels;
  if (pixel_ != nullptr) {
    for (int i = 0; i < height; i++, pixel_ += channels) rows[i] = pixel_;
    return;
  }
  const int64_t kernelDepth = grid_.depth.kernel, kernelHeight = grid_.height.kernel,
                kernelWidth = grid_.width.kernel;
  const float* zeros = conv_.zeros.data();
  bool anyPadding = false;
  for (int i = 0; i < height; i++) {
    const int32_t* fromDepth = grid_.depth.taps(d_);
    const int32_t* fromHeight = grid_.height.taps(h_);
    const int32_t* fromWidth = grid_.width.taps(w_);
    const float** out = rows + i;
    for (int64_t kd = 0; kd < kernelDepth; kd++) {
      for (int64_t kh = 0; kh < kernelHeight; kh++) {
        const bool outside = fromDepth[kd] < 0 || fromHeight[kh] < 0;
        const float* line =
            outside ? zeros : image_ + (fromDepth[kd] * in.height + fromHeight[kh]) * in.width * channels;
        for (int64_t kw = 0; kw < kernelWidth; kw++) {
          const bool padding = outside || fromWidth[kw] < 0;
          *out = padding ? zeros : line + fromWidth[kw] * channels;
          anyPadding |= padding;
          out += height;
        }
      }
    }
    advance();
  }

  // Taps that are padding for the whole tile
  if (!anyPadding) return;
  const int64_t taps = conv_.taps();
  for (int64_t t = 0; t < taps; t++) {
    bool all = true;
    for (int i = 0; i < height; i++) all &= rows[t * height + i] == zeros;
    if (all) rows[t * height] = nullptr;
  }
}

void RowCursor::advance() {
  if (++w_ < grid_.width.output) return;
  w_ = 0;
  if (++h_ < grid_.height.output) return;
  h_ = 0;
  if (++d_ < grid_.depth.output) return;
  d_ = 0;
  image_ += conv_.geometry.inputSize.product() * conv_.geometry.inChannels;
}

}  // namespace convkit
