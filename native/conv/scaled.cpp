// 1x1 convolutions of channels-last images whose input is scaled on its way: by a number for each image and
// channel (squeeze and excite), or by a normalisation and its clamp. A few positions at a time are brought
// into working memory as they are to be multiplied, so that nothing is written that another pass would have
// to read.
#include <algorithm>
#include <limits>

#include "conv/multiply.h"
#include "threads/scratch.h"

namespace convkit {
namespace {

constexpr int64_t kFloatsInCache = 1 << 16;  // of scaled input in a chunk
constexpr int64_t kChunksPerThread = 4;
constexpr int64_t kLargeFilter = 1 << 16;  // floats

// Positions [first, first + count) of the batch, scaled, one after the other.
void scaleRows(const Conv& conv, const Input& input, int64_t first, int64_t count, float* to) {
  const ConvGeometry& g = conv.geometry;
  const Kernels& kernels = *conv.kernels;
  const float infinity = std::numeric_limits<float>::infinity();
  const bool clamps = g.inputActivation != Activation::none;
  const float low = clamps ? 0.0f : -infinity,
              high = g.inputActivation == Activation::relu6 ? 6.0f : infinity;
  if (input.shift != nullptr) {
    kernels.affineRows({input.x + first * g.inputStride, input.scale, input.shift, nullptr, to, count,
                        g.inChannels, low, high, g.inputStride});
    return;
  }
  for (int64_t p = first; p < first + count; p++, to += g.inChannels)
    kernels.combine(Arithmetic::mul, input.x + p * g.inputStride, 1,
                    input.scale + p / conv.positions() * g.inChannels, 1, to, g.inChannels);
}

// Everything first, so that threads can share the filter instead of the positions.
void scaleFirst(const Conv& conv, const PackedFilter& filter, const Input& input, Output y, int64_t batch,
                const CancelFlag* cancelled) {
  const int64_t positions = batch * conv.positions(), depth = conv.geometry.inChannels;
  const int64_t chunks = std::min<int64_t>(positions, threadCount());
  detail::ScratchLease lease;
  float* const scaled = lease.scratch().floats(0, static_cast<std::size_t>(positions * depth));
  parallelFor(chunks, cancelled, [&](int64_t chunk, Scratch&) {
    const int64_t first = positions * chunk / chunks, last = positions * (chunk + 1) / chunks;
    scaleRows(conv, input, first, last - first, scaled + first * depth);
  });
  Input then(scaled);
  then.next = input.next;
  runDense(conv, filter, then, y, batch, cancelled);
}

}  // namespace

void runScaled(const Conv& conv, const PackedFilter& filter, const Input& input, Output y, int64_t batch,
               const CancelFlag* cancelled) {
  const ConvGeometry& g = conv.geometry;
  const int64_t positions = batch * conv.positions(), depth = g.inChannels;
  const int64_t panels = static_cast<int64_t>(filter.panels.size());
  const std::vector<StepBlock> steps = filterSteps(conv);
  const int64_t tiles = ceilDivide(positions, filter.height);
  const int64_t fitting = std::max<int64_t>(1, kFloatsInCache / (filter.height * depth));
  const int64_t wanted = threadCount() > 1 ? kChunksPerThread * threadCount() : 1;
  // Few tiles leave each thread little to do with a filter that it has to read from end to end. Two threads,
  // 1152 channels at 7x7: to 192 79 us and 72, to 320 138 and 116; 512 to 992 of them to 128, DenseNet-121's,
  // 597 together and 535
  if (input.scale != nullptr && wanted > 1 && tiles < 2 * wanted && weightLength(conv) >= kLargeFilter)
    return scaleFirst(conv, filter, input, y, batch, cancelled);
  const int64_t blocks = std::min(tiles, std::max(ceilDivide(tiles, fitting), wanted));
  const int64_t panelBlocks = std::min(panels, ceilDivide(wanted, blocks));
  const InputOrder order(input.x, inputLength(conv, batch), g.inputStride);
  const InputOrder* const ahead = g.inputStride < 2 * depth ? &order : nullptr;  // not what lies between
  parallelFor(blocks * panelBlocks, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const int64_t block = chunk / panelBlocks, panelBlock = chunk % panelBlocks;
    const int64_t first = positions * (tiles * block / blocks) / tiles,
                  last = positions * (tiles * (block + 1) / blocks) / tiles;
    const EvenTiles even(last - first, filter.height);
    const float* from = input.x + first * g.inputStride;
    int64_t stride = g.inputStride;
    if (input.scale != nullptr) {
      float* const scaled = scratch.floats(1, static_cast<std::size_t>((last - first) * depth));
      scaleRows(conv, input, first, last - first, scaled);
      from = scaled;
      stride = depth;
    }
    const float** rows = rowMemory(scratch, last - first);
    for (int64_t p = 0; p < last - first; p++) rows[p] = from + p * stride;
    OutputTile* tileList = tileMemory(scratch, even.tiles());
    for (int64_t t = 0; t < even.tiles(); t++)
      tileList[t] = {rows + even.begin(t), y + (first + even.begin(t)) * g.outputStride, even.height(t)};
    TileBlock tileBlock{tileList, even.tiles(),     1,    depth, g.outputStride, true,
                        first,    positions - last, ahead};
    tileBlock.nextWeights = firstWeights(input.next, chunk, blocks * panelBlocks);
    multiply(conv, filter, tileBlock, steps, panels * panelBlock / panelBlocks,
             panels * (panelBlock + 1) / panelBlocks);
  });
}

}  // namespace convkit
