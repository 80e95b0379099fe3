#include "pooling/pool.h"

#include <algorithm>

namespace convkit {

const char* checkPool(const PoolGeometry& g) {
  if (g.channels <= 0) return "channels must be positive";
  for (const PoolAxis& axis : g.axes) {
    if (axis.dilation <= 0) return "dilation must be positive";
    if (axis.begin.empty()) return "an axis has no windows";
    if (axis.begin.size() != axis.end.size() || axis.begin.size() != axis.span.size())
      return "begin, end and span differ in length";
    for (std::size_t o = 0; o < axis.begin.size(); o++) {
      if (axis.begin[o] < 0 || axis.end[o] > axis.size || axis.begin[o] >= axis.end[o])
        return "a window is empty or reaches outside the input";
      if (axis.span[o] <= 0) return "span must be positive";
    }
  }
  return nullptr;
}

int64_t inputLength(const PoolGeometry& g) {
  return g.axes[0].size * g.axes[1].size * g.axes[2].size * g.channels;
}

int64_t outputLength(const PoolGeometry& g) {
  int64_t length = g.channels;
  for (const PoolAxis& axis : g.axes) length *= static_cast<int64_t>(axis.begin.size());
  return length;
}

void runPool(const PoolGeometry& g, const Kernels& kernels, const float* x, float* y, int64_t batch,
             const CancelFlag* cancelled) {
  const PoolAxis &depth = g.axes[0], &height = g.axes[1], &width = g.axes[2];
  const auto outDepth = static_cast<int64_t>(depth.begin.size()),
             outHeight = static_cast<int64_t>(height.begin.size()),
             outWidth = static_cast<int64_t>(width.begin.size());
  const auto widest = [](const PoolAxis& axis) {
    int64_t most = 0;
    for (std::size_t o = 0; o < axis.begin.size(); o++)
      most = std::max<int64_t>(most, (axis.end[o] - axis.begin[o] + axis.dilation - 1) / axis.dilation);
    return most;
  };
  const auto mostTaps = static_cast<std::size_t>(widest(depth) * widest(height) * widest(width));
  const PoolKernel kernel = g.kind == PoolKind::max ? kernels.maxPool : kernels.averagePool;

  // One chunk a row of output positions
  parallelFor(batch * outDepth * outHeight, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const auto h = static_cast<std::size_t>(chunk % outHeight),
               d = static_cast<std::size_t>(chunk / outHeight % outDepth);
    const float* image = x + chunk / outHeight / outDepth * inputLength(g);
    auto** taps = static_cast<const float**>(scratch.bytes(0, mostTaps * sizeof(const float*)));
    PoolTile tile{taps, 0, g.channels, 1.0f, y + chunk * outWidth * g.channels};
    for (std::size_t w = 0; w < static_cast<std::size_t>(outWidth); w++) {
      tile.count = 0;
      for (int64_t z = depth.begin[d]; z < depth.end[d]; z += depth.dilation)
        for (int64_t r = height.begin[h]; r < height.end[h]; r += height.dilation)
          for (int64_t c = width.begin[w]; c < width.end[w]; c += width.dilation)
            taps[tile.count++] = image + ((z * height.size + r) * width.size + c) * g.channels;
      // As TypeScript multiplies; integers would overflow where three spans near 2^31 meet
      tile.divisor = static_cast<float>(static_cast<double>(depth.span[d]) * height.span[h] * width.span[w]);
      kernel(tile);
      tile.y += g.channels;
    }
  });
}

}  // namespace convkit
