// Filters into panels, several threads at a time: training packs every filter anew at every step. Kernel by
// kernel, in scalar code, 512 to 512 channels of 3x3 took 2.0 ms, now 0.7; 512 to 2048 of 1x1 1.0, now 0.09;
// 256 to 256 of 3x3 transformed for tiles of 4x4 27, now 0.25 (one thread, AVX-512).
#include <algorithm>
#include <cstring>

#include "conv/plan.h"
#include "threads/parallel.h"

namespace convkit {
namespace {

constexpr int64_t kFloatsAtOnce =
    1 << 13;  // of kernels that are rearranged twice: half of a first-level cache

// Calls body(panel, channelBegin, channelEnd, scratch) for blocks of input channels of every panel.
template <class Body>
void forEachBlock(const Conv& conv, const PackedFilter& filter, const Body& body) {
  const int64_t channels = conv.groupInputs();
  const int64_t floats = conv.taps() * filter.panels[0].vectors * conv.kernels->lanes;
  const int64_t blocks = ceilDivide(channels, std::max<int64_t>(1, kFloatsAtOnce / floats));
  const int64_t panels = static_cast<int64_t>(filter.panels.size());
  // Neighbouring units read neighbouring weights
  parallelFor(panels * blocks, nullptr, [&](int64_t unit, Scratch& scratch) {
    const int64_t panel = conv.geometry.transposed ? unit % panels : unit / blocks;
    const int64_t block = conv.geometry.transposed ? unit / panels : unit % blocks;
    body(filter.panels[static_cast<std::size_t>(panel)], channels * block / blocks,
         channels * (block + 1) / blocks, scratch);
  });
}

}  // namespace

void copyKernels(const Conv& conv, const float* weight, int64_t first, int64_t count, int64_t channelBegin,
                 int64_t channelEnd, int64_t width, bool turned, float* to) {
  const int64_t taps = conv.taps(), depth = conv.groupInputs(), outputs = conv.groupOutputs();
  const auto transpose = conv.kernels->transpose;
  if (count < width) {
    for (int64_t row = 0; row < (channelEnd - channelBegin) * taps; row++)
      std::fill(to + row * width + count, to + (row + 1) * width, 0.0f);
  }
  if (!conv.geometry.transposed) {
    transpose(weight + (first * depth + channelBegin) * taps, depth * taps, to, width, count,
              (channelEnd - channelBegin) * taps);
    return;
  }
  for (int64_t c = channelBegin; c < channelEnd; c++) {
    const float* from = weight + ((first / outputs * depth + c) * outputs + first % outputs) * taps;
    float* rows = to + (c - channelBegin) * taps * width;
    if (taps == 1) std::memcpy(rows, from, static_cast<std::size_t>(count) * sizeof(float));
    else if (turned) transpose(from, taps, rows + (taps - 1) * width, -width, count, taps);
    else transpose(from, taps, rows, width, count, taps);
  }
}

void fillPanels(const Conv& conv, const float* weight, PackedFilter& filter) {
  const int64_t taps = conv.taps(), depth = conv.groupInputs();
  forEachBlock(conv, filter, [&](const Panel& panel, int64_t begin, int64_t end, Scratch& scratch) {
    const int64_t width = panel.vectors * conv.kernels->lanes;
    float* to = filter.weights.data() + panel.weights;
    if (taps == 1) {
      copyKernels(conv, weight, panel.outChannel, panel.outCount, begin, end, width, false,
                  to + begin * width);
      return;
    }
    float* kernels = scratch.floats(1, static_cast<std::size_t>((end - begin) * taps * width));
    copyKernels(conv, weight, panel.outChannel, panel.outCount, begin, end, width, false, kernels);
    for (int64_t t = 0; t < taps; t++)
      for (int64_t c = begin; c < end; c++)
        std::memcpy(to + (t * depth + c) * width, kernels + ((c - begin) * taps + t) * width,
                    static_cast<std::size_t>(width) * sizeof(float));
  });
}

void fillWinograd(const Conv& conv, const float* weight, PackedFilter& filter) {
  const int64_t set = winogradSet(filter);
  const auto transform = conv.kernels->winogradFilter[winogradTile(conv.geometry.algorithm) / 2 - 1];
  forEachBlock(conv, filter, [&](const Panel& panel, int64_t begin, int64_t end, Scratch& scratch) {
    const int64_t taps = conv.taps(), width = panel.vectors * conv.kernels->lanes;
    float* kernels = scratch.floats(1, static_cast<std::size_t>((end - begin) * taps * width));
    copyKernels(conv, weight, panel.outChannel, panel.outCount, begin, end, width, conv.geometry.transposed,
                kernels);
    for (int64_t c = begin; c < end; c++)
      transform({kernels + (c - begin) * taps * width, width, width,
                 filter.weights.data() + panel.weights + c * width, set});
  });
}

}  // namespace convkit
