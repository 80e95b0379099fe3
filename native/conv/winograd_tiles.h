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

// v[element] of a tile of the batch, `step` floats apart.
void transformInput(const Conv&, const Tiling&, const float* x, int64_t tile, float* v, int64_t step);

}  // namespace convkit
