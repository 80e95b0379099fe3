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

}  // namespace convkit
