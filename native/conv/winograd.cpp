// 3x3 convolutions of stride 1 by Winograd's minimal filtering: transform tiles of the input, multiply each
// element of the transform by its own matrix of filters, transform back. Blocks of tiles go through all three
// steps while they are in cache. A dilation of d makes d * d interleaved grids of the output, tiled one after
// the other.
#include <algorithm>
#include <limits>

#include "conv/multiply.h"
#include "conv/winograd_beyond.h"
#include "conv/winograd_tiles.h"
#include "threads/scratch.h"

namespace convkit {
namespace {

// A block's transformed input and output take half a megabyte, as long as that is no fewer tiles than a pass
// over the filters needs to pay: 64 tiles instead of 12 made 512 channels at 28x28 1.4 times as fast.
constexpr int64_t kFloatsInCache = 1 << 17;
constexpr int64_t kMostTiles = 96, kLeastTiles = 64;
constexpr int64_t kMostShared = 256;       // tiles of a block that all threads work on
constexpr int64_t kChunksPerThread = 8;    // of which each multiplies filters that follow one another
constexpr int64_t kLargeFilter = 1 << 18;  // floats of all elements; more than one core's cache holds
// The same for each of a few tiles: fetching takes longer than multiplying. Two threads, AVX-512, filters in
// turn: 128 to 32 channels at 7x7 25 us to 19, at 14x14 30 to 26; with smaller ones 24 to 64 took 16 and 20.
constexpr int64_t kLargeForTile = 1 << 13;
// And where each thread has so many tiles of its own, of a filter that it can fetch as fast as it multiplies:
// sharing makes the threads wait for each other twice, and half of what each reads was written by the other.
// Two threads, AVX-512, beside two processes: 128 channels at 28x28 0.95 shared and 0.97 apart (165 us, 162),
// 96 at 35x35 0.94 and 0.99; 128 to 192 at 28x28 0.99 and 0.97, 256 1.00 and 0.96.
constexpr int64_t kManyTiles = 24, kLargeForMany = 3 << 18;
// Threads that share a filter compute output channels of their own where every one of them can transform all
// tiles in its cache (floats of them), and has so many channels, for each output of a tile's side, that this
// takes less than it spares: otherwise half of what each reads was written by the other, twice. Two threads,
// AVX-512, both and own channels: 512 at 7x7 304 us and 299, 128 at 7x7 28 and 25, 256 at 14x14 191 and 193;
// while the processors handed a line over in 210 ns instead of 43, as with a third-level cache each, 309 and
// 284, 256 at 14x14 219 and 193. 128 to 256 at 14x14 would take 99 and 108, 512 at 14x14 855 and 900.
constexpr int64_t kMostOwn = 3 << 16;
constexpr int64_t kLeastOwnChannels = 32;
// Between the elements of a block: without it, channels and tiles that are powers of two put all of them into
// one set of the cache. 32 channels at 32x32: 1.5 times as fast (AVX-512), 16 channels 2.2 times (AVX2).
constexpr int64_t kLine = 16;
// Floats of an input that is fetched tile by tile: it comes from memory, in pieces too short for the
// processor to foresee. One thread, AVX-512: 64 channels at 224x224 7.2 ms to 6.0, 128 at 112x112 5.5 to 5.2;
// half as large 64 at 112x112 1.39 to 1.45.
constexpr int64_t kFarInput = 1 << 20;
constexpr int64_t kWorthFetching = 8;  // tiles: fewer have no time to spare

// Consecutive output channels.
struct Channels {
  int64_t first, count;
};

// Some channels of a tile's outputs, and, where it is not null, the one that comes after them.
void transformOutput(const Conv& conv, const PackedFilter& filter, const Tiling& tiling, const float* m,
                     int64_t step, Channels channels, const float* beyond, const Place& place, Output y) {
  const Axis &height = conv.grids[0].height, &width = conv.grids[0].width;
  const int64_t stride = conv.geometry.outputStride;
  const int64_t rows = tiling.height.outputs(place.row), columns = tiling.width.outputs(place.column);
  const int64_t down = height.dilation * width.output * stride, right = width.dilation * stride;
  const Output first = y +
                       ((place.plane * height.output + tiling.height.start(place.row)) * width.output +
                        tiling.width.start(place.column)) *
                           stride +
                       channels.first;
  float* outputs[kMostOutputs];
  const float* residuals[kMostOutputs];
  for (int64_t i = 0; i < tiling.tile; i++) {
    for (int64_t j = 0; j < tiling.tile; j++) {
      const bool inside = i < rows && j < columns;
      const Output at = inside ? first + (i * down + j * right) : Output(nullptr);
      outputs[i * tiling.tile + j] = at.y;
      residuals[i * tiling.tile + j] = at.residual;
    }
  }
  conv.kernels->winogradOutput[tiling.tile / 2 - 1]({m + channels.first, step, channels.count,
                                                     filter.bias.data() + channels.first, residuals, outputs,
                                                     conv.low, conv.high});
  if (beyond != nullptr) {
    const int64_t lanes = conv.kernels->lanes;
    for (int64_t i = 0; i < rows; i++) {
      for (int64_t j = 0; j < columns; j++) {
        float sum = beyond[(i * tiling.tile + j) * lanes];
        if (first.residual != nullptr) sum += first.residual[i * down + j * right + channels.count];
        sum = conv.low > sum ? conv.low : sum;
        first.y[i * down + j * right + channels.count] = conv.high < sum ? conv.high : sum;
      }
    }
  }
  if (!conv.activateApart) return;
  for (int64_t i = 0; i < tiling.tile * tiling.tile; i++)
    if (outputs[i] != nullptr)
      activateRows(conv, outputs[i], 0, 1, channels.count + (beyond != nullptr ? 1 : 0));
}

// Whether an input or output channel beyond whole vectors lies apart, and the tallest tile with such an
// output.
struct Apart {
  bool input = false, output = false;
  int height = 0;
};

Apart apartOf(const Conv& conv, const PackedFilter& filter) {
  const Kernels& kernels = *conv.kernels;
  const Panel& last = filter.panels.back();
  const int64_t inputs = conv.geometry.inChannels, lanes = kernels.lanes;
  if (inputs > kWinogradChain) return {};  // the last chain would be that channel's alone
  Apart apart;
  apart.input = kernels.beyond[1][1] != nullptr && inputs > lanes && inputs % lanes == 1;
  apart.output = last.tail == 1 && inputs >= kernels.tailDepth && kernels.apart[last.vectors][1] != nullptr;
  while (apart.output && apart.height < kMaxRows && kernels.apart[last.vectors][apart.height + 1] != nullptr)
    apart.height++;
  return apart;
}

// Tiles [first, first + count) of the batch on their way through the three steps.
struct Block {
  int64_t first, count;
  float *v, *products;
  Apart apart;
  int64_t inputs, outputs;  // channels that lie together
  int64_t depth, width;     // floats from one tile to the next, and of the products
  int64_t beyond;           // from an element's first tile to the channel apart
  int64_t step;             // from one element to the next
};

// Where elements come one after the other, the products of each take the place of the transformed input of
// the one before, which is in cache and done with; where threads share them they have their own.
Block makeBlock(const Conv& conv, int64_t first, int64_t count, bool shared, const Apart& apart,
                Scratch& scratch) {
  const ConvGeometry& g = conv.geometry;
  const int64_t lanes = conv.kernels->lanes, elements = winogradElements(g.algorithm);
  Block block{};
  block.first = first;
  block.count = count;
  block.apart = apart;
  block.inputs = g.inChannels - (apart.input ? 1 : 0);
  block.outputs = g.outChannels - (apart.output ? 1 : 0);
  block.depth = ceilDivide(block.inputs, lanes) * lanes;
  block.width = ceilDivide(block.outputs, lanes) * lanes;
  block.beyond = count * std::max(block.depth, block.width);
  block.step = block.beyond + kLine;
  // Whole vectors of tiles, from any tile on
  if (apart.input || apart.output) block.step += (ceilDivide(count, lanes) + 1) * lanes;
  const auto floats = [&](int slot, int64_t n) {
    return scratch.floats(slot, static_cast<std::size_t>(n * block.step));
  };
  block.products = floats(2, elements + (shared ? 0 : 1));
  block.v = shared ? floats(1, elements) : block.products + block.step;
  return block;
}

// v[element][tile] of all tiles; each fetches what the next one reads where `far`.
void loadTiles(const Conv& conv, const Tiling& tiling, const TileInput& input, const TileOrder& order,
               const Block& block, const float* x, bool far) {
  if (!block.apart.input) {
    for (int64_t t = 0; t < block.count; t++) {
      if (far && t + 1 < block.count) input.fetch(x, order.place(block.first + t + 1));
      input.transform(x, order.place(block.first + t), block.v + t * block.depth, block.step);
    }
    return;
  }
  BeyondInput beyond(conv, tiling, block.count, block.v + block.beyond, block.step);
  for (int64_t t = 0; t < block.count; t++) {
    const float* pixels[kMostElements];
    input.find(x, order.place(block.first + t), pixels);
    conv.kernels->winogradInput[tiling.tile / 2 - 1](
        {pixels, block.inputs, block.v + t * block.depth, block.step});
    beyond.add(t, pixels);
  }
}

// products[element][tile] = v[element][tile] times a panel of that element's filters, of the tiles that need
// it. What is multiplied next begins at `following`; where it is null, behind this panel.
void multiplyElement(const Conv& conv, const PackedFilter& filter, const Tiling& tiling,
                     const TileOrder& order, const Block& block, int64_t element, const Panel& panel,
                     const float* following = nullptr) {
  const TileRange needing = order.needing(element / tiling.side, element % tiling.side);
  const int64_t begin = std::max<int64_t>(0, needing.begin - block.first);
  const int64_t end = std::min(block.count, needing.end - block.first);
  if (begin >= end) return;
  const Kernels& kernels = *conv.kernels;
  const bool apart = block.apart.output && &panel == &filter.panels.back();
  const GemmKernel* const byHeight = apart               ? kernels.apart[panel.vectors]
                                     : block.apart.input ? kernels.beyond[panel.vectors]
                                                         : nullptr;
  const int64_t count = end - begin, tiles = ceilDivide(count, apart ? block.apart.height : filter.height);
  const bool fetches = tiles > 1 || count >= kWorthFetching;
  const int64_t height = count / tiles, taller = count % tiles;  // as many tiles have a row more
  const int64_t set = winogradSet(filter), lanes = kernels.lanes;
  const float* const weights = filter.weights.data() + element * set + panel.weights;
  const float* const v = block.v + element * block.step + begin * block.depth;
  float* const products = block.products + element * block.step + begin * block.width + panel.bias;
  const int64_t beyond = element * block.step + block.beyond + begin;
  const float* rows[kMaxRows];
  GemmTile tile;
  tile.rows = rows;
  tile.taps = 1;
  tile.ldc = block.width;
  tile.tail = kernels.lanes;  // rows of products hold whole vectors
  tile.first = true;
  tile.bias = conv.zeros.data();
  tile.low = -std::numeric_limits<float>::infinity();
  tile.high = std::numeric_limits<float>::infinity();
  for (int64_t channel = 0; channel < block.inputs; channel += kWinogradChain) {
    tile.offset = channel;
    tile.depth = std::min(kWinogradChain, block.inputs - channel);
    tile.panel = weights + channel * panel.vectors * lanes;
    tile.last = channel > 0;
    // The next block of channels, panel or element follows
    const int64_t floats = (tile.depth + (block.apart.input ? 1 : 0)) * panel.vectors * lanes;
    const bool over = following != nullptr && channel + kWinogradChain >= block.inputs;
    if (fetches) fetchAhead(tile, over ? following : tile.panel + floats, floats, 0, tiles, tile.depth);
    const int64_t share = ceilDivide(floats, tiles);
    int64_t first = 0;
    for (int64_t t = 0; t < tiles; t++) {
      const int rowsHere = static_cast<int>(height + (t < taller ? 1 : 0));
      for (int i = 0; i < rowsHere; i++) rows[i] = v + (first + i) * block.depth;
      tile.c = products + first * block.width;
      tile.residual = tile.last ? tile.c : nullptr;
      if (block.apart.input) tile.beyond = block.v + beyond + first;
      if (apart) tile.tails = block.products + beyond + first;
      (byHeight != nullptr ? byHeight[rowsHere]
                           : gemmKernel(kernels, panel.vectors, panel.tail, tile.depth, rowsHere))(tile);
      if (fetches) tile.next += share;
      first += rowsHere;
    }
  }
}

// Consecutive panels.
struct PanelRange {
  int64_t begin, end;
};

// All elements of a block times some panels; the output channels that they make.
Channels multiplyPanels(const Conv& conv, const PackedFilter& filter, const Tiling& tiling,
                        const TileOrder& order, const Block& block, PanelRange range) {
  const auto panel = [&](int64_t p) -> const Panel& { return filter.panels[static_cast<std::size_t>(p)]; };
  const int64_t elements = winogradElements(conv.geometry.algorithm), set = winogradSet(filter);
  for (int64_t e = 0; e < elements; e++) {
    for (int64_t p = range.begin; p < range.end; p++) {
      const bool over = p + 1 == range.end && e + 1 < elements;
      const float* const next = filter.weights.data() + (e + 1) * set + panel(range.begin).weights;
      multiplyElement(conv, filter, tiling, order, block, e, panel(p), over ? next : nullptr);
    }
  }
  const Panel &first = panel(range.begin), &last = panel(range.end - 1);
  return {first.outChannel, last.outChannel + last.outCount - first.outChannel};
}

// Whether threads that share a filter compute output channels of their own rather than share the tiles too.
bool hasOwnChannels(const Conv& conv, const PackedFilter& filter, int64_t tiles, int64_t threads) {
  const ConvGeometry& g = conv.geometry;
  const int64_t elements = winogradElements(g.algorithm), m = winogradTile(g.algorithm);
  return static_cast<int64_t>(filter.panels.size()) % threads == 0 &&
         elements * tiles * g.inChannels <= kMostOwn && g.inChannels > kLeastOwnChannels * m &&
         g.outChannels >= kLeastOwnChannels * m * threads;
}

}  // namespace

void runWinograd(const Conv& conv, const PackedFilter& filter, const float* x, Output y, int64_t batch,
                 const CancelFlag* cancelled) {
  const ConvGeometry& g = conv.geometry;
  const int64_t elements = winogradElements(g.algorithm), m = winogradTile(g.algorithm);
  const int64_t panels = static_cast<int64_t>(filter.panels.size());
  const Tiling tiling(g, m);
  const TileInput input(conv, tiling);
  const TileOrder order(tiling, batch * g.outputSize.depth);
  const int64_t tiles = order.tiles(), threads = threadCount();

  const auto store = [&](const Block& block, int64_t t, Channels channels, const float* beyond) {
    transformOutput(conv, filter, tiling, block.products + t * block.width, block.step, channels, beyond,
                    order.place(block.first + t), y);
  };

  // Few tiles and a large filter: the threads share the filter, since each would otherwise stream all of it
  const int64_t floats = static_cast<int64_t>(filter.weights.size());
  const bool many = tiles >= kManyTiles * threads;
  const bool large = floats > (many ? kLargeForMany : std::min(kLargeFilter, tiles * kLargeForTile));
  if (threads > 1 && large && tiles < std::min(kMostShared, kLeastTiles * threads)) {
    if (hasOwnChannels(conv, filter, tiles, threads)) {
      parallelFor(threads, cancelled, [&](int64_t thread, Scratch& scratch) {
        const Block block = makeBlock(conv, 0, tiles, false, {}, scratch);
        loadTiles(conv, tiling, input, order, block, x, false);
        const PanelRange own{panels * thread / threads, panels * (thread + 1) / threads};
        const Channels channels = multiplyPanels(conv, filter, tiling, order, block, own);
        for (int64_t t = 0; t < tiles; t++) store(block, t, channels, nullptr);
      });
      return;
    }
    detail::ScratchLease lease;
    const Block block = makeBlock(conv, 0, tiles, true, {}, lease.scratch());
    parallelFor(tiles, cancelled, [&](int64_t t, Scratch&) {
      input.transform(x, order.place(t), block.v + t * block.depth, block.step);
    });
    const int64_t products = elements * panels, chunks = std::min(products, kChunksPerThread * threads);
    parallelFor(chunks, cancelled, [&](int64_t chunk, Scratch&) {
      for (int64_t p = products * chunk / chunks; p < products * (chunk + 1) / chunks; p++)
        multiplyElement(conv, filter, tiling, order, block, p / panels,
                        filter.panels[static_cast<std::size_t>(p % panels)]);
    });
    parallelFor(tiles, cancelled, [&](int64_t t, Scratch&) { store(block, t, {0, block.outputs}, nullptr); });
    return;
  }

  const int64_t lanes = conv.kernels->lanes;
  const int64_t channels = (ceilDivide(g.inChannels, lanes) + ceilDivide(g.outChannels, lanes)) * lanes;
  const int64_t fitting = kFloatsInCache / (elements * channels);
  const int64_t perBlock = std::max(kLeastTiles, std::min(kMostTiles, fitting));
  const int64_t blocks = std::min(tiles, ceilDivide(ceilDivide(tiles, perBlock), threads) * threads);
  const Apart apart = apartOf(conv, filter);
  const bool far = inputLength(conv, batch) >= kFarInput;
  parallelFor(blocks, cancelled, [&](int64_t index, Scratch& scratch) {
    const int64_t first = tiles * index / blocks;
    const Block block = makeBlock(conv, first, tiles * (index + 1) / blocks - first, false, apart, scratch);
    loadTiles(conv, tiling, input, order, block, x, far);
    for (int64_t e = 0; e < elements; e++)
      for (const Panel& panel : filter.panels) multiplyElement(conv, filter, tiling, order, block, e, panel);
    if (!apart.output) {
      for (int64_t t = 0; t < block.count; t++) store(block, t, {0, block.outputs}, nullptr);
      return;
    }
    BeyondOutput beyond(conv, tiling, filter.bias.data()[block.outputs], block.products + block.beyond,
                        block.step);
    for (int64_t t = 0; t < block.count; t++) store(block, t, {0, block.outputs}, beyond.of(t));
  });
}

}  // namespace convkit
