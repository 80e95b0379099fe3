#include "pooling/pool.h"

#include <algorithm>

#include "reduction/sums.h"

namespace convkit {

namespace {

int64_t strideOf(const PoolGeometry& g) { return g.outputStride == 0 ? g.channels : g.outputStride; }

}  // namespace

const char* checkPool(const PoolGeometry& g) {
  if (g.channels <= 0) return "channels must be positive";
  if (g.outputStride != 0 && g.outputStride < g.channels) return "outputStride must be no less than channels";
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

int64_t outputLength(const PoolGeometry& g, int64_t batch) {
  const int64_t positions = batch * (outputLength(g) / g.channels);
  return positions == 0 ? 0 : (positions - 1) * strideOf(g) + g.channels;
}

namespace {

int64_t outputs(const PoolAxis& axis) { return static_cast<int64_t>(axis.begin.size()); }

std::size_t mostTaps(const PoolGeometry& g) {
  int64_t product = 1;
  for (const PoolAxis& axis : g.axes) {
    int64_t most = 0;
    for (std::size_t o = 0; o < axis.begin.size(); o++)
      most = std::max<int64_t>(most, (axis.end[o] - axis.begin[o] + axis.dilation - 1) / axis.dilation);
    product *= most;
  }
  return static_cast<std::size_t>(product);
}

// Calls `visit` with the pixel and the row of each tap of output (d, h, w), in kernel order.
template <class Visit>
void eachTap(const PoolGeometry& g, int64_t d, int64_t h, int64_t w, Visit visit) {
  const PoolAxis &depth = g.axes[0], &height = g.axes[1], &width = g.axes[2];
  const auto at = [](const std::vector<int32_t>& list, int64_t o) {
    return int64_t{list[static_cast<std::size_t>(o)]};
  };
  const int64_t bottom = at(height.end, h), right = at(width.end, w);
  for (int64_t z = at(depth.begin, d); z < at(depth.end, d); z += depth.dilation)
    for (int64_t r = at(height.begin, h); r < bottom; r += height.dilation)
      for (int64_t c = at(width.begin, w); c < right; c += width.dilation)
        visit((z * height.size + r) * width.size + c, r);
}

// As TypeScript multiplies; integers would overflow where three spans near 2^31 meet
float divisorAt(const PoolGeometry& g, int64_t d, int64_t h, int64_t w) {
  const auto span = [&](int axis, int64_t o) {
    return static_cast<double>(g.axes[axis].span[static_cast<std::size_t>(o)]);
  };
  return static_cast<float>(span(0, d) * span(1, h) * span(2, w));
}

int64_t pieces(int64_t all, int64_t each) { return (all + each - 1) / each; }

constexpr int64_t kBandFloats = 1 << 16;  // of the gradient: it and the pixels stay in a second-level cache
constexpr int64_t kChannelBlock = 32;
constexpr int64_t kChunksPerThread = 4;

// Rows of the gradient that are computed together. Windows reach into the next band, which visits them again.
int64_t bandRows(const PoolGeometry& g) {
  const PoolAxis& height = g.axes[1];
  int64_t tallest = 1;
  for (std::size_t o = 0; o < height.begin.size(); o++)
    tallest = std::max<int64_t>(tallest, height.end[o] - height.begin[o]);
  const int64_t row = g.axes[0].size * g.axes[2].size * g.channels;
  return std::min(height.size, std::max(4 * tallest, kBandFloats / row));
}

// The average of all positions of an image, whose sum is a sum over positions like any other.
bool isWholeAverage(const PoolGeometry& g) {
  const auto whole = [](const PoolAxis& axis) {
    return outputs(axis) == 1 && axis.begin[0] == 0 && axis.end[0] == axis.size && axis.dilation == 1;
  };
  return g.kind == PoolKind::average && strideOf(g) == g.channels && whole(g.axes[0]) && whole(g.axes[1]) &&
         whole(g.axes[2]);
}

}  // namespace

void runPool(const PoolGeometry& g, const Kernels& kernels, const float* x, float* y, int64_t batch,
             const CancelFlag* cancelled) {
  // 32 channels of 112x112, AVX-512, one thread / two: as one window 38 us / 39, as a sum over positions
  // 21 / 8
  if (isWholeAverage(g)) {
    const int64_t positions = inputLength(g) / g.channels;
    return runSum(kernels, x, y, batch, positions, g.channels, divisorAt(g, 0, 0, 0), cancelled);
  }
  const int64_t outDepth = outputs(g.axes[0]), outHeight = outputs(g.axes[1]), outWidth = outputs(g.axes[2]);
  const std::size_t most = mostTaps(g);
  const PoolKernel kernel = g.kind == PoolKind::max ? kernels.maxPool : kernels.averagePool;
  const int64_t stride = strideOf(g);

  // One chunk a row of output positions
  parallelFor(batch * outDepth * outHeight, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const int64_t h = chunk % outHeight, d = chunk / outHeight % outDepth;
    const float* image = x + chunk / outHeight / outDepth * inputLength(g);
    auto** taps = static_cast<const float**>(scratch.bytes(0, most * sizeof(const float*)));
    PoolTile tile{taps, 0, g.channels, 1.0f, y + chunk * outWidth * stride};
    for (int64_t w = 0; w < outWidth; w++) {
      tile.count = 0;
      eachTap(g, d, h, w, [&](int64_t pixel, int64_t) { taps[tile.count++] = image + pixel * g.channels; });
      tile.divisor = divisorAt(g, d, h, w);
      kernel(tile);
      tile.y += stride;
    }
  });
}

void runPoolGradient(const PoolGeometry& g, const Kernels& kernels, const float* x, const float* upstream,
                     float* gradient, int64_t batch, const CancelFlag* cancelled) {
  const bool isMax = g.kind == PoolKind::max;
  const PoolGradientKernel kernel = isMax ? kernels.maxPoolGradient : kernels.averagePoolGradient;
  const std::size_t most = mostTaps(g);
  const PoolAxis &height = g.axes[1], &width = g.axes[2];
  const int64_t tall = bandRows(g), bands = pieces(height.size, tall);
  // Few bands leave threads their shares of the channels
  const bool few = batch * bands < threadCount() * kChunksPerThread;
  const int64_t wide = few ? kChannelBlock : g.channels, blocks = pieces(g.channels, wide);

  // A chunk visits all windows that reach its rows, in order; what they add to other rows goes nowhere
  parallelFor(batch * bands * blocks, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const int64_t image = chunk / blocks / bands, band = chunk / blocks % bands,
                  first = chunk % blocks * wide;
    const int64_t channels = std::min(wide, g.channels - first);
    const int64_t begin = band * tall, end = std::min(height.size, begin + tall);
    const float* values = isMax ? x + image * inputLength(g) + first : nullptr;
    float* sums = gradient + image * inputLength(g) + first;
    const float* own = upstream + image * outputLength(g) + first;
    for (int64_t z = 0; z < g.axes[0].size; z++)
      for (int64_t p = (z * height.size + begin) * width.size; p < (z * height.size + end) * width.size; p++)
        std::fill_n(sums + p * g.channels, channels, 0.0f);

    auto** taps = static_cast<const float**>(scratch.bytes(0, most * sizeof(const float*)));
    auto** gradients = static_cast<float**>(scratch.bytes(1, most * sizeof(float*)));
    float* const nowhere = scratch.floats(2, static_cast<std::size_t>(channels));
    PoolGradientTile tile{taps, gradients, 0, channels, 1.0f, own};
    for (int64_t d = 0; d < outputs(g.axes[0]); d++)
      for (int64_t h = 0; h < outputs(height); h++) {
        const auto window = static_cast<std::size_t>(h);
        if (height.begin[window] >= end || height.end[window] <= begin) continue;
        tile.upstream = own + (d * outputs(height) + h) * outputs(width) * g.channels;
        for (int64_t w = 0; w < outputs(width); w++) {
          tile.count = 0;
          eachTap(g, d, h, w, [&](int64_t pixel, int64_t row) {
            if (isMax) taps[tile.count] = values + pixel * g.channels;
            gradients[tile.count++] = row >= begin && row < end ? sums + pixel * g.channels : nowhere;
          });
          tile.divisor = divisorAt(g, d, h, w);
          kernel(tile);
          tile.upstream += g.channels;
        }
      }
  });
}

}  // namespace convkit
