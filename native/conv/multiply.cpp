#include "conv/multiply.h"

#include <algorithm>
#include <cstdint>

#include "conv/division.h"

namespace convkit {

std::vector<StepBlock> splitSteps(int64_t taps, int64_t depth, int64_t most) {
  std::vector<StepBlock> blocks;
  if (depth <= most) {
    const int64_t tapsPerBlock = std::max<int64_t>(1, most / depth), count = ceilDivide(taps, tapsPerBlock);
    for (int64_t b = 0; b < count; b++) {
      const int64_t begin = taps * b / count, end = taps * (b + 1) / count;
      blocks.push_back({begin, end - begin, 0, depth});
    }
    return blocks;
  }
  const int64_t count = ceilDivide(depth, most);
  for (int64_t t = 0; t < taps; t++) {
    for (int64_t b = 0; b < count; b++) {
      const int64_t begin = depth * b / count, end = depth * (b + 1) / count;
      blocks.push_back({t, 1, begin, end - begin});
    }
  }
  return blocks;
}

namespace {

constexpr int64_t kLargeFilter = 1 << 18;  // floats; beyond it panels are cut along k to stay in L2
constexpr int64_t kStepsPerBlock = 512;    // of such a cut: 128 KiB of a 64-wide panel

}  // namespace

bool isLargeFilter(const Conv& conv) { return weightLength(conv) > kLargeFilter; }

std::vector<StepBlock> filterSteps(const Conv& conv) {
  const int64_t taps = conv.taps(), depth = conv.groupInputs();
  return splitSteps(taps, depth, isLargeFilter(conv) ? kStepsPerBlock : taps * depth);
}

namespace {

// Panels of filters, inputs and outputs are fetched ahead, two of them at a time. One thread, AVX-512,
// GFLOP/s without inputs and now: 256 to 64 channels of 2 taps at 16000 180 and 218, 64 to 128 with dilation
// 512 182 and 212; 128 of 3x3 with stride 2 at 130x130 198 and 224; 1x1 at 65x65, 1024 to 256 208 and 223.
constexpr int64_t kCachedFilter = 1 << 16;  // floats that stay in the second-level cache: no panel is fetched
constexpr int64_t kCachedInputs = 1 << 17;  // the same of the inputs of a block
constexpr int64_t kLine = 16;               // floats in a line of the cache

// What the tiles of a panel have fetched while they multiply, each `share` floats.
struct Run {
  const float* begin = nullptr;
  int64_t share = 0;

  void advance() {
    if (begin != nullptr) begin += share;
  }
};

int64_t distance(const float* from, const float* to) {
  return (reinterpret_cast<std::intptr_t>(to) - reinterpret_cast<std::intptr_t>(from)) /
         static_cast<std::intptr_t>(sizeof(float));
}

// The tiles of a panel and a block of steps. What they have in common is made once: time between two tiles is
// seen in layers of few channels.
class PanelTiles {
 public:
  PanelTiles(const Conv& conv, const PackedFilter& filter, const TileBlock& block)
      : conv_(conv), filter_(filter), block_(block) {
    tile_.ldc = block.ldc;
    tile_.low = conv.low;
    tile_.high = conv.high;
  }

  const Panel& panel(int64_t p) const { return filter_.panels[static_cast<std::size_t>(p)]; }
  int64_t floats(int64_t p, const StepBlock& step) const {
    return step.taps * step.depth * panel(p).vectors * conv_.kernels->lanes;
  }
  const float* weights(int64_t p, const StepBlock& step) const {
    const int64_t steps = step.tapBegin * block_.depth + step.channelBegin;
    return filter_.weights.data() + panel(p).weights + steps * panel(p).vectors * conv_.kernels->lanes;
  }

  // Has tiles leave their outputs to the blocks before, which fetched them with tiles of several vectors. 64
  // to 256 channels of 1x1 at 16000 2.37 ms to 2.35, two threads 1.22 to 1.19.
  void outputsAreFetched() { outputsFetched_ = true; }

  // Finishes the sums where `last`; both runs are fetched side by side.
  void run(int64_t p, const StepBlock& step, bool first, bool last, Run a, Run b) {
    const Panel& panel = this->panel(p);
    tile_.taps = step.taps;
    tile_.depth = step.depth;
    tile_.offset = step.channelBegin + (block_.groupsApart ? panel.inChannel : 0);
    tile_.panel = weights(p, step);
    tile_.bias = filter_.bias.data() + panel.bias;
    tile_.tail = panel.tail;
    tile_.first = first;
    tile_.last = last;
    tile_.outputsFetched = outputsFetched_ && panel.vectors > 1;
    tile_.nextStep = std::min(2 * kLine, ceilDivide(std::max(a.share, b.share), step.taps * step.depth));
    if (a.begin == nullptr) std::swap(a, b);
    int height = 0;
    GemmKernel kernel = nullptr;
    for (int64_t t = 0; t < block_.count; t++, a.advance(), b.advance()) {
      const OutputTile& output = block_.tiles[t];
      if (output.height != height) {
        height = output.height;
        kernel = gemmKernel(*conv_.kernels, panel.vectors, panel.tail, step.depth, height);
      }
      tile_.rows = output.rows + step.tapBegin * height;
      const Output to = output.y + panel.outChannel;
      tile_.c = to.y;
      tile_.residual = to.residual;
      tile_.next = a.begin;
      tile_.apart = b.begin != nullptr ? distance(a.begin, b.begin) : kLine;
      kernel(tile_);
      if (last && conv_.activateApart) activateRows(conv_, tile_.c, tile_.ldc, height, panel.outCount);
    }
  }

