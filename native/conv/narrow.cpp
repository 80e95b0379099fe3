// A few output channels: the input rows of a chunk are transposed once, into lines of neighbouring columns
// channel by channel, and the lanes of a vector are output positions. Filters in the lanes would leave most
// of them empty. One thread, AVX-512, GFLOP/s of both ways: 128 channels to 3 at 32x32, transposed 4x4 with
// stride 2, 108 and 34; at 112x112 64 to 3, 3x3, 129 and 35, 9x9 214 and 36; 8 to 3, 3x3, 87 and 25.
#include <algorithm>
#include <cstring>
#include <limits>

#include "conv/multiply.h"

namespace convkit {
namespace {

constexpr int64_t kLineFloats = 1 << 14;    // of one transposed input row: more is cut into columns
constexpr int64_t kBufferFloats = 1 << 17;  // of a chunk: half of a second-level cache

constexpr int64_t kNowhere = std::numeric_limits<int64_t>::min();

struct Range {
  int64_t begin = std::numeric_limits<int64_t>::max(), end = std::numeric_limits<int64_t>::min();

  int64_t length() const { return end > begin ? end - begin : 0; }
  void include(int64_t from, int64_t to) {
    begin = std::min(begin, from);
    end = std::max(end, to);
  }
};

// Input positions that the taps of output positions [begin, end) of an axis read.
void includeSources(const Axis& axis, int64_t begin, int64_t end, Range& range) {
  for (int64_t p = begin; p < std::min(end, axis.output); p++) {
    for (int64_t k = 0; k < axis.kernel; k++) {
      const int64_t from = axis.taps(p)[k];
      if (from != kPadding) range.include(from, from + 1);
    }
  }
}

// How far tap k of any column of [begin, end) reads from its own number; kNowhere where all read padding.
int64_t findShift(const Axis& axis, int64_t k, int64_t begin, int64_t end) {
  for (int64_t p = begin; p < std::min(end, axis.output); p++)
    if (axis.taps(p)[k] != kPadding) return axis.taps(p)[k] - p;
  return kNowhere;
}

// Output positions of every grid: one plane, some rows, some columns of them. Of the input, what they read;
// columns outside the image are padding.
struct Chunk {
  int64_t image, plane;
  Range rows, columns;
  Range inPlanes, inRows, inColumns;
  int64_t step;         // floats from one channel of a line to the next
  const float* zeros;   // a line of padding
  const float* buffer;  // [inPlanes][inRows][channel][step]

