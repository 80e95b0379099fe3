// Pointers from output positions and taps to input pixels: what makes a convolution a matrix product without
// a copy.
#include "conv/plan.h"

namespace convkit {

void fillRows(const Conv& conv, const Grid& grid, const float* x, int64_t first, int64_t step, int height,
              const float** rows) {
  const Triple& in = conv.geometry.inputSize;
  const int64_t channels = conv.geometry.inChannels, taps = conv.taps();
  const int64_t kernelDepth = grid.depth.kernel, kernelHeight = grid.height.kernel,
                kernelWidth = grid.width.kernel;
  const float* zeros = conv.zeros.data();
  bool anyPadding = false;

  // The position of the first row; the others follow by counting
  int64_t w = first % grid.width.output, rest = first / grid.width.output;
  int64_t h = rest % grid.height.output;
  rest /= grid.height.output;
  int64_t d = rest % grid.depth.output;
  const float* image = x + rest / grid.depth.output * in.product() * channels;

  for (int i = 0; i < height; i++) {
    const int32_t* fromDepth = grid.depth.taps(d);
    const int32_t* fromHeight = grid.height.taps(h);
    const int32_t* fromWidth = grid.width.taps(w);
    const float** out = rows + i;
    for (int64_t kd = 0; kd < kernelDepth; kd++) {
      for (int64_t kh = 0; kh < kernelHeight; kh++) {
        const bool outside = fromDepth[kd] < 0 || fromHeight[kh] < 0;
        const float* line =
            outside ? zeros : image + (fromDepth[kd] * in.height + fromHeight[kh]) * in.width * channels;
        for (int64_t kw = 0; kw < kernelWidth; kw++) {
          const bool padding = outside || fromWidth[kw] < 0;
          *out = padding ? zeros : line + fromWidth[kw] * channels;
          anyPadding |= padding;
          out += height;
        }
      }
    }
    for (w += step; w >= grid.width.output; w -= grid.width.output) {
      if (++h < grid.height.output) continue;
      h = 0;
      if (++d < grid.depth.output) continue;
      d = 0;
      image += in.product() * channels;
    }
  }

  // Taps that are padding for the whole tile
  if (!anyPadding) return;
  for (int64_t t = 0; t < taps; t++) {
    bool all = true;
    for (int i = 0; i < height; i++) all &= rows[t * height + i] == zeros;
    if (all) rows[t * height] = nullptr;
  }
}

}  // namespace convkit
