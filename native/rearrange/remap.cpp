#include "rearrange/remap.h"

#include <algorithm>
#include <cstring>

namespace convkit {

const char* checkRemap(const RemapGeometry& g) {
  if (g.channels <= 0) return "channels must be positive";
  for (int axis = 0; axis < 3; axis++)
    for (const int32_t source : g.source[axis])
      if (source < -1 || source >= g.inputSize[axis]) return "a source lies outside the input";
  return nullptr;
}

int64_t inputLength(const RemapGeometry& g) {
  return g.channels * g.inputSize[0] * g.inputSize[1] * g.inputSize[2];
}

int64_t outputLength(const RemapGeometry& g) {
  int64_t length = g.channels;
  for (const auto& axis : g.source) length *= static_cast<int64_t>(axis.size());
  return length;
}

namespace {

// The output positions along an axis that come from each input position, in order.
struct Destinations {
  std::vector<int64_t> starts, positions;

  Destinations(const std::vector<int32_t>& source, int64_t inputs)
      : starts(static_cast<std::size_t>(inputs) + 1), positions(source.size()) {
    for (const int32_t from : source)
      if (from >= 0) starts[static_cast<std::size_t>(from) + 1]++;
    for (std::size_t i = 1; i < starts.size(); i++) starts[i] += starts[i - 1];
    std::vector<int64_t> next = starts;
    for (std::size_t at = 0; at < source.size(); at++) {
      if (source[at] < 0) continue;
      positions[static_cast<std::size_t>(next[static_cast<std::size_t>(source[at])]++)] =
          static_cast<int64_t>(at);
    }
  }
};

void addTo(float* to, const float* from, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

}  // namespace

void runRemap(const RemapGeometry& g, const float* x, float* y, int64_t batch, const CancelFlag* cancelled) {
  const auto depth = static_cast<int64_t>(g.source[0].size()),
             height = static_cast<int64_t>(g.source[1].size()),
             width = static_cast<int64_t>(g.source[2].size());
  const int32_t* columns = g.source[2].data();
  parallelFor(batch * depth * height, cancelled, [&](int64_t line, Scratch&) {
    const int64_t h = line % height, d = line / height % depth, image = line / height / depth;
    const int32_t fromDepth = g.source[0][static_cast<std::size_t>(d)];
    const int32_t fromHeight = g.source[1][static_cast<std::size_t>(h)];
    float* to = y + line * width * g.channels;
    if (fromDepth < 0 || fromHeight < 0) {
      std::fill_n(to, width * g.channels, g.value);
      return;
    }
    const float* row =
        x + image * inputLength(g) + (fromDepth * g.inputSize[1] + fromHeight) * g.inputSize[2] * g.channels;
    // Neighbours whose sources are neighbours move together
    for (int64_t w = 0; w < width;) {
      int64_t end = w + 1;
      if (columns[w] < 0) {
        while (end < width && columns[end] < 0) end++;
        std::fill_n(to + w * g.channels, (end - w) * g.channels, g.value);
      } else {
        while (end < width && columns[end] == columns[end - 1] + 1) end++;
        std::memcpy(to + w * g.channels, row + columns[w] * g.channels,
                    static_cast<std::size_t>((end - w) * g.channels) * sizeof(float));
      }
      w = end;
    }
  });
}

void runRemapGradient(const RemapGeometry& g, const float* upstream, float* gradient, int64_t batch,
                      const CancelFlag* cancelled) {
  const Destinations depths(g.source[0], g.inputSize[0]), heights(g.source[1], g.inputSize[1]);
  const auto outputHeight = static_cast<int64_t>(g.source[1].size()),
             width = static_cast<int64_t>(g.source[2].size());
  const int64_t depth = g.inputSize[0], height = g.inputSize[1], line = g.inputSize[2] * g.channels;
  const int32_t* columns = g.source[2].data();
  parallelFor(batch * depth * height, cancelled, [&](int64_t unit, Scratch&) {
    const auto h = static_cast<std::size_t>(unit % height),
               d = static_cast<std::size_t>(unit / height % depth);
    float* to = gradient + unit * line;
    std::fill_n(to, line, 0.0f);
    const float* image = upstream + unit / height / depth * outputLength(g);
    for (int64_t i = depths.starts[d]; i < depths.starts[d + 1]; i++) {
      for (int64_t j = heights.starts[h]; j < heights.starts[h + 1]; j++) {
        const float* row = image + (depths.positions[static_cast<std::size_t>(i)] * outputHeight +
                                    heights.positions[static_cast<std::size_t>(j)]) *
                                       width * g.channels;
        // Neighbours whose sources are neighbours are added together
        for (int64_t w = 0; w < width;) {
          int64_t end = w + 1;
          if (columns[w] >= 0) {
            while (end < width && columns[end] == columns[end - 1] + 1) end++;
            addTo(to + columns[w] * g.channels, row + w * g.channels, (end - w) * g.channels);
          }
          w = end;
        }
      }
    }
  });
}

}  // namespace convkit
