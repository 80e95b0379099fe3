// Depthwise convolutions whose lines are runs of floats for the kernels, whatever the channels: the columns
// inside are read where they lie, those at the edges from copies with their padding.
#include <algorithm>

#include "conv/plan.h"
#include "threads/scratch.h"

namespace convkit {
namespace {

// Output columns [begin, end) of a line.
struct Segment {
  int64_t begin, end;
  bool inside;  // none of their taps is padding
};

// Weights and biases of all channels, repeated up to a vector beyond them.
struct Period {
  const float *weights, *bias;
  int64_t length;
};

Period makePeriod(const Conv& conv, const PackedFilter& filter, Scratch& scratch) {
  const int64_t channels = conv.geometry.inChannels, lanes = conv.kernels->lanes, taps = conv.taps();
  const int64_t length = channels + lanes;
  float* const to = scratch.floats(0, static_cast<std::size_t>((taps + 1) * length));
  for (int64_t t = 0; t <= taps; t++) {
    float* const period = to + t * length;
    for (int64_t c = 0; c < channels; c += lanes) {
      const int64_t block = c / lanes;
      const float* from =
          t == taps ? filter.bias.data() + c : filter.weights.data() + (block * taps + t) * lanes;
      std::copy_n(from, std::min(lanes, channels - c), period + c);
    }
    for (int64_t i = channels; i < length; i++) period[i] = period[i - channels];
  }
  return {to, to + taps * length, length};
}

// Of a line: its left edge, its inside and its right edge.
int segmentsOf(const Conv& conv, Segment (&segments)[3]) {
  const Axis& width = conv.grids[0].width;
  const int64_t reach = (width.kernel - 1) * width.dilation;
  const int64_t begin = std::min(width.output, width.padBegin);
  const int64_t end = std::max(begin, std::min(width.output, width.input + width.padBegin - reach));
  int count = 0;
  if (begin > 0) segments[count++] = {0, begin, false};
  if (end > begin) segments[count++] = {begin, end, true};
  if (width.output > end) segments[count++] = {end, width.output, false};
  return count;
}

// Input rows that a chunk reads, one below the other: `above` and `below` of them are padding, `inside` rows
// of the image, from `from` on.
struct Rows {
  int64_t above, inside, below;
  const float* from;
};

// The columns that a segment reads of an input row, padding among them, in any mode.
void copyColumns(const Conv& conv, int64_t first, int64_t count, const float* row, float* to) {
  const Axis& width = conv.grids[0].width;
  const int64_t channels = conv.geometry.inChannels;
  for (int64_t column = first; column < first + count; column++, to += channels) {
    const int64_t from = sourceIndex(column, width.input, conv.geometry.paddingMode);
    if (from == kPadding) std::fill_n(to, channels, 0.0f);
    else std::copy_n(row + from * channels, channels, to);
  }
}

// The same of all rows, zeros around them: `count` columns, the image's first `left` columns further on.
void copySegment(const Conv& conv, const Rows& rows, int64_t first, int64_t count, float* to) {
  const Axis& width = conv.grids[0].width;
  const int64_t channels = conv.geometry.inChannels, line = width.input * channels;
  const int64_t left = std::clamp<int64_t>(-first, 0, count), step = count * channels;
  const int64_t inside = std::clamp<int64_t>(std::min(first + count, width.input) - (first + left), 0, count);
  std::fill_n(to, left * channels, 0.0f);
  conv.kernels->copyRows({rows.from + (inside > 0 ? (first + left) * channels : 0), line, rows.inside,
                          inside * channels, rows.above, rows.below, to + left * channels, step, step, 0,
                          false});
}

// Lines whose distance shares a large power of two with 4096 bytes compete for the same places of a
// first-level cache: of its 8 to 12, what is read and written at a time takes no more than 10. 64 channels at
// 112x112, AVX-512: 310 us with 14 rows at a time, 127 with four.
int64_t tallestRun(const Conv& conv) {
  constexpr int64_t kPage = 1024;  // floats
  const Axis& width = conv.grids[0].width;
  const int64_t line = std::max(width.input, width.output) * conv.geometry.inChannels;
  int64_t apart = 1;  // lines that do not compete
  while (apart < 4 && line * apart % kPage != 0) apart *= 2;
  return std::min<int64_t>(conv.kernels->flatRows, 5 * apart - 1);
}

// Into how many chunks the lines of a plane are cut.
int64_t countBlocks(const Conv& conv, int64_t batch) {
  // Multiply-accumulates of a chunk, some 3 us: handing less to another thread would take about as long.
  constexpr int64_t kWorthAThread = 1 << 17, kChunksPerThread = 2, kFewestRows = 4;
  const int64_t rows = conv.grids[0].height.output, planes = batch * conv.grids[0].depth.output;
  const int64_t least = ceilDivide(rows, tallestRun(conv)), threads = threadCount();
  if (threads == 1 || planes == 0) return least;
  const int64_t work = batch * conv.positions() * weightLength(conv);
  const int64_t wanted = std::min(threads * kChunksPerThread, work / kWorthAThread);
  const int64_t blocks = std::max(least, std::min(ceilDivide(rows, kFewestRows), ceilDivide(wanted, planes)));
  // Of 13 blocks one of two threads had seven
  return blocks > threads ? std::min(rows, ceilDivide(blocks, threads) * threads) : blocks;
}

}  // namespace

bool takesFlat(const Conv& conv) {
  const ConvGeometry& g = conv.geometry;
  const Triple &k = g.kernelSize, &s = g.stride;
  const int64_t lanes = conv.kernels->lanes;
  if (conv.kind != FilterKind::depthwise || g.transposed || lanes == 1) return false;
  if (k.depth != 1 || k.height != kFlatKernel || k.width != kFlatKernel || s.height != 1 || s.width != 1)
    return false;
  if (g.dilation.height != 1 || g.outputStride != g.outChannels) return false;
  // Edges are copied, and weights read anew for every 14 outputs of a channel: neither is worth it where
  // lines are short or channels many, and less where whole vectors of channels have every lane at work anyway
  const int64_t channels = g.inChannels, square = g.outputSize.width * g.outputSize.width;
  return channels % lanes == 0 ? channels * 2 <= square : channels <= square;
}

void runFlat(const Conv& conv, const PackedFilter& filter, const float* x, Output y, int64_t batch,
             const CancelFlag* cancelled) {
  const ConvGeometry& g = conv.geometry;
  const Axis &depth = conv.grids[0].depth, &height = conv.grids[0].height, &width = conv.grids[0].width;
  const int64_t channels = g.inChannels, line = width.output * channels;
  const int64_t blocks = countBlocks(conv, batch), tallest = ceilDivide(height.output, blocks);
  Segment segments[3];
  const int count = segmentsOf(conv, segments);
  const int64_t reach = (width.kernel - 1) * width.dilation;
  int64_t widest = 0;
  for (int i = 0; i < count; i++)
    if (!segments[i].inside) widest = std::max(widest, segments[i].end - segments[i].begin + reach);
  const int64_t copied = widest * channels, zeros = (width.output + reach) * channels;

  // A row's copy ends where the next one begins, and a vector of zeros beyond the last
  const int64_t room = (tallest + kFlatKernel - 1) * copied + (widest + 1) * channels + conv.kernels->lanes;
  const bool simple = g.paddingMode == PaddingMode::zeros;
  detail::ScratchLease lease;
  const Period period = makePeriod(conv, filter, lease.scratch());

  parallelFor(batch * depth.output * blocks, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const int64_t plane = chunk / blocks, first = height.output * (chunk % blocks) / blocks,
                  rows = height.output * (chunk % blocks + 1) / blocks - first;
    const int64_t inputs = rows + kFlatKernel - 1;
    float* const copies = scratch.floats(1, static_cast<std::size_t>(room + zeros));
    float* const nothing = copies + room;
    std::fill_n(nothing, zeros, 0.0f);

    // The input rows, from their first column on; null: padding
    const float* source[kFlatRows + kFlatKernel - 1];
    const int64_t z = depth.taps(plane % depth.output)[0];
    const float* image = x + (plane / depth.output * depth.input + z) * height.input * width.input * channels;
    Rows lie{0, 0, 0, image};
    for (int64_t i = 0; i < inputs; i++) {
      const int64_t row = sourceIndex(first + i - height.padBegin, height.input, g.paddingMode);
      source[i] = row == kPadding || z == kPadding ? nullptr : image + row * width.input * channels;
      if (source[i] == nullptr) (lie.inside > 0 ? lie.below : lie.above)++;
      else if (lie.inside++ == 0) lie.from = source[i];
    }

    const float* at[kFlatRows + kFlatKernel - 1];
    FlatRun run{};
    run.rows = at;
    run.step = width.dilation * channels;
    run.channels = channels;
    run.weights = period.weights;
    run.period = period.length;
    run.bias = period.bias;
    run.ldc = line;
    run.low = conv.low;
    run.high = conv.high;
    const Output to = y + (plane * height.output + first) * line;
    for (int s = 0; s < count; s++) {
      const Segment& segment = segments[s];
      const int64_t column = segment.begin - width.padBegin, columns = segment.end - segment.begin + reach;
      if (!segment.inside && simple) copySegment(conv, lie, column, columns, copies);
      for (int64_t i = 0; i < inputs; i++) {
        float* const copy = copies + i * columns * channels;
        if (!segment.inside && !simple && source[i] != nullptr)
          copyColumns(conv, column, columns, source[i], copy);
        at[i] = source[i] == nullptr ? nothing : segment.inside ? source[i] + column * channels : copy;
      }
      const Output there = to + segment.begin * channels;
      run.c = there.y;
      run.residual = there.residual;
      run.length = (segment.end - segment.begin) * channels;
      conv.kernels->flat[rows](run);
    }
    if (conv.activateApart) activateRows(conv, to.y, line, static_cast<int>(rows), line);
  });
}

}  // namespace convkit
