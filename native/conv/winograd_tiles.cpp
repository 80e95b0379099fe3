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

TileOrder::Lines::Lines(const TileAxis& axis) : whole(0) {
  starts.reserve(static_cast<std::size_t>(axis.tiles()));
  for (int64_t t = 0; t < axis.tiles(); t++)
    if (axis.isWhole(t)) starts.push_back(axis.start(t)), whole++;
  for (int64_t t = 0; t < axis.tiles(); t++)
    if (!axis.isWhole(t)) starts.push_back(axis.start(t));
}

TileOrder::TileOrder(const Tiling& tiling, int64_t planes)
    : height_(tiling.height), width_(tiling.width), side_(tiling.side) {
  const int64_t rows = height_.whole, columns = width_.whole;
  const int64_t beyondRows = tiling.height.tiles() - rows, beyondColumns = tiling.width.tiles() - columns;
  parts_[0] = {rows, beyondRows, 0, columns};
  parts_[1] = {0, rows, 0, columns};
  parts_[2] = {0, rows, columns, beyondColumns};
  parts_[3] = {rows, beyondRows, columns, beyondColumns};
  begins_[0] = 0;
  for (int p = 0; p < kParts; p++) begins_[p + 1] = begins_[p] + planes * parts_[p].rows * parts_[p].columns;
}

Origin TileOrder::origin(int64_t t) const {
  int p = 0;
  while (t >= begins_[p + 1]) p++;
  const Part& part = parts_[p];
  const int64_t tile = t - begins_[p], perPlane = part.rows * part.columns, within = tile % perPlane;
  return {tile / perPlane, height_.starts[static_cast<std::size_t>(part.firstRow + within / part.columns)],
          width_.starts[static_cast<std::size_t>(part.firstColumn + within % part.columns)]};
}

TileRange TileOrder::needing(int64_t i, int64_t j) const {
  return {begins_[i + 1 == side_ ? 1 : 0], begins_[j + 1 == side_ ? 2 : i + 1 == side_ ? 3 : 4]};
}

namespace {

// The input position that padded position p reads; positions beyond the padding, which only outputs beyond
// the image need, read zeros.
int64_t inputAt(const Axis& axis, int64_t padEnd, int64_t p, PaddingMode mode) {
  const int64_t i = p - axis.padBegin;
  return i < axis.input + padEnd ? sourceIndex(i, axis.input, mode) : kPadding;
}

}  // namespace

void transformInput(const Conv& conv, const Tiling& tiling, const float* x, const Origin& origin, float* v,
                    int64_t step) {
  const Axis &height = conv.grids[0].height, &width = conv.grids[0].width;
  const ConvGeometry& g = conv.geometry;
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