 private:
  const Conv& conv_;
  const PackedFilter& filter_;
  const TileBlock& block_;
  GemmTile tile_;
  bool outputsFetched_ = false;
};

}  // namespace

void multiply(const Conv& conv, const PackedFilter& filter, const TileBlock& block,
              const std::vector<StepBlock>& steps, int64_t panelBegin, int64_t panelEnd) {
  const int64_t panels = panelEnd - panelBegin, cuts = static_cast<int64_t>(steps.size()),
                parts = panels * cuts;
  PanelTiles tiles(conv, filter, block);
  int64_t weights = 0, positions = 0;
  for (int64_t p = panelBegin; p < panelEnd; p++) weights += tiles.floats(p, steps[0]);
  for (int64_t t = 0; t < block.count; t++) positions += block.tiles[t].height;
  const bool whole = panels == static_cast<int64_t>(filter.panels.size());
  const bool cached = cuts == 1 && whole && weights <= kCachedFilter;
  // All steps of a panel where a block's inputs stay in cache from one to the next: otherwise its sums do
  const bool sumsFirst = positions * block.depth <= kCachedInputs;

  // Each part fetches what comes with its share of the next block's positions: inputs, and where the filter
  // itself need not be fetched outputs, if whole rows are written: another thread may write the rest
  const int64_t following = std::min(positions, block.following), each = ceilDivide(following, parts);
  const bool writes = cached && block.ldc == conv.geometry.outChannels;
  if (writes && following > 0) tiles.outputsAreFetched();
  const float* const outputs = block.tiles[0].y.y + positions * block.ldc;
  const int64_t inputShare = block.order != nullptr ? ceilDivide(each * block.order->each(), block.count) : 0;
  const int64_t outputShare = ceilDivide(each * block.ldc, block.count);

  int64_t p = panelBegin, s = 0, position = 0;
  for (int64_t part = 0; part < parts; part++, position += each) {
    const int64_t ownPanel = p;
    const StepBlock& own = steps[static_cast<std::size_t>(s)];
    const bool first = s == 0, last = s + 1 == cuts;
    if (sumsFirst) {
      if (++s == cuts) s = 0, p++;
    } else if (++p == panelEnd) p = panelBegin, s++;
    Run inputs, other;
    const Upcoming fetched = shareOf(block.nextWeights, part, parts);
    if (fetched.floats > 0) inputs = {fetched.begin, ceilDivide(fetched.floats, block.count)};
    else if (block.order != nullptr && position < following)
      inputs = {block.order->at(block.first + positions + position), inputShare};
    if (inputs.begin == nullptr && block.upcoming.floats > 0) {
      const Upcoming share = shareOf(block.upcoming, part, parts);
      inputs = {share.begin, ceilDivide(share.floats, block.count)};
    }
    const bool over = part + 1 == parts;
    const int64_t panel = !over ? p : block.nextPanel >= 0 ? block.nextPanel : panelEnd;
    if (!cached && block.count > 1 && panel < static_cast<int64_t>(filter.panels.size())) {
      const StepBlock& then = steps[static_cast<std::size_t>(over ? 0 : s)];
      other = {tiles.weights(panel, then), ceilDivide(tiles.floats(panel, then), block.count)};
    } else if (writes && position < following) {
      other = {outputs + position * block.ldc, outputShare};
    }
    tiles.run(ownPanel, own, first, last, other, inputs);
  }
}

namespace {

// 128 KiB, an eighth of a second-level cache. A quarter as much gains less, four times as much no more.
constexpr int64_t kFirstWeights = 1 << 15;

}  // namespace

// Otherwise every thread waits for them when a layer begins. One image, two threads: GoogLeNet 5.27 ms
// to 5.21, MobileNetV2 2.16 to 2.12, DenseNet-121 11.55 to 11.48
Upcoming firstWeights(const OtherConv& next, int64_t chunk, int64_t chunks) {
  if (next.filter == nullptr || next.batch == 0) return {};
  const int64_t all = threadCount(), threads = std::min<int64_t>(all, chunks);
  const bool callers = chunk + 1 == ceilDivide(chunks, threads);  // the last of the caller's own
  const int64_t thread = callers ? 0 : chunk - (chunks - threads);
  if (!callers && thread <= 0) return {};
  const PackedFilter& filter = *next.filter;
  const auto floats = static_cast<int64_t>(filter.weights.size());
  const int64_t positions = next.batch * next.conv->positions();
  int64_t begin = 0;
  if (next.conv->kind == FilterKind::dense) {
    const Division division(*next.conv, filter, positions);
    const int64_t first =
        division.part(std::min(ceilDivide(division.chunks() * thread, all), division.chunks() - 1))
            .panelBegin;
    begin = filter.panels[static_cast<std::size_t>(first)].weights;
  } else if (outweighsInput(*next.conv, positions)) {
    begin = floats * thread / all;
  }
  return {next.filter->weights.data() + begin, std::min(kFirstWeights, floats - begin)};
}

const float** rowMemory(Scratch& scratch, int64_t pointers) {
  return static_cast<const float**>(
      scratch.bytes(0, static_cast<std::size_t>(pointers) * sizeof(const float*)));
}

OutputTile* tileMemory(Scratch& scratch, int64_t tiles) {
  return static_cast<OutputTile*>(scratch.bytes(3, static_cast<std::size_t>(tiles) * sizeof(OutputTile)));
}

}  // namespace convkit
