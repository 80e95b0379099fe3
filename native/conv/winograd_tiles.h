// The tiles that Winograd's algorithm cuts a plane of outputs into, and the transform of what they read:
// shared by the convolution and its weight gradient. Private to native/conv.
#pragma once

#include <vector>

#include "conv/plan.h"

namespace convkit {

constexpr int kMostElements = 36;  // of a tile's transform
constexpr int kMostOutputs = 16;

// The tiles of one axis: those of remainder 0 by the dilation first.
class TileAxis {
 public:
  TileAxis(int64_t output, int64_t dilation, int64_t tile);
  int64_t tiles() const { return static_cast<int64_t>(starts_.size()); }
  // The first output position of tile t; its others follow a dilation apart.
  int64_t start(int64_t t) const { return starts_[static_cast<std::size_t>(t)]; }
  // How many of them there are before the axis' end.
  int64_t outputs(int64_t t) const {
    return start(t) < firstBeyond_ ? tile_ : ceilDivide(output_ - start(t), dilation_);
  }
  bool isWhole(int64_t t) const { return start(t) < firstBeyond_; }

 private:
  int64_t output_, dilation_, tile_;
  int64_t firstBeyond_;  // tiles that start before it are whole
  std::vector<int64_t> starts_;
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

// A tile: its plane of the batch, and which it is along each axis.
struct Place {
  int64_t plane, row, column;
};
inline Place placeOf(const Tiling& tiling, int64_t tile) {
  const int64_t within = tile % tiling.perPlane(), columns = tiling.width.tiles();
  return {tile / tiling.perPlane(), within / columns, within % columns};
}

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
  Place place(int64_t t) const;
  // Those that need element [i][j].
  TileRange needing(int64_t i, int64_t j) const;

 private:
  static constexpr int kParts = 4;
  struct Lines {
    std::vector<int64_t> tiles;  // whole ones, then those that reach beyond the end
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

// The transform of what tiles read. Where that lies is found once for each row and column of tiles.
class TileInput {
 public:
  TileInput(const Conv&, const Tiling&);
  // Where each element of a tile of the batch x lies: [side * side].
  void find(const float* x, const Place&, const float** pixels) const;
  // Fetches what such a tile reads and the one to its left does not.
  void fetch(const float* x, const Place&) const;
  // v[element] of such a tile, `step` floats apart.
  void transform(const float* x, const Place&, float* v, int64_t step) const;

 private:
  const Conv& conv_;
  int64_t tile_, side_;
  std::vector<int64_t> rows_, columns_;  // [tile][side]: floats from the image's begin; negative in padding
};

}  // namespace convkit
