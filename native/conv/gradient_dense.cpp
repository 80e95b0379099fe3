#include <algorithm>

#include "conv/gradient_sums.h"
#include "conv/tap_runs.h"
#include "elementwise/elementwise.h"

namespace convkit {
namespace {

// How tiles cover a product of `rows` by `lanes` channels.
struct Tiling {
  int64_t rows, lanes;
  int64_t panels, heights;  // tiles along lanes, along rows
  int vectors;

  Tiling(const Kernels& kernels, int64_t rowChannels, int64_t laneChannels)
      : rows(rowChannels), lanes(laneChannels) {
    const int64_t all = ceilDivide(lanes, kernels.lanes);
    panels = ceilDivide(all, kOuterVectors);
    vectors = static_cast<int>(ceilDivide(all, panels));
    heights = ceilDivide(rows, kernels.outerRows[vectors]);
  }
  int64_t tiles() const { return panels * heights; }
  // Multiplications of vectors a position, at least as many as keep the multipliers busy.
  int64_t cost() const {
    constexpr int64_t kLatency = 8;
    return tiles() * std::max<int64_t>(vectors * ceilDivide(rows, heights), kLatency);
  }
  // Runs tile `index`; c: of row 0 and lane 0.
  void run(const Kernels& kernels, OuterTile& tile, int64_t index, float* c) const {
    const int64_t row = rows * (index / panels) / heights, rowEnd = rows * (index / panels + 1) / heights;
    const int64_t lane = index % panels * vectors * kernels.lanes;
    const int64_t width = std::min<int64_t>(vectors * kernels.lanes, lanes - lane);
    const int64_t own = ceilDivide(width, kernels.lanes);
    OuterTile part = tile;
    part.rowOffset += row;
    part.laneOffset += lane;
    part.tail = static_cast<int>(width - (own - 1) * kernels.lanes);
    part.c = c + row * tile.ldc + lane;
    kernels.outer[own][rowEnd - row](part);
  }
};

// sums [group][row][tap][lane]: rows are input channels and lanes output channels, or the other way round.
class DenseSums : public GradientSums {
 public:
  DenseSums(const Conv& conv, const float* x, const float* upstream)
      : conv_(conv),
        x_(x),
        upstream_(upstream),
        taps_(conv),
        lanesAreInputs_(prefersInputs(conv)),
        tiling_(lanesAreInputs_ ? inputs(conv) : outputs(conv)) {}

  int64_t items() const override { return conv_.geometry.groups * conv_.taps() * tiling_.tiles(); }

  void add(const GradientPart& part, Scratch&) const override {
    OuterRun runs[kPositionsPerChain];
    OuterTile tile{};
    tile.run = runs;
    tile.rowStep = lanesAreInputs_ ? taps_.outputStep() : taps_.inputStep();
    tile.laneStep = lanesAreInputs_ ? taps_.inputStep() : taps_.outputStep();
    tile.ldc = conv_.taps() * tiling_.lanes;
    tile.first = part.fresh;
    for (int64_t item = part.begin; item < part.end; item++) {
      const int64_t index = item % tiling_.tiles(), tap = item / tiling_.tiles() % conv_.taps(),
                    group = item / tiling_.tiles() / conv_.taps();
      if (item == part.begin || index == 0) {
        tile.runs =
            taps_.find(tapAt(conv_.geometry.kernelSize, tap), part.first, part.count, x_, upstream_, runs);
        if (lanesAreInputs_)
          for (int64_t r = 0; r < tile.runs; r++) std::swap(runs[r].rows, runs[r].lanes);
      }
      if (tile.runs == 0 && !part.fresh) continue;
      tile.rowOffset = group * tiling_.rows;
      tile.laneOffset = group * tiling_.lanes;
      tiling_.run(*conv_.kernels, tile, index,
                  part.sums + (group * tiling_.rows * conv_.taps() + tap) * tiling_.lanes);
    }
  }

  bool liesAsWeight() const override { return lanesAreInputs_ && conv_.taps() == 1; }

  void arrange(const float* sums, float* gradient, const CancelFlag* cancelled) const override {
    const int64_t groups = conv_.geometry.groups, taps = conv_.taps();
    if (lanesAreInputs_)
      runTranspose(*conv_.kernels, sums, gradient, groups * tiling_.rows, taps, tiling_.lanes, cancelled);
    else runTranspose(*conv_.kernels, sums, gradient, groups, tiling_.rows * taps, tiling_.lanes, cancelled);
  }

 private:
  static Tiling outputs(const Conv& conv) { return {*conv.kernels, conv.groupInputs(), conv.groupOutputs()}; }
  static Tiling inputs(const Conv& conv) { return {*conv.kernels, conv.groupOutputs(), conv.groupInputs()}; }
  // Of one tap the sums with inputs as lanes lie as the weight does
  static bool prefersInputs(const Conv& conv) {
    const int64_t asInputs = inputs(conv).cost(), asOutputs = outputs(conv).cost();
    return conv.taps() == 1 ? asInputs <= asOutputs : asInputs < asOutputs;
  }

