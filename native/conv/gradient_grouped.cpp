#include <algorithm>

#include "conv/gradient_sums.h"
#include "elementwise/elementwise.h"

namespace convkit {
namespace {

constexpr int64_t kChannelsPerItem = 64;

// sums [tap][channel]
class DepthwiseSums : public GradientSums {
 public:
  DepthwiseSums(const Conv& conv, const float* x, const float* upstream)
      : conv_(conv), x_(x), upstream_(upstream), taps_(conv), kernel_(kernelOf(conv)) {}

  int64_t items() const override { return ceilDivide(conv_.geometry.outChannels, kChannelsPerItem); }

  void add(const GradientPart& part, Scratch&) const override {
    const int64_t begin = part.begin * kChannelsPerItem,
                  end = std::min(conv_.geometry.outChannels, part.end * kChannelsPerItem);
    if (kernel_ != nullptr) addRows(part, begin, end);
    else addTaps(part, begin, end);
  }

  void arrange(const float* sums, float* gradient, const CancelFlag* cancelled) const override {
    runTranspose(*conv_.kernels, sums, gradient, 1, conv_.taps(), conv_.geometry.outChannels, cancelled);
  }

 private:
  static ChannelKernel kernelOf(const Conv& conv) {
    const ConvGeometry& g = conv.geometry;
    const int64_t width = g.kernelSize.width, stride = g.stride.width;
    const bool fits = width % 2 == 1 && width >= 3 && width / 2 <= kRunKernels && stride <= kRunStrides;
    const bool padded = g.padBegin.width > 0 || g.padEnd.width > 0;
    if (!fits || g.dilation.width != 1 || (padded && g.paddingMode != PaddingMode::zeros)) return nullptr;
    return conv.kernels->channelSums[(width - 3) / 2][stride - 1];
  }

  void addRows(const GradientPart& part, int64_t begin, int64_t end) const {
    const ConvGeometry& g = conv_.geometry;
    const Grid& grid = conv_.grids[0];
    ChannelLine lines[kPositionsPerChain];
    ChannelSums sums{};
    sums.line = lines;
    sums.channels = g.outChannels;
    sums.inputWidth = g.inputSize.width;
    sums.padBegin = g.padBegin.width;
    sums.insideBegin = ceilDivide(g.padBegin.width, g.stride.width);
    const int64_t room = g.inputSize.width + g.padBegin.width - g.kernelSize.width;
    sums.insideEnd = room < 0 ? 0 : room / g.stride.width + 1;
    sums.first = part.fresh;
    const int64_t rows = g.kernelSize.depth * g.kernelSize.height;
    for (int64_t row = 0; row < rows; row++) {
      sums.lines = 0;
      forEachLine(g.outputSize, part.first, part.count, [&](const LinePart& line) {
        const int64_t z = grid.depth.taps(line.d)[row / g.kernelSize.height],
                      y = grid.height.taps(line.h)[row % g.kernelSize.height];
        if (z == kPadding || y == kPadding) return;
        const int64_t input =
                          ((line.image * g.inputSize.depth + z) * g.inputSize.height + y) * g.inputSize.width,
                      output = ((line.image * g.outputSize.depth + line.d) * g.outputSize.height + line.h) *
                               g.outputSize.width;
        lines[sums.lines++] = {x_ + input * g.outChannels, upstream_ + output * g.outChannels, line.begin,
                               line.end};
      });
      if (sums.lines == 0 && !part.fresh) continue;
      sums.c = part.sums + row * g.kernelSize.width * g.outChannels;
      kernel_(sums, begin, end);
    }
  }

  void addTaps(const GradientPart& part, int64_t begin, int64_t end) const {
    OuterRun runs[kPositionsPerChain];
    OuterTile tile{};
    tile.run = runs;
    tile.rowStep = taps_.inputStep();
    tile.laneStep = taps_.outputStep();
    tile.first = part.fresh;
    for (int64_t tap = 0; tap < conv_.taps(); tap++) {
      tile.runs =
          taps_.find(tapAt(conv_.geometry.kernelSize, tap), part.first, part.count, x_, upstream_, runs);
      tile.c = part.sums + tap * conv_.geometry.outChannels;
      conv_.kernels->diagonal(tile, begin, end);
    }
  }

  const Conv& conv_;
  const float *x_, *upstream_;
  TapRuns taps_;
  ChannelKernel kernel_;
};

// sums [input channel of its group][tap][output channel]
class PermutedSums : public GradientSums {
 public:
  PermutedSums(const Conv& conv, const float* x, const float* upstream)
      : conv_(conv),
        x_(x),
        upstream_(upstream),
        taps_(conv),
        perBlock_(groupsPerBlock(conv.geometry, conv.kernels->lanes)) {
    for (int64_t l = 0; l < conv.kernels->lanes; l++) {
      const int64_t group = l / conv.groupOutputs();
      index_.push_back(static_cast<int32_t>(group < perBlock_ ? group * conv.groupInputs() : 0));
    }
  }

  int64_t items() const override { return ceilDivide(conv_.geometry.groups, perBlock_); }

  void add(const GradientPart& part, Scratch&) const override {
    const ConvGeometry& g = conv_.geometry;
    const int64_t inputs = perBlock_ * conv_.groupInputs(), outputs = perBlock_ * conv_.groupOutputs();
    OuterRun runs[kPositionsPerChain];
    GroupedSums sums{};
    sums.run = runs;
    sums.inputStep = taps_.inputStep();
    sums.outputStep = taps_.outputStep();
    sums.index = index_.data();
    sums.ldc = conv_.taps() * g.outChannels;
    sums.first = part.fresh;
    for (int64_t tap = 0; tap < conv_.taps(); tap++) {
      sums.runs = taps_.find(tapAt(g.kernelSize, tap), part.first, part.count, x_, upstream_, runs);
      if (sums.runs == 0 && !part.fresh) continue;
      for (int64_t block = part.begin; block < part.end; block++) {
        sums.input = block * inputs;
        sums.output = block * outputs;
        sums.inputs = static_cast<int>(std::min<int64_t>(conv_.kernels->lanes, g.inChannels - sums.input));
        sums.outputs = static_cast<int>(std::min(outputs, g.outChannels - sums.output));
        sums.c = part.sums + tap * g.outChannels + sums.output;
        conv_.kernels->groupedSums[conv_.groupInputs()](sums);
      }
    }
  }

  void arrange(const float* sums, float* gradient, const CancelFlag* cancelled) const override {
    runTranspose(*conv_.kernels, sums, gradient, 1, conv_.groupInputs() * conv_.taps(),
                 conv_.geometry.outChannels, cancelled);
  }

 private:
  const Conv& conv_;
  const float *x_, *upstream_;
  TapRuns taps_;
  int64_t perBlock_;
  std::vector<int32_t> index_;
};

}  // namespace

std::unique_ptr<GradientSums> depthwiseSums(const Conv& conv, const float* x, const float* upstream) {
  return std::make_unique<DepthwiseSums>(conv, x, upstream);
}

std::unique_ptr<GradientSums> groupedSums(const Conv& conv, const float* x, const float* upstream) {
  return std::make_unique<PermutedSums>(conv, x, upstream);
}

}  // namespace convkit
