// The input side of lines: which rows and columns a chunk reads, and how they come into its buffer.
#include <cstring>

#include "conv/lines.h"

namespace convkit {

Reach::Reach(const ConvGeometry& g, int64_t Triple::*axis, int64_t start)
    : scale(g.transposed ? 1 : g.stride.*axis) {
  const int64_t stride = g.stride.*axis, dilation = g.dilation.*axis, padBegin = g.padBegin.*axis;
  for (int64_t k = 0; k < g.kernelSize.*axis; k++) {
    const int64_t transposed = start + padBegin - k * dilation;
    if (!g.transposed) shifts.push_back(k * dilation - padBegin);
    else shifts.push_back(transposed % stride == 0 ? transposed / stride : kNowhere);
  }
}

void Reach::addTo(Range& range, int64_t begin, int64_t end) const {
  for (const int64_t shift : shifts)
    if (shift != kNowhere && end > begin) range.include(begin * scale + shift, (end - 1) * scale + shift + 1);
}

std::vector<GridReach> reachesOf(const Conv& conv) {
  std::vector<GridReach> reaches;
  for (const Grid& grid : conv.grids)
    reaches.push_back({Reach(conv.geometry, &Triple::depth, grid.start.depth),
                       Reach(conv.geometry, &Triple::height, grid.start.height),
                       Reach(conv.geometry, &Triple::width, grid.start.width)});
  return reaches;
}

void LineChunk::findInput(const std::vector<GridReach>& reaches) {
  for (const GridReach& reach : reaches) {
    reach.depth.addTo(inPlanes, plane, plane + 1);
    reach.height.addTo(inRows, rows.begin, rows.end);
    reach.width.addTo(inColumns, columns.begin, columns.end);
  }
}

namespace {

// Channels of a group whose lines of one row lie together, since a tile takes up all of them one after
// another; of fewer, all rows of a channel do.
constexpr int64_t kManyChannels = 16;

// Copies one row of one channel, with padding of every mode and any number of remainders.
void copyPaddedRow(const Conv& conv, const LineChunk& chunk, const LineBuffer& buffer, const float* row,
                   float* to) {
  const int64_t begin = chunk.inColumns.begin, columns = chunk.inColumns.length(),
                width = conv.geometry.inputSize.width;
  std::memset(to, 0, static_cast<std::size_t>(buffer.length) * sizeof(float));
  const int64_t inside = std::clamp<int64_t>(-begin, 0, columns),
                outside = std::clamp(width - begin, inside, columns);
  const auto copyPadding = [&](int64_t first, int64_t last) {
    for (int64_t q = first; q < last; q++) {
      const int64_t from = sourceIndex(begin + q, width, conv.geometry.paddingMode);
      if (from != kPadding) to[buffer.at(q)] = row[from];
    }
  };
  copyPadding(0, inside);
  for (int64_t phase = 0; phase < buffer.phases; phase++) {
    const int64_t first = inside + (phase + buffer.phases - inside % buffer.phases) % buffer.phases;
    float* at = to + buffer.at(first);
    for (int64_t q = first; q < outside; q += buffer.phases) *at++ = row[begin + q];
  }
  copyPadding(outside, columns);
}

// Lines of channels-first images. What lies left of a line's first column is the end of the line before.
void copyPlanes(const Conv& conv, const LineChunk& chunk, const LineBuffer& buffer, const float* x) {
  const ConvGeometry& g = conv.geometry;
  const Triple& in = g.inputSize;
  const Range &rows = chunk.inRows, &columns = chunk.inColumns;
  const int64_t first = std::max<int64_t>(0, columns.begin);
  const int64_t inside = std::clamp<int64_t>(0, rows.begin, rows.end),
                outside = std::clamp(in.height, inside, rows.end);
  const int64_t perGroup = conv.groupInputs();
  const float* from = x + (chunk.image * g.inChannels + chunk.groups.begin * perGroup) * in.product();
  const bool simple = g.paddingMode == PaddingMode::zeros && buffer.phases <= 2;
  const bool split = buffer.phases == 2;
  RowCopy copy{};
  copy.fromStep = in.width;
  copy.count = std::max<int64_t>(0, std::min(in.width, columns.end) - first);
  copy.toStep = buffer.rowStep;
  copy.length = buffer.length;
  copy.oddFirst = split && buffer.left % 2 != 0;
  copy.second = copy.oddFirst ? buffer.pitch - 1 : buffer.pitch;
  const int64_t shift = buffer.shift();

  for (int64_t c = 0; c < chunk.groups.length() * perGroup; c++) {
    for (int64_t z = 0; z < chunk.inPlanes.length(); z++) {
      const int64_t depth = sourceIndex(chunk.inPlanes.begin + z, in.depth, g.paddingMode);
      const float* plane = from + (c * in.depth + std::max<int64_t>(depth, 0)) * in.height * in.width;
      float* to = buffer.data + c * buffer.channelStep + z * buffer.planeStep;
      if (simple) {
        std::memset(to, 0, static_cast<std::size_t>(shift) * sizeof(float));
        copy.rows = depth == kPadding ? 0 : outside - inside;
        copy.above = depth == kPadding ? rows.length() : inside - rows.begin;
        copy.below = rows.length() - copy.above - copy.rows;
        copy.from = plane + (copy.rows > 0 ? inside * in.width + first : 0);
        copy.to = to + shift;
        (split ? conv.kernels->splitRows : conv.kernels->copyRows)(copy);
        continue;
      }
      for (int64_t row = rows.begin; row < rows.end; row++, to += buffer.rowStep) {
        const int64_t source = depth == kPadding ? kPadding : sourceIndex(row, in.height, g.paddingMode);
        if (source != kPadding) copyPaddedRow(conv, chunk, buffer, plane + source * in.width, to);
        else std::memset(to, 0, static_cast<std::size_t>(buffer.length) * sizeof(float));
      }
    }
  }
}

// Pixels side by side to a line for each of their channels.
void transposeLine(const Conv& conv, const float* pixels, int64_t count, float* to, int64_t step) {
  constexpr int64_t kFew = 8;  // fill a tile of the transposition too little
  const int64_t channels = conv.geometry.inChannels;
  if (channels > kFew || count > kFew) {
    conv.kernels->transpose(pixels, channels, to, step, count, channels);
    return;
  }
  for (int64_t c = 0; c < channels; c++)
    for (int64_t p = 0; p < count; p++) to[c * step + p] = pixels[p * channels + c];
}

// Lines of channels-last images, transposed: zero padding, no stride along the width, all channels.
void transposePixels(const Conv& conv, const LineChunk& chunk, const LineBuffer& buffer, const float* x) {
  const ConvGeometry& g = conv.geometry;
  const Triple& in = g.inputSize;
  const int64_t left = std::max<int64_t>(0, chunk.inColumns.begin),
                right = std::min(in.width, chunk.inColumns.end);
  for (int64_t z = 0; z < chunk.inPlanes.length(); z++) {
    for (int64_t r = 0; r < chunk.inRows.length(); r++) {
      const int64_t plane = chunk.inPlanes.begin + z, row = chunk.inRows.begin + r;
      const bool outside = plane < 0 || plane >= in.depth || row < 0 || row >= in.height || right <= left;
      float* to = buffer.data + z * buffer.planeStep + r * buffer.rowStep;
      if (outside || left != chunk.inColumns.begin || right != chunk.inColumns.end)
        std::memset(to, 0, static_cast<std::size_t>(g.inChannels * buffer.channelStep) * sizeof(float));
      if (outside) continue;
      const int64_t line = ((chunk.image * in.depth + plane) * in.height + row) * in.width;
      transposeLine(conv, x + (line + left) * g.inChannels, right - left, to + left - chunk.inColumns.begin,
                    buffer.channelStep);
    }
  }
}

}  // namespace

LineBuffer fillLines(const Conv& conv, const LineChunk& chunk, const float* x, Scratch& scratch) {
  constexpr int64_t kLine = 16;  // floats in a cache line
  const auto aligned = [](int64_t n) { return ceilDivide(n, kLine) * kLine; };
  // Channels whose distance is a multiple of 256 bytes would compete for the same places of a cache
  const auto apart = [](int64_t step) { return step % (4 * kLine) == 0 ? step + kLine : step; };
  const ConvGeometry& g = conv.geometry;
  const Range& columns = chunk.inColumns;
  const int64_t channels = chunk.groups.length() * conv.groupInputs(),
                lines = chunk.inPlanes.length() * chunk.inRows.length();
  const bool nothing = lines == 0 || columns.length() == 0;  // a kernel narrower than its stride
  LineBuffer buffer{};
  buffer.phases = g.transposed ? 1 : g.stride.width;
  buffer.left = nothing ? 0 : std::clamp<int64_t>(-columns.begin, 0, columns.length());
  buffer.pitch = aligned(ceilDivide(columns.length(), buffer.phases));
  // Vectors that begin at the last columns read on, and tiles of columns below the last line
  const int64_t spare = kColumnRows * kColumnStrides;
  // What is copied begins at cache lines
  if (liesInPlanes(conv) && buffer.phases == 2 && buffer.left % 2 != 0) buffer.pitch++;
  buffer.length = aligned(buffer.phases * buffer.pitch);
  if (liesInPlanes(conv) && conv.groupInputs() < kManyChannels) {
    buffer.rowStep = buffer.length;
    buffer.planeStep = chunk.inRows.length() * buffer.rowStep;
    buffer.channelStep = apart(chunk.inPlanes.length() * buffer.planeStep);
  } else {
    buffer.length = buffer.channelStep = apart(buffer.length);
    buffer.rowStep = channels * buffer.channelStep;
    buffer.planeStep = chunk.inRows.length() * buffer.rowStep;
  }
  const int64_t floats = std::max(channels * buffer.channelStep, chunk.inPlanes.length() * buffer.planeStep);
  buffer.data = scratch.floats(1, static_cast<std::size_t>(floats + spare * buffer.length)) +
                aligned(buffer.shift()) - buffer.shift();
  if (nothing) return buffer;
  if (liesInPlanes(conv)) copyPlanes(conv, chunk, buffer, x);
  else transposePixels(conv, chunk, buffer, x);
  return buffer;
}

}  // namespace convkit