  const Conv& conv_;
  const float *x_, *upstream_;
  TapRuns taps_;
  bool lanesAreInputs_;
  Tiling tiling_;
};

// sums [tap][input channel][output channel]
class BandSums : public GradientSums {
 public:
  BandSums(const Conv& conv, const float* x, const float* upstream)
      : conv_(conv),
        x_(x),
        upstream_(upstream),
        depth_(conv.geometry.kernelSize.width * conv.geometry.inChannels),
        tiling_(*conv.kernels, depth_, conv.geometry.outChannels) {}

  int64_t items() const override { return kernelRows() * tiling_.tiles(); }

  void add(const GradientPart& part, Scratch& scratch) const override {
    const ConvGeometry& g = conv_.geometry;
    OuterRun runs[kPositionsPerChain];
    OuterTile tile{};
    tile.run = runs;
    tile.rowStep = g.stride.width * g.inChannels;
    tile.laneStep = g.outChannels;
    tile.ldc = g.outChannels;
    tile.first = part.fresh;
    // Each run begins anew with `depth_` floats
    float* const copy =
        scratch.floats(1, static_cast<std::size_t>(part.count * std::max(tile.rowStep, depth_) + depth_));
    for (int64_t item = part.begin; item < part.end; item++) {
      const int64_t index = item % tiling_.tiles(), row = item / tiling_.tiles();
      if (item == part.begin || index == 0) tile.runs = findRuns(part, row, runs, copy);
      if (tile.runs == 0 && !part.fresh) continue;
      tiling_.run(*conv_.kernels, tile, index, part.sums + row * depth_ * g.outChannels);
    }
  }

  void arrange(const float* sums, float* gradient, const CancelFlag* cancelled) const override {
    const int64_t taps = conv_.taps(), inputs = conv_.geometry.inChannels,
                  outputs = conv_.geometry.outChannels;
    if (inputs == 1) return runTranspose(*conv_.kernels, sums, gradient, 1, taps, outputs, cancelled);
    AlignedFloats byOutput(static_cast<std::size_t>(weightLength(conv_)));
    float* const middle = byOutput.data();
    runTranspose(*conv_.kernels, sums, middle, 1, taps * inputs, outputs, cancelled);
    runTranspose(*conv_.kernels, middle, gradient, outputs, taps, inputs, cancelled);
  }

 private:
  int64_t kernelRows() const { return conv_.geometry.kernelSize.depth * conv_.geometry.kernelSize.height; }

  // What kernel row `row` reads at the positions of the chunk: in the input itself where all columns lie
  // inside it, otherwise in a copy with its padding. Rows of padding are left out.
  int64_t findRuns(const GradientPart& part, int64_t row, OuterRun* runs, float* copy) const {
    const ConvGeometry& g = conv_.geometry;
    const Grid& grid = conv_.grids[0];
    const int64_t stride = g.stride.width, pad = g.padBegin.width, channels = g.inChannels;
    const int64_t room = g.inputSize.width + pad - g.kernelSize.width;
    const int64_t insideBegin = ceilDivide(pad, stride), insideEnd = room < 0 ? 0 : room / stride + 1;
    int64_t found = 0;
    forEachLine(g.outputSize, part.first, part.count, [&](const LinePart& line) {
      const int64_t z = grid.depth.taps(line.d)[row / g.kernelSize.height],
                    y = grid.height.taps(line.h)[row % g.kernelSize.height];
      if (z == kPadding || y == kPadding) return;
      const float* from =
          x_ + ((line.image * g.inputSize.depth + z) * g.inputSize.height + y) * g.inputSize.width * channels;
      const int64_t position =
          ((line.image * g.outputSize.depth + line.d) * g.outputSize.height + line.h) * g.outputSize.width;
      const auto addRun = [&](const float* columns, int64_t begin, int64_t end) {
        runs[found++] = {columns, upstream_ + (position + begin) * g.outChannels, end - begin};
      };
      const auto addEdge = [&](int64_t begin, int64_t end) {
        if (begin >= end) return;
        addRun(copy, begin, end);
        for (int64_t w = begin * stride - pad; w < (end - 1) * stride - pad + g.kernelSize.width; w++) {
          const int64_t source = sourceIndex(w, g.inputSize.width, g.paddingMode);
          for (int64_t c = 0; c < channels; c++)
            *copy++ = source == kPadding ? 0.0f : from[source * channels + c];
        }
      };
      const int64_t left = std::min(line.end, std::max(line.begin, insideBegin)),
                    right = std::max(left, std::min(line.end, insideEnd));
      addEdge(line.begin, left);
      if (left < right) addRun(from + (left * stride - pad) * channels, left, right);
      addEdge(right, line.end);
    });
    return found;
  }

  const Conv& conv_;
  const float *x_, *upstream_;
  int64_t depth_;  // floats that a kernel row reads
  Tiling tiling_;
};

}  // namespace

std::unique_ptr<GradientSums> denseSums(const Conv& conv, const float* x, const float* upstream) {
  return std::make_unique<DenseSums>(conv, x, upstream);
}

std::unique_ptr<GradientSums> bandSums(const Conv& conv, const float* x, const float* upstream) {
  return std::make_unique<BandSums>(conv, x, upstream);
}

}  // namespace convkit
