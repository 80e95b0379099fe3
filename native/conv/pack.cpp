// Weights and bias in the order the kernels read them: [panel][tap][input channel][output channel of the
// panel].
#include <algorithm>
#include <cstdint>

#include "conv/plan.h"
#include "conv/winograd_tiles.h"
#include "threads/kept_memory.h"

namespace convkit {

// Aligned by hand: glibc before 2.38 does not find the place that it freed a moment ago when it is asked for
// aligned memory, and a training loop grew by every filter it packed.
AlignedFloats::AlignedFloats(std::size_t n, std::shared_ptr<FilterRoom> room) : size_(n) {
  data_ = room == nullptr ? nullptr : room->take(n);
  if (data_ != nullptr) {
    room_ = std::move(room);
    return;
  }
  constexpr std::size_t kAlignment = 64;
  bytes_ = (n * sizeof(float) / kAlignment + 2) * kAlignment;
  memory_ = takeBlock(bytes_);
  const auto address = reinterpret_cast<std::uintptr_t>(memory_);
  data_ = reinterpret_cast<float*>((address + kAlignment - 1) / kAlignment * kAlignment);
}

AlignedFloats::~AlignedFloats() {
  if (room_ == nullptr) giveBlock(memory_, bytes_);
}

namespace {

// Copies output channels [first, first + count) of one group into columns of a panel `width` floats wide.
void packPanel(const Conv& conv, const float* weight, int64_t first, int64_t count, int64_t width,
               float* panel) {
  const int64_t taps = conv.taps(), depth = conv.groupInputs(), outputs = conv.groupOutputs();
  for (int64_t n = 0; n < count; n++) {
    const int64_t group = (first + n) / outputs, output = (first + n) % outputs;
    for (int64_t c = 0; c < depth; c++) {
      const int64_t kernel =
          conv.geometry.transposed ? (group * depth + c) * outputs + output : (first + n) * depth + c;
      for (int64_t t = 0; t < taps; t++) panel[(t * depth + c) * width + n] = weight[kernel * taps + t];
    }
  }
}

// A bias of -0 counts as +0, so that the sum it ends is no -0 either.
void packBias(const float* bias, int64_t count, float* to) {
  for (int64_t n = 0; n < count; n++) to[n] = bias[n] + 0.0f;
}

// Vectors of the widest panel. Where a large Winograd filter streams past few tiles, a panel's block of
// channels stays in the first-level cache from one tile of rows to the next. One thread, AVX-512, filters in
// turn, of four vectors, three and two: 512 channels at 7x7 0.80, 0.74 and 0.66 ms; 256 at 14x14 0.49, 0.43
// and 0.40; smaller filters and more tiles gain nothing, and batches of eight lose 1 to 3 %.
int widestPanel(const Conv& conv) {
  constexpr int64_t kLargeFilter = 1 << 20, kLeastTiles = 8, kMostTiles = 16;
  constexpr int64_t kFloatsInCache = 1 << 13;
  const Kernels& kernels = *conv.kernels;
  const ConvGeometry& g = conv.geometry;
  int widest = kMaxVectors;
  while (kernels.rows[widest] == 0) widest--;
  if (conv.kind != FilterKind::winograd || widest < kMaxVectors) return widest;
  const int64_t tiles = Tiling(g, winogradTile(g.algorithm)).perPlane() * g.outputSize.depth;
  const int64_t floats = winogradElements(g.algorithm) * g.inChannels * g.outChannels;
  if (tiles < kLeastTiles || tiles > kMostTiles || floats < kLargeFilter) return widest;
  const int64_t depth = std::min(kWinogradChain, g.inChannels);
  while (widest > 2 && depth * widest * kernels.lanes > kFloatsInCache) widest--;
  return widest;
}

// Panels of one group: as few as the widest allows, as even as vectors allow. Where registers are few, pairs
// of vectors, the last one with a channel beyond them; but three at once instead of a single one if there are
// three or five: one thread, AVX2, 64 to 24 channels at 56x56 97 and 106 GFLOP/s, to 40 104 and 107; to 56
// 105 and 103.
int groupVectors(const Conv& conv, int64_t outputs, int64_t* panels) {
  const int widest = widestPanel(conv);
  const int64_t vectors = ceilDivide(outputs, conv.kernels->lanes);
  const bool pairs = conv.kernels->rows[kMaxVectors] == 0;
  if (pairs && endsInTail(conv, conv.groupInputs())) *panels = vectors / 2;
  else *panels = ceilDivide(vectors, pairs && vectors != 3 && vectors != 5 ? 2 : widest);
  return static_cast<int>(ceilDivide(vectors, *panels));
}

using Room = std::shared_ptr<FilterRoom>;

std::shared_ptr<PackedFilter> makeFilter(const Conv& conv, std::size_t bias, const Room& room) {
  const ConvGeometry& g = conv.geometry;
  return std::shared_ptr<PackedFilter>(
      new PackedFilter{conv.kernels,
                       g.inChannels,
                       g.outChannels,
                       g.groups,
                       g.kernelSize,
                       g.transposed,
                       g.algorithm,
                       conv.kind,
                       AlignedFloats(static_cast<std::size_t>(packedWeights(conv)), room),
                       AlignedFloats(bias),
                       {},
                       0,
                       0,
                       0,
                       0,
                       0,
                       {}});
}

void zeroBias(PackedFilter& filter) { std::fill_n(filter.bias.data(), filter.bias.size(), 0.0f); }

// Of the tiles, what the widest panel allows: more where that is the last one, ends in few channels, and the
// others, of which none is wider than its whole vectors, allow more. (Winograd's chains are cut to any
// depth.)
int tileHeight(const Conv& conv, int widest, int64_t panels) {
  const Kernels& kernels = *conv.kernels;
  const int64_t vectors = ceilDivide(conv.groupOutputs(), kernels.lanes);
  const int tail = static_cast<int>(conv.groupOutputs() - (vectors - 1) * kernels.lanes);
  const int64_t depth = conv.kind == FilterKind::dense ? conv.groupInputs() : 1;
  int height = kernels.rows[widest];
  if (vectors != (widest - 1) * panels + 1) return height;
  const int most = panels > 1 ? kernels.rows[widest - 1] : kMaxRows;
  while (height < most && tailKernel(kernels, widest, tail, depth, height + 1) != nullptr) height++;
  return height;
}

constexpr int64_t kSetGap = 16;

// Input channels of a dense filter's chains: once for each tap, or for a tile's elements each by itself.
int64_t panelSteps(const Conv& conv) {
  return (conv.kind == FilterKind::winograd ? 1 : conv.taps()) * conv.groupInputs();
}

// Of dense panels: `sets` times as many weights, a cache line apart, for they are long and powers of two, and
// what is written to all of them at once would compete for the same places of a cache.
int64_t panelWeights(const Conv& conv, int64_t sets) {
  const int lanes = conv.kernels->lanes;
  const int64_t vectors = conv.geometry.groups * ceilDivide(conv.groupOutputs(), lanes);
  return sets * (vectors * lanes * panelSteps(conv) + (sets > 1 ? kSetGap : 0));
}

// The panels of a filter, its bias packed and its weights still undefined.
std::shared_ptr<PackedFilter> makePanels(const Conv& conv, const float* bias, const Room& room) {
  const ConvGeometry& g = conv.geometry;
  const int lanes = conv.kernels->lanes;
  const int64_t outputs = conv.groupOutputs(), vectors = ceilDivide(outputs, lanes), steps = panelSteps(conv);
  int64_t panels;
  const int widest = groupVectors(conv, outputs, &panels);
  auto filter = makeFilter(conv, static_cast<std::size_t>(g.groups * vectors * lanes), room);
  zeroBias(*filter);
  filter->height = tileHeight(conv, widest, panels);
  int64_t vector = 0;  // counted over all groups
  for (int64_t group = 0; group < g.groups; group++) {
    for (int64_t p = 0; p < panels; p++) {
      const int64_t begin = vectors * p / panels, end = vectors * (p + 1) / panels;
      const int64_t first = group * outputs + begin * lanes;
      const int64_t count = (end * lanes < outputs ? end * lanes : outputs) - begin * lanes;
      Panel panel{first,
                  count,
                  group * conv.groupInputs(),
                  static_cast<int>(end - begin),
                  static_cast<int>(count - (end - begin - 1) * lanes),
                  vector * lanes * steps,
                  vector * lanes};
      if (bias != nullptr) packBias(bias + first, count, filter->bias.data() + panel.bias);
      filter->panels.push_back(panel);
      vector += panel.vectors;
    }
  }
  return filter;
}

std::shared_ptr<const PackedFilter> packDense(const Conv& conv, const float* weight, const float* bias,
                                              const Room& room) {
  const auto filter = makePanels(conv, bias, room);
  fillPanels(conv, weight, *filter);
  return filter;
}

// One set of dense panels, a channel a step, for each element of the transformed tile.
std::shared_ptr<const PackedFilter> packWinograd(const Conv& conv, const float* weight, const float* bias,
                                                 const Room& room) {
  const auto filter = makePanels(conv, bias, room);
  fillWinograd(conv, weight, *filter);
  return filter;
}

std::shared_ptr<const PackedFilter> packGrouped(const Conv& conv, const float* weight, const float* bias,
                                                const Room& room) {
  const ConvGeometry& g = conv.geometry;
  const int lanes = conv.kernels->lanes;
  const int64_t outputs = conv.groupOutputs(), inputs = conv.groupInputs(), steps = conv.taps() * inputs;
  const int64_t perBlock = groupsPerBlock(g, lanes), blocks = ceilDivide(g.groups, perBlock);
  auto filter = makeFilter(conv, static_cast<std::size_t>(blocks * lanes), room);
  zeroBias(*filter);
  std::fill_n(filter->weights.data(), filter->weights.size(), 0.0f);
  filter->blocks = blocks;
  filter->blockInputs = perBlock * inputs;
  filter->blockOutputs = perBlock * outputs;
  filter->wholeBlocks = perBlock == 1 && conv.kind == FilterKind::grouped ? blocks : 0;
  while (filter->wholeBlocks < blocks && filter->wholeBlocks * filter->blockInputs + lanes <= g.inChannels &&
         (filter->wholeBlocks + 1) * filter->blockOutputs <= g.outChannels)
    filter->wholeBlocks++;
  for (int64_t l = 0; l < lanes; l++) {
    const int64_t group =
        l < filter->blockOutputs ? l / outputs : 0;  // lanes left over read anything in range
    filter->index.push_back(static_cast<int32_t>(group * inputs));
  }
  for (int64_t b = 0; b < blocks; b++) {
    const int64_t first = b * filter->blockOutputs;
    const int64_t left = g.outChannels - first,
                  count = left < filter->blockOutputs ? left : filter->blockOutputs;
    packPanel(conv, weight, first, count, lanes, filter->weights.data() + b * steps * lanes);
    if (bias != nullptr) packBias(bias + first, count, filter->bias.data() + b * lanes);
  }
  return filter;
}

}  // namespace

std::shared_ptr<const PackedFilter> packFilter(const Conv& conv, const float* weight, const float* bias,
                                               const std::shared_ptr<FilterRoom>& room) {
  switch (conv.kind) {
    case FilterKind::dense:
      return packDense(conv, weight, bias, room);
    case FilterKind::winograd:
      return packWinograd(conv, weight, bias, room);
    case FilterKind::grouped:
    case FilterKind::depthwise:
      break;
  }
  return packGrouped(conv, weight, bias, room);
}

int64_t packedWeights(const Conv& conv) {
  switch (conv.kind) {
    case FilterKind::dense:
      return panelWeights(conv, 1);
    case FilterKind::winograd:
      return panelWeights(conv, winogradElements(conv.geometry.algorithm));
    case FilterKind::grouped:
    case FilterKind::depthwise:
      break;
  }
  const int lanes = conv.kernels->lanes;
  const int64_t blocks = ceilDivide(conv.geometry.groups, groupsPerBlock(conv.geometry, lanes));
  return blocks * conv.taps() * conv.groupInputs() * lanes;
}

int64_t packedBytes(const PackedFilter& filter) {
  return static_cast<int64_t>((filter.weights.size() + filter.bias.size()) * sizeof(float));
}

bool fits(const Conv& conv, const PackedFilter& filter) {
  const ConvGeometry& g = conv.geometry;
  return filter.kernels == conv.kernels && filter.kind == conv.kind && filter.algorithm == g.algorithm &&
         filter.transposed == g.transposed && filter.inChannels == g.inChannels &&
         filter.outChannels == g.outChannels && filter.groups == g.groups &&
         filter.kernelSize.depth == g.kernelSize.depth && filter.kernelSize.height == g.kernelSize.height &&
         filter.kernelSize.width == g.kernelSize.width;
}

}  // namespace convkit
