// Convolutions whose lanes are output positions: the input rows of a chunk are brought into lines once, and
// each input vector serves the few outputs of its group. So computed are layers of a few output channels,
// whose filters would leave most lanes empty, and grouped and depthwise layers of channels-first images,
// which lie this way. One thread, AVX-512, GFLOP/s of both ways: 128 channels to 3 at 32x32, transposed 4x4
// with stride 2, 108 and 34; at 112x112 64 to 3, 3x3, 129 and 35, 9x9 214 and 36; 8 to 3, 3x3, 87 and 25.
#include "conv/lines.h"

namespace convkit {
namespace {

constexpr int64_t kLineFloats = 1 << 14;     // of one input row of all channels: more is cut into columns
constexpr int64_t kBufferFloats = 1 << 17;   // of a chunk of one group: half of a second-level cache
constexpr int64_t kGroupedFloats = 1 << 15;  // of a chunk of several: they share nothing but the cache
constexpr int64_t kChunksPerThread = 4;
// Multiply-accumulates of a chunk, some 4 us: handing less to another thread would take about as long.
constexpr int64_t kWorthAThread = 1 << 17;

constexpr int64_t kWidestGap = 4;     // between the taps of a line
constexpr int64_t kWidestStride = 2;  // which kernels sort columns by; one by one they cost too much
constexpr int64_t kFewOutputs = 40;  // more fill their lanes well enough: 49 at 56x56 0.96, 33 1.12 (AVX-512)
constexpr int64_t kFewInputs = 4;
// Output columns from which on grouped and depthwise layers gain: 3x3 depthwise, AVX-512 and AVX2, times
// rearranging the images: 1.31 and 1.26 at 28x28, 0.95 and 0.91 at 14x14; 5x5 at 14x14 0.71 and 0.53.
constexpr int64_t kLongLine = 20;

// How positions and groups are cut into chunks.
struct LinePlan {
  int64_t planes, rows, columns, groups;                     // of an image, and all its groups
  int64_t rowBlocks = 1, columnBlocks = 1, groupBlocks = 1;  // numbers of chunks along each
  int64_t perImage() const { return planes * rowBlocks * columnBlocks * groupBlocks; }
};

LinePlan planLines(const Conv& conv, int64_t batch) {
  const Grid& first = conv.grids[0];  // no grid has more positions
  const int64_t channels = conv.groupInputs();
  LinePlan plan{first.depth.output, first.height.output, first.width.output, conv.geometry.groups};
  const int64_t widest = std::max<int64_t>(kLineVectors * conv.kernels->lanes, kLineFloats / channels);
  const int64_t stride =
      conv.geometry.transposed ? 1 : conv.geometry.stride.width * conv.geometry.stride.height;
  const int64_t room = plan.groups > 1 ? kGroupedFloats : kBufferFloats;
  const int64_t work = batch * weightLength(conv) * conv.positions();
  // In one piece: the divisions below would take a tenth of a layer of 8x8
  if (plan.columns <= widest && work < 2 * kWorthAThread &&
      plan.columns * channels * stride * plan.rows * plan.groups <= room)
    return plan;
  plan.columnBlocks = ceilDivide(plan.columns, widest);
  const int64_t row = ceilDivide(plan.columns, plan.columnBlocks) * channels * stride;
  plan.rowBlocks = ceilDivide(plan.rows, std::max<int64_t>(4, room / row));
  plan.groupBlocks = ceilDivide(plan.groups, std::max<int64_t>(1, room / (row * plan.rows)));

  const int64_t most = std::min(kChunksPerThread * threadCount(), work / kWorthAThread);
  const int64_t wanted = threadCount() > 1 && most > 1 ? ceilDivide(most, batch) : 1;
  const auto more = [&](int64_t& blocks, int64_t limit) {
    const int64_t share = ceilDivide(wanted, plan.perImage() / blocks);
    blocks = std::min(limit, std::max(blocks, share));
  };
  more(plan.groupBlocks, plan.groups);
  more(plan.rowBlocks, plan.rows);
  return plan;
}

LineChunk chunkOf(const LinePlan& plan, int64_t index) {
  const auto take = [&](int64_t count) {
    if (count == 1) return int64_t{0};
    const int64_t part = index % count;
    index /= count;
    return part;
  };
  const auto range = [&](int64_t count, int64_t blocks) {
    const int64_t part = take(blocks);
    if (blocks == 1) return Range{0, count};
    return Range{count * part / blocks, count * (part + 1) / blocks};
  };
  LineChunk chunk{};
  chunk.groups = range(plan.groups, plan.groupBlocks);
  chunk.columns = range(plan.columns, plan.columnBlocks);
  chunk.rows = range(plan.rows, plan.rowBlocks);
  chunk.plane = take(plan.planes);
  chunk.image = index;
  return chunk;
}

// Whether a tile of filters is as good: its last channel, alone beyond whole vectors, has positions for lanes
// too (gemm/tails.h). One thread, AVX-512, lines and tiles: 17 to 17 channels of 3x3 at 28x28 26.6 and 22.9
// us, 64 to 33 at 56x56 678 and 579, 8 to 17 at 112x112 219 and 180. Where rows fill their vectors and no
// band is copied, several vectors and many channels are: 64 to 33 at 32x32 190 and 184, 64 to 17 at 56x56
// with AVX2 620 and 578; but 24 to 17 at 80x80 260 and 302.
bool tilesServe(const Conv& conv) {
  constexpr int64_t kManyInputs = 64;
  const ConvGeometry& g = conv.geometry;
  const int64_t lanes = conv.kernels->lanes;
  const bool bands = conv.source == DenseSource::bands;
  if (g.transposed || !endsInTail(conv, bands ? g.inChannels * g.kernelSize.width : g.inChannels))
    return false;
  return bands || g.outputSize.width % lanes != 0 ||
         (g.outChannels > 2 * lanes && g.inChannels >= kManyInputs);
}

}  // namespace

bool takesLines(const Conv& conv) {
  const ConvGeometry& g = conv.geometry;
  const int64_t lanes = conv.kernels->lanes;
  const Triple &d = g.dilation, &s = g.stride, &k = g.kernelSize;
  if (conv.kind == FilterKind::winograd || d.depth > kWidestGap || d.height > kWidestGap ||
      d.width > kWidestGap)
    return false;
  if (!g.transposed &&
      (s.width > kWidestStride || s.width > k.width || s.height > k.height || s.depth > k.depth))
    return false;
  const int64_t columns = g.transposed ? g.outputSize.width / s.width : g.outputSize.width;
  const bool reads = liesInPlanes(conv), writes = writesPlanes(conv);
  if (conv.kind != FilterKind::dense) return !g.transposed && reads && writes && columns >= kLongLine;
  if (g.groups > 1 || !(reads || (g.paddingMode == PaddingMode::zeros && (g.transposed || s.width == 1))))
    return false;
  if (k.product() == 1 && (reads || g.outChannels * 4 > lanes)) return false;
  if (reads && writes && g.inChannels <= kFewInputs) return columns * 2 >= lanes;
  if (g.outChannels > kFewOutputs) return false;
  if (!reads && !writes && tilesServe(conv)) return false;
  const auto whole = [lanes](int64_t n) { return ceilDivide(n, lanes) * lanes; };
  return columns * whole(g.outChannels) * 10 > g.outChannels * whole(columns) * 11;
}

void runLines(const Conv& conv, const PackedFilter& filter, const float* x, Output y, int64_t batch,
              const CancelFlag* cancelled) {
  const LinePlan plan = planLines(conv, batch);
  parallelFor(batch * plan.perImage(), cancelled, [&](int64_t index, Scratch& scratch) {
    LineChunk chunk = chunkOf(plan, index);
    chunk.findInput(conv.reaches);
    const LineBuffer buffer = fillLines(conv, chunk, x, scratch);
    runChunk(conv, filter, chunk, buffer, scratch, y);
  });
}

}  // namespace convkit
