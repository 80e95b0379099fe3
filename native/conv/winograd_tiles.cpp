#include "conv/winograd_tiles.h"

#include <algorithm>

namespace convkit {

TileAxis::TileAxis(int64_t output, int64_t dilation, int64_t tile)
    : output_(output), dilation_(dilation), tile_(tile), firstBeyond_(output - (tile - 1) * dilation) {
  const int64_t remainders = std::min(dilation, output);
  starts_.reserve(static_cast<std::size_t>(ceilDivide(output, tile) + remainders));
  for (int64_t r = 0; r < remainders; r++)
    for (int64_t start = r; start < output; start += tile * dilation) starts_.push_back(start);
}

TileOrder::Lines::Lines(const TileAxis& axis) {
  tiles.reserve(static_cast<std::size_t>(axis.tiles()));
  for (int64_t t = 0; t < axis.tiles(); t++)
    if (axis.isWhole(t)) tiles.push_back(t);
  whole = static_cast<int64_t>(tiles.size());
  for (int64_t t = 0; t < axis.tiles(); t++)
    if (!axis.isWhole(t)) tiles.push_back(t);
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

Place TileOrder::place(int64_t t) const {
  int p = 0;
  while (t >= begins_[p + 1]) p++;
  const Part& part = parts_[p];
  const int64_t tile = t - begins_[p], perPlane = part.rows * part.columns, within = tile % perPlane;
  return {tile / perPlane, height_.tiles[static_cast<std::size_t>(part.firstRow + within / part.columns)],
          width_.tiles[static_cast<std::size_t>(part.firstColumn + within % part.columns)]};
}

TileRange TileOrder::needing(int64_t i, int64_t j) const {
  return {begins_[i + 1 == side_ ? 1 : 0], begins_[j + 1 == side_ ? 2 : i + 1 == side_ ? 3 : 4]};
}

namespace {

// What position i of tile t along an axis reads, `scale` floats apart: [t][i]. Positions beyond the padding,
// which only outputs beyond the image need, read zeros.
std::vector<int64_t> readsOf(const Axis& axis, const TileAxis& tiles, int64_t padEnd, PaddingMode mode,
                             int64_t side, int64_t scale) {
  std::vector<int64_t> reads;
  reads.reserve(static_cast<std::size_t>(tiles.tiles() * side));
  for (int64_t t = 0; t < tiles.tiles(); t++) {
    for (int64_t i = 0; i < side; i++) {
      const int64_t at = tiles.start(t) + i * axis.dilation - axis.padBegin;
      const int64_t from = at < axis.input + padEnd ? sourceIndex(at, axis.input, mode) : kPadding;
      reads.push_back(from < 0 ? -1 : from * scale);
    }
  }
  return reads;
}

}  // namespace

TileInput::TileInput(const Conv& conv, const Tiling& tiling)
    : conv_(conv), tile_(tiling.tile), side_(tiling.side) {
  const Axis &height = conv.grids[0].height, &width = conv.grids[0].width;
  const ConvGeometry& g = conv.geometry;
  rows_ = readsOf(height, tiling.height, g.padEnd.height, g.paddingMode, side_, width.input * g.inChannels);
  columns_ = readsOf(width, tiling.width, g.padEnd.width, g.paddingMode, side_, g.inChannels);
}

void TileInput::find(const float* x, const Place& place, const float** pixels) const {
  const Axis &height = conv_.grids[0].height, &width = conv_.grids[0].width;
  const int64_t channels = conv_.geometry.inChannels;
  const float* const image = x + place.plane * height.input * width.input * channels;
  const int64_t* const rows = rows_.data() + place.row * side_;
  const int64_t* const columns = columns_.data() + place.column * side_;
  // Padding lies before and behind the image: between two ends within it there is none
  if ((rows[0] | rows[side_ - 1] | columns[0] | columns[side_ - 1]) >= 0) {
    for (int64_t i = 0; i < side_; i++)
      for (int64_t j = 0; j < side_; j++) pixels[i * side_ + j] = image + rows[i] + columns[j];
  } else {
    for (int64_t i = 0; i < side_; i++)
      for (int64_t j = 0; j < side_; j++)
        pixels[i * side_ + j] =
            (rows[i] | columns[j]) < 0 ? conv_.zeros.data() : image + rows[i] + columns[j];
  }
}

void TileInput::fetch(const float* x, const Place& place) const {
  constexpr int64_t kShared = 2, kLine = 16;  // columns that neighbours share; floats
  const float* pixels[kMostElements];
  find(x, place, pixels);
  for (int64_t i = 0; i < side_; i++)
    for (int64_t j = kShared; j < side_; j++)
      for (int64_t c = 0; c < conv_.geometry.inChannels; c += kLine)
        __builtin_prefetch(pixels[i * side_ + j] + c);
}

void TileInput::transform(const float* x, const Place& place, float* v, int64_t step) const {
  const float* pixels[kMostElements];
  find(x, place, pixels);
  conv_.kernels->winogradInput[tile_ / 2 - 1]({pixels, conv_.geometry.inChannels, v, step});
}

}  // namespace convkit
