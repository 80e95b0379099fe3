#include "conv/winograd_tiles.h"

#include <algorithm>

namespace convkit {

TileAxis::TileAxis(int64_t output, int64_t dilation, int64_t tile)
    : output_(output), dilation_(dilation), tile_(tile) {
  for (int64_t r = 0; r < std::min(dilation, output); r++) begins_.push_back(tiles_), tiles_ += tilesOf(r);
}

int64_t TileAxis::start(int64_t t) const {
  const auto next = std::upper_bound(begins_.begin(), begins_.end(), t);
  const int64_t remainder = next - begins_.begin() - 1;
  return remainder + (t - begins_[static_cast<std::size_t>(remainder)]) * tile_ * dilation_;
}

int64_t TileAxis::tilesOf(int64_t remainder) const {
  return ceilDivide(ceilDivide(output_ - remainder, dilation_), tile_);
}

Origin originOf(const Tiling& tiling, int64_t tile) {
  const int64_t within = tile % tiling.perPlane();
  return {tile / tiling.perPlane(), tiling.height.start(within / tiling.width.tiles()),
          tiling.width.start(within % tiling.width.tiles())};
}

namespace {

// The input position that padded position p reads; positions beyond the padding, which only outputs beyond
// the image need, read zeros.
int64_t inputAt(const Axis& axis, int64_t padEnd, int64_t p, PaddingMode mode) {
  const int64_t i = p - axis.padBegin;
  return i < axis.input + padEnd ? sourceIndex(i, axis.input, mode) : kPadding;
}

}  // namespace

void transformInput(const Conv& conv, const Tiling& tiling, const float* x, int64_t tile, float* v,
                    int64_t step) {
  const Axis &height = conv.grids[0].height, &width = conv.grids[0].width;
  const ConvGeometry& g = conv.geometry;
  const Origin origin = originOf(tiling, tile);
  const float* image = x + origin.plane * height.input * width.input * g.inChannels;
  const float* pixels[36];
  int64_t columns[6];
  for (int64_t j = 0; j < tiling.side; j++)
    columns[j] = inputAt(width, g.padEnd.width, origin.w + j * width.dilation, g.paddingMode);
  for (int64_t i = 0; i < tiling.side; i++) {
    const int64_t row = inputAt(height, g.padEnd.height, origin.h + i * height.dilation, g.paddingMode);
    for (int64_t j = 0; j < tiling.side; j++)
      pixels[i * tiling.side + j] = row < 0 || columns[j] < 0
                                        ? conv.zeros.data()
                                        : image + (row * width.input + columns[j]) * g.inChannels;
  }
  conv.kernels->winogradInput[tiling.tile / 2 - 1]({pixels, g.inChannels, v, step});
}

}  // namespace convkit
