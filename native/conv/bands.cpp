// Few input channels: the padded input rows of a band of output rows are copied into a buffer once, group by
// group, and a kernel row becomes one run of kernelWidth * channels floats. The packed filter has that order
// already.
//
// A buffer row holds padded columns p in the order of (p % dilation, p / dilation), so that the taps of a
// dilated kernel row are neighbours too; without dilation that is the order they had.
//
// Channels-first images are interleaved as they are copied. Rearranged before, one thread, AVX-512: 3
// channels to 64 of 7x7 with stride 2 at 224x224 1.16 ms, now 1.12; to 32 of 3x3 0.21, now 0.164.
#include <algorithm>
#include <cstring>

#include "conv/multiply.h"

namespace convkit {
namespace {

constexpr int64_t kPositionsPerBand =
    448;  // four rows of a 112-wide output, whose input rows then stay in L1

struct BufferRow {
  BufferRow(int64_t columnCount, int64_t widthDilation, int64_t groupChannels)
      : columns(columnCount),
        dilation(widthDilation),
        channels(groupChannels),
        perRemainder(ceilDivide(columns, dilation)),
        length(perRemainder * dilation * channels) {}

  int64_t at(int64_t column) const {
    if (dilation == 1) return column * channels;
    return (column % dilation * perRemainder + column / dilation) * channels;
  }

  int64_t columns;   // padded columns that the band reads
  int64_t dilation;  // along the width
  int64_t channels;  // of one group
  int64_t perRemainder, length;
};

// One row of the channels of a group.
struct ImageRow {
  const float* first;      // null: zeros
  int64_t pixel, channel;  // floats from one to the next
};

// Copies `count` neighbouring pixels.
void copyPixels(const Conv& conv, const ImageRow& line, int64_t from, int64_t count, int64_t channels,
                float* to) {
  if (line.channel == 1) {
    std::memcpy(to, line.first + from * line.pixel,
                static_cast<std::size_t>(count * channels) * sizeof(float));
  } else if (channels <= kMostInterleaved) {
    conv.kernels->interleave[channels](line.first + from, line.channel, count, to);
  } else {
    conv.kernels->transpose(line.first + from, line.channel, to, channels, channels, count);
  }
}

// Fills a buffer row from padded column `first` on.
void copyRow(const Conv& conv, const ImageRow& line, int64_t first, const BufferRow& row, float* to) {
  if (line.first == nullptr) {
    std::memset(to, 0, static_cast<std::size_t>(row.length) * sizeof(float));
    return;
  }
  const int64_t width = conv.grids[0].width.input, channels = row.channels;
  const int64_t start = first - conv.grids[0].width.padBegin;  // the input column of the first
  const auto copyPixel = [&](int64_t p, int64_t from) {
    float* at = to + row.at(p);
    for (int64_t c = 0; c < channels; c++)
      at[c] = from < 0 ? 0.0f : line.first[from * line.pixel + c * line.channel];
  };
  const auto copyPadding = [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; p++)
      copyPixel(p, sourceIndex(start + p, width, conv.geometry.paddingMode));
  };
  const int64_t insideBegin = std::min(row.columns, std::max<int64_t>(0, -start));
  const int64_t insideEnd = std::max(insideBegin, std::min(row.columns, width - start));
  const bool together = line.channel != 1 ? channels > 1 : channels == line.pixel;
  copyPadding(0, insideBegin);
  if (insideEnd > insideBegin && row.dilation == 1 && together) {
    copyPixels(conv, line, start + insideBegin, insideEnd - insideBegin, channels,
               to + insideBegin * channels);
  } else {
    for (int64_t p = insideBegin; p < insideEnd; p++) copyPixel(p, start + p);
  }
  copyPadding(insideEnd, row.columns);
}

// The output positions of one chunk: rows [rowBegin, rowEnd) of one plane, and of each `width` columns from
// columnBegin.
struct Band {
  int64_t image, plane, outDepth, rowBegin, rowEnd, columnBegin, width;
};

// Copies what one group's channels of a band need: for each tap along depth, `inputRows` rows.
void copyBand(const Conv& conv, const float* x, const Band& band, int64_t group, int64_t inputRows,
              const BufferRow& row, float* buffer) {
  const Grid& grid = conv.grids[0];
  const int64_t inChannels = conv.geometry.inChannels, plane = conv.geometry.inputSize.product();
  const bool planes = readsPlanes(conv);
  const int64_t pixel = planes ? 1 : inChannels, channel = planes ? plane : 1;
  const float* const first = x + band.image * plane * inChannels + group * row.channels * channel;
  const int32_t* fromDepth = grid.depth.taps(band.outDepth);
  for (int64_t kd = 0; kd < grid.depth.kernel; kd++) {
    for (int64_t r = 0; r < inputRows; r++) {
      const int64_t h = sourceIndex(band.rowBegin * grid.height.stride + r - grid.height.padBegin,
                                    grid.height.input, conv.geometry.paddingMode);
      const bool outside = h < 0 || fromDepth[kd] < 0;
      const int64_t line = (fromDepth[kd] * grid.height.input + h) * grid.width.input;
      copyRow(conv, {outside ? nullptr : first + line * pixel, pixel, channel},
              band.columnBegin * grid.width.stride, row, buffer + (kd * inputRows + r) * row.length);
    }
  }
}

}  // namespace

