// Depthwise convolutions of kernel width 3 or 5: runs of columns that need no padding along the width go
// through kernels that share loads; the columns at the edges are taken downwards, several rows of one column
// a tile.
#include <algorithm>

#include "conv/multiply.h"

namespace convkit {
namespace {

constexpr int64_t kPositionsPerChunk = 512;

// Output columns [begin, end) whose taps all lie inside the input.
struct Interior {
  int64_t begin, end;
};

Interior interior(const Axis& axis) {
  const int64_t begin = std::min(axis.output, ceilDivide(axis.padBegin, axis.stride));
  const int64_t room = axis.input + axis.padBegin - axis.dilation * (axis.kernel - 1) - 1;
  const int64_t end = room < 0 ? begin : std::min(axis.output, room / axis.stride + 1);
  return {begin, std::max(begin, end)};
}

}  // namespace

void runDepthwise(const Conv& conv, const PackedFilter& filter, const float* x, float* y, int64_t batch,
                  const CancelFlag* cancelled) {
  const ConvGeometry& g = conv.geometry;
  const Kernels& kernels = *conv.kernels;
  const Axis &depth = conv.grids[0].depth, &height = conv.grids[0].height, &width = conv.grids[0].width;
  const int64_t channels = g.outChannels, taps = conv.taps(), kernelRows = depth.kernel * height.kernel;
  const int64_t lines = batch * depth.output * height.output;  // output rows of the whole batch
  const int64_t tallest = kernels.groupedRows;
  const Interior inner = interior(width);
  const DepthwiseKernel* runOf = kernels.depthwiseRun[(width.kernel - 3) / 2][width.stride - 1];
  const int64_t linesPerChunk = std::max<int64_t>(1, kPositionsPerChunk / width.output);
  const int64_t chunks = ceilDivide(lines, linesPerChunk);

  // Rows of one column, at the left or right edge
  const auto edge = [&](int64_t column, int64_t lineBegin, int64_t lineEnd, const float** rows) {
    const EvenTiles even(lineEnd - lineBegin, tallest);
    for (int64_t t = 0; t < even.tiles(); t++) {
      const int64_t first = (lineBegin + even.begin(t)) * width.output + column;
      const OutputTile tile{rows, y + first * channels, even.height(t)};
      fillRows(conv, conv.grids[0], x, first, width.output, tile.height, rows);
      multiplyGrouped(conv, filter, {&tile, 1, taps, 1, width.output * channels, true});
    }
  };

  parallelFor(chunks, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const int64_t lineBegin = lines * chunk / chunks, lineEnd = lines * (chunk + 1) / chunks;
    const float** rows = rowMemory(scratch, taps * tallest);
    for (int64_t line = lineBegin; line < lineEnd; line++) {
      const int64_t h = line % height.output, d = line / height.output % depth.output;
      const float* image = x + line / height.output / depth.output * g.inputSize.product() * channels;
      const int64_t runs = ceilDivide(inner.end - inner.begin, tallest);
      for (int64_t r = 0; r < runs; r++) {
        const int64_t begin = inner.begin + (inner.end - inner.begin) * r / runs;
        const int64_t end = inner.begin + (inner.end - inner.begin) * (r + 1) / runs;
        for (int64_t kd = 0; kd < depth.kernel; kd++) {
          for (int64_t kh = 0; kh < height.kernel; kh++) {
            const int64_t z = depth.taps(d)[kd], row = height.taps(h)[kh];
            const int64_t pixel =
                (z * height.input + row) * width.input + begin * width.stride - width.padBegin;
            rows[kd * height.kernel + kh] = z < 0 || row < 0 ? nullptr : image + pixel * channels;
          }
        }
        float* to = y + (line * width.output + begin) * channels;
        runOf[end - begin](
            {rows, kernelRows, channels, filter.weights.data(), filter.bias.data(), to, conv.low, conv.high});
        if (conv.activateApart) activateRows(conv, to, 0, 1, (end - begin) * channels);
      }
    }
    for (int64_t column = 0; column < inner.begin; column++) edge(column, lineBegin, lineEnd, rows);
    for (int64_t column = inner.end; column < width.output; column++) edge(column, lineBegin, lineEnd, rows);
  });
}

}  // namespace convkit
