// The one channel that tiles have beyond whole vectors. As a vector of its own it would cost each tile as
// much as a whole one; here it is transformed with neighbouring tiles for lanes, and lies apart from the
// others, element by element and tile by tile. One thread, AVX-512, 17 channels at 28x28 1.42 times 16
// before, 1.24 with it; an output's product is still transposed in registers (gemm/tails.h), which takes half
// of what is left. Private to the driver of Winograd's algorithm.
#pragma once

#include <cstring>
#include <limits>

#include "conv/winograd_tiles.h"

namespace convkit {

// Gathers the inputs of tiles until a vector is full.
class BeyondInput {
 public:
  // Of `count` tiles: to[element * step + tile], in whole vectors.
  BeyondInput(const Conv& conv, const Tiling& tiling, int64_t count, float* to, int64_t step)
      : conv_(conv), tiling_(tiling), count_(count), to_(to), step_(step), lanes_(conv.kernels->lanes) {
    std::memset(values_, 0, sizeof values_);
    for (int64_t e = 0; e < tiling.side * tiling.side; e++) rows_[e] = values_ + e * lanes_;
  }

  // Takes tiles in order; each vector is transformed once it is full.
  void add(int64_t t, const float* const* pixels) {
    const int64_t lane = t % lanes_, channel = conv_.geometry.inChannels - 1;
    for (int64_t e = 0; e < tiling_.side * tiling_.side; e++) values_[e * lanes_ + lane] = pixels[e][channel];
    if (lane + 1 == lanes_ || t + 1 == count_)
      conv_.kernels->winogradInput[tiling_.tile / 2 - 1]({rows_, lanes_, to_ + t - lane, step_});
  }

 private:
  const Conv& conv_;
  const Tiling& tiling_;
  const int64_t count_;
  float* const to_;
  const int64_t step_, lanes_;
  const float* rows_[kMostElements];
  alignas(64) float values_[kMostElements * kMaxLanes];
};

// Transforms a vector of tiles when the first of them is asked for.
class BeyondOutput {
 public:
  // Of sums m[element * step + tile], in whole vectors.
  BeyondOutput(const Conv& conv, const Tiling& tiling, float bias, const float* m, int64_t step)
      : conv_(conv), tiling_(tiling), m_(m), step_(step), lanes_(conv.kernels->lanes) {
    for (int64_t l = 0; l < lanes_; l++) bias_[l] = bias;
    for (int64_t o = 0; o < tiling.tile * tiling.tile; o++) rows_[o] = values_ + o * lanes_;
  }

  // The outputs of a tile, a vector apart, with their bias. Tiles are asked for in order.
  const float* of(int64_t t) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const int64_t lane = t % lanes_;
    if (lane == 0)
      conv_.kernels->winogradOutput[tiling_.tile / 2 - 1](
          {m_ + t, step_, lanes_, bias_, kNoResiduals, rows_, -kInfinity, kInfinity});
    return values_ + lane;
  }

 private:
  static constexpr const float* kNoResiduals[kMostOutputs] = {};

  const Conv& conv_;
  const Tiling& tiling_;
  const float* const m_;
  const int64_t step_, lanes_;
  float* rows_[kMostOutputs];
  alignas(64) float values_[kMostOutputs * kMaxLanes], bias_[kMaxLanes];
};

}  // namespace convkit
