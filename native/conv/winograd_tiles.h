// The tiles that Winograd's algorithm cuts a plane of outputs into, and the transform of what they read:
// shared by the convolution and its weight gradient. Private to native/conv.
#pragma once

#include <vector>

#include "conv/plan.h"

namespace convkit {

// The tiles of one axis: those of remainder 0 by the dilation first.
class TileAxis {
 public:
  TileAxis(int64_t output, int64_t dilation, int64_t tile);
  int64_t tiles() const { return tiles_; }
  // The first output position of tile t; its others follow a dilation apart.
  int64_t start(int64_t t) const;
  // Whether they end before the last output.
  bool isWhole(int64_t t) const { return start(t) + (tile_ - 1) * dilation_ < output_; }

 private:
  int64_t tilesOf(int64_t remainder) const;
  int64_t output_, dilation_, tile_, tiles_ = 0;
  std::vector<int64_t> begins_;
};

struct Tiling {
  int64_t tile, side;
  TileAxis height, width;

  Tiling(const ConvGeometry& g, int64_t outputs)
      : tile(outputs),
        side(outputs + 2),
        height(g.outputSize.height, g.dilation.height, outputs),
        width(g.outputSize.width, g.dilation.width, outputs) {}
  int64_t perPlane() const { return height.tiles() * width.tiles(); }
};

struct Origin {
  int64_t plane, h, w;  // plane of the batch, first output position
};
Origin originOf(const Tiling&, int64_t tile);

// Consecutive tiles.
struct TileRange {
  int64_t begin, end;
};

// The tiles of all planes in an order where those that need an element of the transform follow one another:
// only the last output of an axis reads the axis' last element, so tiles that reach beyond an axis' end can
// do without it. First come the tiles that reach beyond the height, then whole ones, then those that reach
// beyond the width, then those beyond both. 2x2 at 7x7: 225 products of 256; 4x4 at 17x17: 841 of 900.
class TileOrder {
 public:
  TileOrder(const Tiling&, int64_t planes);
  int64_t tiles() const { return begins_[kParts]; }
  Origin origin(int64_t t) const;
  // Those that need element [i][j].
  TileRange needing(int64_t i, int64_t j) const;

 private:
  static constexpr int kParts = 4;
  struct Lines {
    std::vector<int64_t> starts;  // of whole tiles, then of those that reach beyond the end
    int64_t whole;
    explicit Lines(const TileAxis&);
  };
  struct Part {
    int64_t firstRow, rows, firstColumn, columns;
  };
  Lines height_, width_;
  int64_t side_;
  Part parts_[kParts];
  int64_t begins_[kParts + 1];
};

// v[element] of a tile of the batch, `step` floats apart.
void transformInput(const Conv&, const Tiling&, const float* x, const Origin&, float* v, int64_t step);

}  // namespace convkit