void runBands(const Conv& conv, const PackedFilter& filter, const float* x, Output y, int64_t batch,
              const CancelFlag* cancelled) {
  const ConvGeometry& g = conv.geometry;
  const Axis &depthAxis = conv.grids[0].depth, &heightAxis = conv.grids[0].height,
             &widthAxis = conv.grids[0].width;
  const int64_t channels = conv.groupInputs(), taps = depthAxis.kernel * heightAxis.kernel;
  const int64_t depth = widthAxis.kernel * channels;
  const int64_t extent = heightAxis.dilation * (heightAxis.kernel - 1) + 1;
  const std::vector<StepBlock> steps = splitSteps(taps, depth, taps * depth);
  const int64_t panelsPerGroup = static_cast<int64_t>(filter.panels.size()) / g.groups;

  // A band is several output rows, or a part of one where rows are long (every 1-D convolution)
  const int64_t rowsPerBand = std::min(heightAxis.output, ceilDivide(kPositionsPerBand, widthAxis.output));
  const int64_t bands = ceilDivide(heightAxis.output, rowsPerBand);
  const int64_t parts = std::max<int64_t>(1, widthAxis.output / kPositionsPerBand);
  const int64_t planes = batch * depthAxis.output;

  parallelFor(planes * bands * parts, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const int64_t part = chunk % parts, b = chunk / parts % bands, plane = chunk / parts / bands;
    const int64_t columnBegin = widthAxis.output * part / parts;
    const Band band{plane / depthAxis.output,
                    plane,
                    plane % depthAxis.output,
                    heightAxis.output * b / bands,
                    heightAxis.output * (b + 1) / bands,
                    columnBegin,
                    widthAxis.output * (part + 1) / parts - columnBegin};
    const int64_t count = (band.rowEnd - band.rowBegin) * band.width;
    const int64_t inputRows = (band.rowEnd - band.rowBegin - 1) * heightAxis.stride + extent;
    const BufferRow row{(band.width - 1) * widthAxis.stride + widthAxis.dilation * (widthAxis.kernel - 1) + 1,
                        widthAxis.dilation, channels};
    float* buffer = scratch.floats(1, static_cast<std::size_t>(depthAxis.kernel * inputRows * row.length));

    // A pointer per kernel row and position; every group's product reads through them
    const float** rows = rowMemory(scratch, count * taps);
    const EvenTiles even(count, filter.height);
    OutputTile* tiles = tileMemory(scratch, even.tiles());
    const int64_t first = (plane * heightAxis.output + band.rowBegin) * widthAxis.output + columnBegin;
    int64_t outRow = 0, outColumn = 0;  // counted: dividing for each position took a third of a small layer
    for (int64_t t = 0; t < even.tiles(); t++) {
      const int64_t begin = even.begin(t);
      const int height = even.height(t);
      tiles[t] = {rows + begin * taps, y + (first + begin) * g.outputStride, height};
      for (int64_t m = begin; m < begin + height; m++) {
        const int64_t top = outRow * heightAxis.stride, column = row.at(outColumn * widthAxis.stride);
        if (++outColumn == band.width) {
          outColumn = 0;
          outRow++;
        }
        const float** out = rows + begin * taps + (m - begin);
        const float* from = buffer + top * row.length + column;
        for (int64_t kd = 0; kd < depthAxis.kernel; kd++, from += inputRows * row.length) {
          for (int64_t kh = 0; kh < heightAxis.kernel; kh++, out += height)
            *out = from + kh * heightAxis.dilation * row.length;
        }
      }
    }

    const TileBlock block{tiles, even.tiles(), taps, depth, g.outputStride, false};
    for (int64_t group = 0; group < g.groups; group++) {
      copyBand(conv, x, band, group, inputRows, row, buffer);
      multiply(conv, filter, block, steps, group * panelsPerGroup, (group + 1) * panelsPerGroup);
    }
  });
}

}  // namespace convkit
