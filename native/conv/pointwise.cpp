// 1x1 convolutions of channels-first images, which are a matrix product as they lie: nothing is transposed.
// Towards channels-first outputs the lanes of the micro-kernel are positions: its panel is the input, and its
// rows are filters. Towards channels-last outputs its rows are positions, and its panels filters.
#include <algorithm>

#include "conv/multiply.h"

namespace convkit {
namespace {

constexpr int kVectors = 4;                  // of positions in a tile at most
constexpr int64_t kFloatsInCache = 1 << 16;  // of input in a chunk: it is read again for every few outputs
constexpr int64_t kChunksPerThread = 4;

// Planes whose size is a multiple of this many floats lie in the same few places of a cache. 256 to 64
// channels at 32x32, AVX-512, times channels-last: 1.42 as they lie, 1.13 copied; at 56x56 1.05 and 1.13.
constexpr int64_t kCrowdedPlane = 256;

// What it costs to bring a float into another layout, in multiplications by a vector.
constexpr double kRearranging = 1.4;

// Neighbouring positions of one image.
struct PositionTile {
  int64_t begin, count;
  int vectors;
  const float* input;  // of the first position and channel
  int64_t step;        // floats from one channel to the next
};

// A tile's input, one channel after the other in whole vectors.
void copyInput(const Conv& conv, const float* image, PositionTile& tile, float* to) {
  const ConvGeometry& g = conv.geometry;
  const int64_t plane = g.inputSize.product(), width = tile.vectors * conv.kernels->lanes;
  tile.input = to;
  tile.step = width;
  if (g.stride.product() == 1) {
    conv.kernels->copyRows(
        {image + tile.begin, plane, g.inChannels, tile.count, 0, 0, to, width, width, 0, false});
    return;
  }
  int64_t source[kVectors * kMaxLanes];
  const Grid& grid = conv.grids[0];
  for (int64_t i = 0; i < tile.count; i++) {
    const int64_t w = (tile.begin + i) % grid.width.output, row = (tile.begin + i) / grid.width.output;
    const int64_t h = row % grid.height.output, d = row / grid.height.output;
    source[i] = (*grid.depth.taps(d) * grid.height.input + *grid.height.taps(h)) * grid.width.input +
                *grid.width.taps(w);
  }
  for (int64_t c = 0; c < g.inChannels; c++, to += width) {
    const float* from = image + c * plane;
    for (int64_t i = 0; i < tile.count; i++) to[i] = from[source[i]];
    std::fill(to + tile.count, to + width, 0.0f);
  }
}

// Whether the micro-kernel may read whole vectors of a tile where they lie.
bool isReadable(const Conv& conv, const PositionTile& tile) {
  const ConvGeometry& g = conv.geometry;
  return g.stride.product() == 1 && tile.count == tile.vectors * conv.kernels->lanes &&
         g.inputSize.product() % kCrowdedPlane != 0;
}

GemmTile productOf(const Conv& conv) {
  GemmTile product{};
  product.taps = 1;
  product.depth = conv.groupInputs();
  product.first = product.last = true;
  product.low = conv.low;
  product.high = conv.high;
  return product;
}

// Panels [begin, end) of one group, all of one width.
struct PanelRun {
  const Panel* begin;
  const Panel* end;
};

PanelRun runFrom(const Panel* panel, const Panel* end) {
  const Panel* next = panel + 1;
  while (next != end && next->vectors == panel->vectors && next->inChannel == panel->inChannel) next++;
  return {panel, next};
}

// The output channels of some panels at the positions of a tile, a plane for each.
void multiplyToPlanes(const Conv& conv, const PackedFilter& filter, const PanelRun& panels,
                      const PositionTile& tile, Output y) {
  const int64_t lanes = conv.kernels->lanes, plane = conv.positions();
  const Panel &first = *panels.begin, &last = panels.end[-1];
  const int64_t width = first.vectors * lanes, panelFloats = width * conv.groupInputs();
  const EvenTiles even(last.outChannel + last.outCount - first.outChannel, conv.kernels->rows[tile.vectors]);
  const float* rows[kMaxRows];
  GemmTile product = productOf(conv);
  product.rows = rows;
  product.step = width;
  product.panel = tile.input + first.inChannel * tile.step;
  product.panelStep = tile.step;
  product.tail = static_cast<int>(tile.count - (tile.vectors - 1) * lanes);
  product.rowBias = true;
  product.ldc = plane;
  for (int64_t t = 0; t < even.tiles(); t++) {
    const int64_t begin = even.begin(t);
    for (int i = 0; i < even.height(t); i++)
      rows[i] =
          filter.weights.data() + first.weights + (begin + i) / width * panelFloats + (begin + i) % width;
    product.bias = filter.bias.data() + first.bias + begin;
    const Output to = y + ((first.outChannel + begin) * plane + tile.begin);
    product.c = to.y;
    product.residual = to.residual;
    conv.kernels->steppedGemm[tile.vectors][even.height(t)](product);
    if (conv.activateApart) activateRows(conv, product.c, plane, even.height(t), tile.count);
  }
}

// Whether a panel's last vector holds a single output channel: its lanes are better filled with positions.
bool endsInOne(const Panel& panel, int64_t lanes) {
  return panel.vectors > 1 && panel.tail == 1 && lanes > 1;
}

// That channel, channels-last.
void multiplyLastToPixels(const Conv& conv, const PackedFilter& filter, const Panel& panel,
                          const PositionTile& tile, Output y) {
  const int64_t lanes = conv.kernels->lanes, outputStride = conv.geometry.outputStride;
  const int64_t last = (panel.vectors - 1) * lanes;
  const Output to = y + (tile.begin * outputStride + panel.outChannel + last);
  const float* const row = filter.weights.data() + panel.weights + last;
  float sums[kVectors * kMaxLanes], residuals[kVectors * kMaxLanes];
  GemmTile product = productOf(conv);
  product.rows = &row;
  product.step = panel.vectors * lanes;
  product.panel = tile.input + panel.inChannel * tile.step;
  product.panelStep = tile.step;
  product.tail = static_cast<int>(tile.count - (tile.vectors - 1) * lanes);
  product.rowBias = true;
  product.bias = filter.bias.data() + panel.bias + last;
  product.c = sums;
  if (to.residual != nullptr) {
    for (int64_t i = 0; i < tile.count; i++) residuals[i] = to.residual[i * outputStride];
    product.residual = residuals;
  }
  conv.kernels->steppedGemm[tile.vectors][1](product);
  for (int64_t i = 0; i < tile.count; i++) to.y[i * outputStride] = sums[i];
}

// The output channels of a panel at the positions of a tile, channels-last. With a vector for the last one 64
// to 17 channels at 56x56 took 1.46 times 16 (AVX2), 64 to 33 1.47 times 32 (AVX-512).
void multiplyToPixels(const Conv& conv, const PackedFilter& filter, const PanelRun& panels,
                      const PositionTile& tile, Output y) {
  const Panel& panel = *panels.begin;
  const int64_t lanes = conv.kernels->lanes, outputStride = conv.geometry.outputStride;
  const bool apart = endsInOne(panel, lanes);
  const int vectors = panel.vectors - (apart ? 1 : 0);
  if (apart) multiplyLastToPixels(conv, filter, panel, tile, y);
  const EvenTiles even(tile.count, conv.kernels->rows[vectors]);
  const float* rows[kMaxRows];
  GemmTile product = productOf(conv);
  product.rows = rows;
  product.step = tile.step;
  product.panel = filter.weights.data() + panel.weights;
  product.panelStep = panel.vectors * lanes;
  product.tail = apart ? static_cast<int>(lanes) : panel.tail;
  product.bias = filter.bias.data() + panel.bias;
  product.ldc = outputStride;
  for (int64_t t = 0; t < even.tiles(); t++) {
    const int64_t first = even.begin(t);
    for (int i = 0; i < even.height(t); i++) rows[i] = tile.input + panel.inChannel * tile.step + first + i;
    const Output to = y + ((tile.begin + first) * outputStride + panel.outChannel);
    product.c = to.y;
    product.residual = to.residual;
    conv.kernels->steppedGemm[vectors][even.height(t)](product);
    if (conv.activateApart) activateRows(conv, product.c, outputStride, even.height(t), panel.outCount);
  }
}

}  // namespace

bool isPointwise(const Conv& conv) {
  const ConvGeometry& g = conv.geometry;
  const Triple &begin = g.padBegin, &end = g.padEnd;
  if (!readsPlanes(conv) || conv.kind != FilterKind::dense || g.transposed) return false;
  if (g.kernelSize.product() != 1 || begin.depth + begin.height + begin.width > 0 ||
      end.depth + end.height + end.width > 0)
    return false;
  if (!writesPlanes(conv)) return true;
  // Lanes that lie empty at the end of an image may cost more than rearranging it: 7x7 at 16 lanes 1.31
  // and 1.05
  const double inputs = static_cast<double>(conv.groupInputs()),
               outputs = static_cast<double>(conv.groupOutputs());
  const int64_t lanes = conv.kernels->lanes, positions = conv.positions();
  const double empty = static_cast<double>(ceilDivide(positions, lanes) * lanes - positions);
  return empty * inputs * outputs <=
         kRearranging * static_cast<double>(lanes * positions) * (inputs + outputs);
}

void runPointwise(const Conv& conv, const PackedFilter& filter, const float* x, Output y, int64_t batch,
                  const CancelFlag* cancelled) {
  const ConvGeometry& g = conv.geometry;
  const int64_t lanes = conv.kernels->lanes, positions = conv.positions();
  const int64_t panels = static_cast<int64_t>(filter.panels.size());
  int widest = kVectors;
  while (conv.kernels->rows[widest] == 0) widest--;
  const EvenTiles even(ceilDivide(positions, lanes), widest);  // of one image's vectors
  const int64_t tileFloats = g.inChannels * widest * lanes;

  const int64_t wanted = threadCount() > 1 ? kChunksPerThread * threadCount() : 1;
  const int64_t fitting = std::max<int64_t>(1, kFloatsInCache / tileFloats);
  const int64_t blocks =
      std::min(even.tiles(), std::max(ceilDivide(even.tiles(), fitting), ceilDivide(wanted, batch)));
  const int64_t panelBlocks = std::min(panels, ceilDivide(wanted, batch * blocks));
  const bool planes = writesPlanes(conv);

  parallelFor(batch * blocks * panelBlocks, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const int64_t panelBlock = chunk % panelBlocks, block = chunk / panelBlocks % blocks,
                  image = chunk / panelBlocks / blocks;
    const int64_t begin = even.tiles() * block / blocks, count = even.tiles() * (block + 1) / blocks - begin;
    const float* from = x + image * conv.imageFloats();
    PositionTile* tiles =
        static_cast<PositionTile*>(scratch.bytes(0, static_cast<std::size_t>(count) * sizeof(PositionTile)));
    float* copies = nullptr;
    for (int64_t t = 0; t < count; t++) {
      const int64_t first = even.begin(begin + t) * lanes, last = even.begin(begin + t + 1) * lanes;
      tiles[t] = {first, std::min(positions, last) - first, even.height(begin + t), from + first, positions};
      if (isReadable(conv, tiles[t])) continue;
      if (copies == nullptr) copies = scratch.floats(1, static_cast<std::size_t>(count * tileFloats));
      copyInput(conv, from, tiles[t], copies + t * tileFloats);
    }
    const Panel* const end = filter.panels.data() + panels * (panelBlock + 1) / panelBlocks;
    for (const Panel* p = filter.panels.data() + panels * panelBlock / panelBlocks; p != end;) {
      const PanelRun run = planes ? runFrom(p, end) : PanelRun{p, p + 1};
      for (int64_t t = 0; t < count; t++)
        (planes ? multiplyToPlanes : multiplyToPixels)(conv, filter, run, tiles[t],
                                                       y + image * conv.outputFloats());
      p = run.end;
    }
  });
}

}  // namespace convkit