  const float* line(int64_t z, int64_t row, int64_t channels) const {
    if (z == kPadding || row == kPadding) return zeros;
    return buffer + ((z - inPlanes.begin) * inRows.length() + row - inRows.begin) * channels * step;
  }
};

void findInput(const Conv& conv, Chunk& chunk) {
  for (const Grid& grid : conv.grids) {
    includeSources(grid.depth, chunk.plane, chunk.plane + 1, chunk.inPlanes);
    includeSources(grid.height, chunk.rows.begin, chunk.rows.end, chunk.inRows);
    for (int64_t k = 0; k < grid.width.kernel; k++) {
      const int64_t shift = findShift(grid.width, k, chunk.columns.begin, chunk.columns.end);
      if (shift != kNowhere) chunk.inColumns.include(chunk.columns.begin + shift, chunk.columns.end + shift);
    }
  }
  // Lines whose length is a multiple of 256 bytes would compete for the same places of a cache
  const int64_t line = 16, columns = ceilDivide(chunk.inColumns.length(), line) * line;
  chunk.step = columns % 64 == 0 ? columns + line : columns;
}

// Transposes the input of a chunk.
void fillBuffer(const Conv& conv, const float* x, Chunk& chunk, Scratch& scratch) {
  const ConvGeometry& g = conv.geometry;
  const int64_t lines = chunk.inPlanes.length() * chunk.inRows.length(), length = g.inChannels * chunk.step;
  // A vector that begins at the last columns of a line reads beyond it
  float* to = scratch.floats(1, static_cast<std::size_t>((lines + 1) * length + conv.kernels->lanes));
  std::memset(to, 0, static_cast<std::size_t>(length) * sizeof(float));
  chunk.zeros = to;
  chunk.buffer = to += length;
  const int64_t left = std::max<int64_t>(0, chunk.inColumns.begin),
                right = std::min(g.inputSize.width, chunk.inColumns.end);
  const bool padded = left != chunk.inColumns.begin || right != chunk.inColumns.end;
  for (int64_t l = 0; l < lines; l++, to += length) {
    const int64_t z = chunk.inPlanes.begin + l / chunk.inRows.length(),
                  row = chunk.inRows.begin + l % chunk.inRows.length();
    const int64_t line =
        ((chunk.image * g.inputSize.depth + z) * g.inputSize.height + row) * g.inputSize.width;
    if (padded) std::memset(to, 0, static_cast<std::size_t>(length) * sizeof(float));
    if (right > left)
      conv.kernels->transpose(x + (line + left) * g.inChannels, g.inChannels,
                              to + left - chunk.inColumns.begin, chunk.step, right - left, g.inChannels);
  }
}

// What a thread writes down of a tile.
struct Work {
  const float** lines;    // [taps][kNarrowVectors]
  const float** weights;  // [taps]
  int64_t* shifts;        // [kernel width]
};

// The positions of one grid in a chunk, a few vectors at a time.
void runGrid(const Conv& conv, const PackedFilter& filter, const Grid& grid, const Chunk& chunk, Output y,
             const Work& work) {
  const ConvGeometry& g = conv.geometry;
  const Kernels& kernels = *conv.kernels;
  const int64_t lanes = kernels.lanes, channels = g.inChannels, outChannels = g.outChannels;
  const int64_t rowEnd = std::min(chunk.rows.end, grid.height.output),
                columnEnd = std::min(chunk.columns.end, grid.width.output);
  if (chunk.plane >= grid.depth.output || rowEnd <= chunk.rows.begin || columnEnd <= chunk.columns.begin)
    return;
  const int64_t perRow = ceilDivide(columnEnd - chunk.columns.begin, lanes);
  const int64_t vectors = (rowEnd - chunk.rows.begin) * perRow;
  const int64_t depth = grid.start.depth + chunk.plane * grid.step.depth;

  for (int64_t k = 0; k < grid.width.kernel; k++)
    work.shifts[k] = findShift(grid.width, k, chunk.columns.begin, columnEnd);

  NarrowTile tile;
  tile.lines = work.lines;
  tile.weights = work.weights;
  tile.depth = channels;
  tile.step = chunk.step;
  tile.weightStep = lanes;
  tile.bias = filter.bias.data();
  tile.ldc = grid.step.width * g.outputStride;
  tile.low = conv.low;
  tile.high = conv.high;
  for (int64_t v = 0; v < vectors; v += kNarrowVectors) {
    int64_t rows[kNarrowVectors], columns[kNarrowVectors];
    for (int64_t j = 0; j < kNarrowVectors; j++) {
      const int64_t at = std::min(v + j, vectors - 1);  // spare vectors repeat the last, and write nothing
      rows[j] = chunk.rows.begin + at / perRow;
      columns[j] = chunk.columns.begin + at % perRow * lanes;
      const int64_t h = grid.start.height + rows[j] * grid.step.height,
                    w = grid.start.width + columns[j] * grid.step.width;
      const int64_t plane = chunk.image * g.outputSize.depth + depth;
      const Output to = y + ((plane * g.outputSize.height + h) * g.outputSize.width + w) * g.outputStride;
      tile.c[j] = to.y;
      tile.residual[j] = to.residual;
      tile.count[j] = v + j < vectors ? static_cast<int>(std::min(lanes, columnEnd - columns[j])) : 0;
    }

    // The taps that are not padding for all of them
    tile.taps = 0;
    int64_t tap = 0;
    for (int64_t kd = 0; kd < grid.depth.kernel; kd++) {
      for (int64_t kh = 0; kh < grid.height.kernel; kh++) {
        const int64_t z = grid.depth.taps(chunk.plane)[kd];
        bool any = false;
        for (const int64_t row : rows) any |= z != kPadding && grid.height.taps(row)[kh] != kPadding;
        for (int64_t kw = 0; kw < grid.width.kernel; kw++, tap++) {
          if (!any || work.shifts[kw] == kNowhere) continue;
          const float** to = work.lines + tile.taps * kNarrowVectors;
          for (int64_t j = 0; j < kNarrowVectors; j++)
            to[j] = chunk.line(z, grid.height.taps(rows[j])[kh], channels) + columns[j] + work.shifts[kw] -
                    chunk.inColumns.begin;
          work.weights[tile.taps++] = filter.weights.data() + tap * channels * lanes;
        }
      }
    }
    kernels.narrow[outChannels](tile);
    if (!conv.activateApart) continue;
    for (int64_t j = 0; j < kNarrowVectors; j++)
      activateRows(conv, tile.c[j], tile.ldc, tile.count[j], outChannels);
  }
}

}  // namespace

void runNarrow(const Conv& conv, const PackedFilter& filter, const float* x, Output y, int64_t batch,
               const CancelFlag* cancelled) {
  const ConvGeometry& g = conv.geometry;
  const Grid& first = conv.grids[0];  // no grid has more positions
  const int64_t planes = first.depth.output, rows = first.height.output, columns = first.width.output;

  // Chunks whose input fits a cache, and enough of them for every thread
  const int64_t widest = std::max<int64_t>(kNarrowVectors * conv.kernels->lanes, kLineFloats / g.inChannels);
  const int64_t columnBlocks = ceilDivide(columns, widest);
  const int64_t line = ceilDivide(columns, columnBlocks) * g.inChannels;
  const int64_t tallest = std::max<int64_t>(kNarrowVectors, kBufferFloats / line);
  const int64_t wanted = threadCount() > 1 ? 4 * threadCount() : 1;
  const int64_t share = ceilDivide(wanted, batch * planes * columnBlocks);
  const int64_t rowBlocks = std::min(rows, std::max(ceilDivide(rows, tallest), share));

  parallelFor(batch * planes * rowBlocks * columnBlocks, cancelled, [&](int64_t index, Scratch& scratch) {
    const int64_t c = index % columnBlocks, r = index / columnBlocks % rowBlocks,
                  plane = index / columnBlocks / rowBlocks;
    Chunk chunk{};
    chunk.image = plane / planes;
    chunk.plane = plane % planes;
    chunk.rows.include(rows * r / rowBlocks, rows * (r + 1) / rowBlocks);
    chunk.columns.include(columns * c / columnBlocks, columns * (c + 1) / columnBlocks);
    findInput(conv, chunk);
    fillBuffer(conv, x, chunk, scratch);
    const int64_t taps = conv.taps();
    const float** pointers = rowMemory(scratch, taps * (kNarrowVectors + 1));
    void* shifts = scratch.bytes(2, static_cast<std::size_t>(g.kernelSize.width) * sizeof(int64_t));
    const Work work{pointers, pointers + taps * kNarrowVectors, static_cast<int64_t*>(shifts)};
    for (const Grid& grid : conv.grids) runGrid(conv, filter, grid, chunk, y, work);
  });
}

}  // namespace convkit
