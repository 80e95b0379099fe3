// Pointers from output positions and taps to input pixels: what makes a convolution a matrix product without
// a copy.
#include "conv/plan.h"

namespace convkit {

RowCursor::RowCursor(const Conv& conv, const Grid& grid, const float* x, int64_t first, bool columns)
    : conv_(conv),
      grid_(grid),
      outer_(columns ? grid.width : grid.height),
      inner_(columns ? grid.height : grid.width) {
  const ConvGeometry& g = conv.geometry;
  const int64_t row = g.inputSize.width * g.inChannels;
  outerStep_ = columns ? g.inChannels : row;
  innerStep_ = columns ? row : g.inChannels;
  const int64_t rest = first / inner_.output, plane = rest / outer_.output;
  i_ = first % inner_.output;
  o_ = rest % outer_.output;
  d_ = plane % grid.depth.output;
  image_ = x + plane / grid.depth.output * g.inputSize.product() * g.inChannels;
  const auto same = [](const Axis& axis) {
    return axis.kernel == 1 && axis.stride == 1 && axis.padBegin == 0 && axis.input == axis.output;
  };
  const bool inOrder = !columns && same(grid.depth) && same(grid.height) && same(grid.width);
  pixel_ = inOrder ? x + first * g.inChannels : nullptr;
}

void RowCursor::fill(int height, const float** rows) {
  const int64_t channels = conv_.geometry.inChannels;
  if (pixel_ != nullptr) {
    for (int i = 0; i < height; i++, pixel_ += channels) rows[i] = pixel_;
    return;
  }
  const int64_t plane = conv_.geometry.inputSize.height * conv_.geometry.inputSize.width * channels;
  const int64_t kernelDepth = grid_.depth.kernel, kernelOuter = outer_.kernel, kernelInner = inner_.kernel;
  const float* zeros = conv_.zeros.data();
  bool anyPadding = false;
  for (int i = 0; i < height; i++) {
    const int32_t* fromDepth = grid_.depth.taps(d_);
    const int32_t* fromOuter = outer_.taps(o_);
    const int32_t* fromInner = inner_.taps(i_);
    const float** out = rows + i;
    for (int64_t kd = 0; kd < kernelDepth; kd++) {
      for (int64_t ko = 0; ko < kernelOuter; ko++) {
        const bool outside = fromDepth[kd] < 0 || fromOuter[ko] < 0;
        const float* line = outside ? zeros : image_ + fromDepth[kd] * plane + fromOuter[ko] * outerStep_;
        for (int64_t ki = 0; ki < kernelInner; ki++) {
          const bool padding = outside || fromInner[ki] < 0;
          *out = padding ? zeros : line + fromInner[ki] * innerStep_;
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
  if (++i_ < inner_.output) return;
  i_ = 0;
  if (++o_ < outer_.output) return;
  o_ = 0;
  if (++d_ < grid_.depth.output) return;
  d_ = 0;
  image_ += conv_.geometry.inputSize.product() * conv_.geometry.inChannels;
}

}  // namespace convkit
