// 3x3 convolutions of stride 1 by Winograd's minimal filtering: transform tiles of the input, multiply each
// element of the transform by its own matrix of filters, transform back. Blocks of tiles go through all three
// steps while they are in cache. A dilation of d makes d * d interleaved grids of the output, tiled one after
// the other.
#include <algorithm>

#include "conv/multiply.h"

namespace convkit {
namespace {

constexpr int64_t kFloatsInCache = 1 << 17;  // of transformed input and output in a block: half a megabyte
constexpr int64_t kMostTiles = 96, kLeastTiles = 12;

// The tiles of one axis: those of remainder 0 by the dilation first.
class TileAxis {
 public:
  TileAxis(int64_t output, int64_t dilation, int64_t tile)
      : output_(output), dilation_(dilation), tile_(tile) {
    for (int64_t r = 0; r < std::min(dilation, output); r++) begins_.push_back(tiles_), tiles_ += tilesOf(r);
  }
  int64_t tiles() const { return tiles_; }
  // The first output position of tile t; its others follow a dilation apart.
  int64_t start(int64_t t) const {
    const auto next = std::upper_bound(begins_.begin(), begins_.end(), t);
    const int64_t remainder = next - begins_.begin() - 1;
    return remainder + (t - begins_[static_cast<std::size_t>(remainder)]) * tile_ * dilation_;
  }

 private:
  int64_t tilesOf(int64_t remainder) const {
    return ceilDivide(ceilDivide(output_ - remainder, dilation_), tile_);
  }
  int64_t output_, dilation_, tile_, tiles_ = 0;
  std::vector<int64_t> begins_;
};

struct Tiling {
  int64_t tile, side;
  TileAxis height, width;
  int64_t perPlane() const { return height.tiles() * width.tiles(); }
};

// The input position that padded position p reads; positions beyond the padding, which only outputs beyond
// the image need, read zeros.
int64_t inputAt(const Axis& axis, int64_t padEnd, int64_t p, PaddingMode mode) {
  const int64_t i = p - axis.padBegin;
  return i < axis.input + padEnd ? sourceIndex(i, axis.input, mode) : kPadding;
}

struct Origin {
  int64_t plane, h, w;  // plane of the batch, first output position
};

Origin originOf(const Tiling& tiling, int64_t tile) {
  const int64_t within = tile % tiling.perPlane();
  return {tile / tiling.perPlane(), tiling.height.start(within / tiling.width.tiles()),
          tiling.width.start(within % tiling.width.tiles())};
}

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

void transformOutput(const Conv& conv, const PackedFilter& filter, const Tiling& tiling, const float* m,
                     int64_t step, int64_t tile, float* y) {
  const Axis &height = conv.grids[0].height, &width = conv.grids[0].width;
  const int64_t channels = conv.geometry.outChannels;
  const Origin origin = originOf(tiling, tile);
  float* image = y + origin.plane * height.output * width.output * channels;
  float* outputs[16];
  for (int64_t i = 0; i < tiling.tile; i++) {
    for (int64_t j = 0; j < tiling.tile; j++) {
      const int64_t h = origin.h + i * height.dilation, w = origin.w + j * width.dilation;
      outputs[i * tiling.tile + j] =
          h < height.output && w < width.output ? image + (h * width.output + w) * channels : nullptr;
    }
  }
  conv.kernels->winogradOutput[tiling.tile / 2 - 1](
      {m, step, channels, filter.bias.data(), outputs, conv.low, conv.high});
  if (!conv.activateApart) return;
  for (int64_t i = 0; i < tiling.tile * tiling.tile; i++)
    if (outputs[i] != nullptr) activateRows(conv, outputs[i], 0, 1, channels);
}

// m[element][tile] = v[element][tile] times the filters of that element.
void multiplyElements(const Conv& conv, const PackedFilter& filter, int64_t elements, const float* v,
                      int64_t depth, int64_t tiles, float* m, int64_t width) {
  const EvenTiles even(tiles, filter.height);
  const int64_t set = winogradSet(filter);
  const float* rows[kMaxRows];
  GemmTile tile{};
  tile.rows = rows;
  tile.taps = 1;
  tile.depth = conv.geometry.inChannels;
  tile.ldc = width;
  tile.tail = conv.kernels->lanes;  // rows of m hold whole vectors
  tile.first = true;
  for (int64_t e = 0; e < elements; e++) {
    for (const Panel& panel : filter.panels) {
      tile.panel = filter.weights.data() + e * set + panel.weights;
      for (int64_t t = 0; t < even.tiles(); t++) {
        for (int i = 0; i < even.height(t); i++) rows[i] = v + (e * tiles + even.begin(t) + i) * depth;
        tile.c = m + (e * tiles + even.begin(t)) * width + panel.bias;
        conv.kernels->gemm[panel.vectors][even.height(t)](tile);
      }
    }
  }
}

}  // namespace

void runWinograd(const Conv& conv, const PackedFilter& filter, const float* x, float* y, int64_t batch,
                 const CancelFlag* cancelled) {
  const ConvGeometry& g = conv.geometry;
  const int64_t lanes = conv.kernels->lanes, elements = winogradElements(g.algorithm);
  const int64_t depth = ceilDivide(g.inChannels, lanes) * lanes,
                width = ceilDivide(g.outChannels, lanes) * lanes;
  const int64_t m = winogradTile(g.algorithm);
  const Tiling tiling{m, m + 2, TileAxis(g.outputSize.height, g.dilation.height, m),
                      TileAxis(g.outputSize.width, g.dilation.width, m)};
  const int64_t tiles = batch * g.outputSize.depth * tiling.perPlane();

  const int64_t fitting = kFloatsInCache / (elements * (depth + width));
  const int64_t perBlock = std::max(kLeastTiles, std::min(kMostTiles, fitting));
  const int64_t threads = threadCount();
  const int64_t blocks = std::min(tiles, ceilDivide(ceilDivide(tiles, perBlock), threads) * threads);
  parallelFor(blocks, cancelled, [&](int64_t block, Scratch& scratch) {
    const int64_t first = tiles * block / blocks, count = tiles * (block + 1) / blocks - first;
    float* v = scratch.floats(1, static_cast<std::size_t>(elements * count * depth));
    float* products = scratch.floats(2, static_cast<std::size_t>(elements * count * width));
    for (int64_t t = 0; t < count; t++)
      transformInput(conv, tiling, x, first + t, v + t * depth, count * depth);
    multiplyElements(conv, filter, elements, v, depth, count, products, width);
    for (int64_t t = 0; t < count; t++)
      transformOutput(conv, filter, tiling, products + t * width, count * width, first + t, y);
  });
}

}  // namespace convkit
