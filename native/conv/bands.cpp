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
// Bands that share their pointers, which took a fifth of 3 to 32 channels of 3x3 when every band had its own
constexpr int64_t kBandsPerChunk = 8;
constexpr int64_t kChunksPerThread = 4;

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

// The first output position of a band.
struct Band {
  int64_t image, outDepth, rowBegin, columnBegin;
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

// Where the positions of a band find their taps in the buffer, and the tiles that they are cut into: the same
// for the bands of a chunk that have as many rows.
class BandTiles {
 public:
  BandTiles(const Conv& conv, const PackedFilter& filter, const BufferRow& row, int64_t width)
      : conv_(conv), row_(row), width_(width), height_(filter.height) {}

  // Memory for bands of up to `rows` output rows.
  void reserve(Scratch& scratch, int64_t rows) {
    const Grid& grid = conv_.grids[0];
    const int64_t positions = rows * width_;
    buffer_ = scratch.floats(1, static_cast<std::size_t>(grid.depth.kernel * inputRows(rows) * row_.length));
    pointers_ = rowMemory(scratch, positions * taps());
    tiles_ = tileMemory(scratch, EvenTiles(positions, height_).tiles());
    rows_ = 0;
  }

  float* buffer() const { return buffer_; }
  int64_t taps() const { return conv_.grids[0].depth.kernel * conv_.grids[0].height.kernel; }
  int64_t inputRows(int64_t rows) const {
    const Axis& height = conv_.grids[0].height;
    return (rows - 1) * height.stride + height.dilation * (height.kernel - 1) + 1;
  }

  // Of a band of `rows` rows whose first output is y.
  TileBlock at(int64_t rows, Output y) {
    const EvenTiles even(rows * width_, height_);
    const int64_t outputStride = conv_.geometry.outputStride;
    if (rows != rows_) point(rows, even);
    for (int64_t t = 0; t < even.tiles(); t++) tiles_[t].y = y + even.begin(t) * outputStride;
    return {tiles_, even.tiles(), taps(), conv_.grids[0].width.kernel * row_.channels, outputStride, false};
  }

 private:
  // A pointer per kernel row and position; every group's product reads through them
  void point(int64_t rows, const EvenTiles& even) {
    const Grid& grid = conv_.grids[0];
    int64_t outRow = 0, outColumn = 0;  // counted: dividing for each position took a third of a small layer
    for (int64_t t = 0; t < even.tiles(); t++) {
      const int64_t begin = even.begin(t);
      const int height = even.height(t);
      tiles_[t] = {pointers_ + begin * taps(), nullptr, height};
      for (int i = 0; i < height; i++) {
        const float** out = pointers_ + begin * taps() + i;
        const float* from =
            buffer_ + outRow * grid.height.stride * row_.length + row_.at(outColumn * grid.width.stride);
        for (int64_t kd = 0; kd < grid.depth.kernel; kd++, from += inputRows(rows) * row_.length) {
          for (int64_t kh = 0; kh < grid.height.kernel; kh++, out += height)
            *out = from + kh * grid.height.dilation * row_.length;
        }
        if (++outColumn == width_) {
          outColumn = 0;
          outRow++;
        }
      }
    }
    rows_ = rows;
  }

  const Conv& conv_;
  const BufferRow& row_;
  const int64_t width_;
  const int height_;
  float* buffer_ = nullptr;
  const float** pointers_ = nullptr;
  OutputTile* tiles_ = nullptr;
  int64_t rows_ = 0;  // of the band that tiles_ are for
};

}  // namespace

void runBands(const Conv& conv, const PackedFilter& filter, const float* x, Output y, int64_t batch,
              const CancelFlag* cancelled) {
  const ConvGeometry& g = conv.geometry;
  const Axis &depthAxis = conv.grids[0].depth, &heightAxis = conv.grids[0].height,
             &widthAxis = conv.grids[0].width;
  const int64_t taps = depthAxis.kernel * heightAxis.kernel, depth = widthAxis.kernel * conv.groupInputs();
  const std::vector<StepBlock> steps = splitSteps(taps, depth, taps * depth);
  const int64_t panelsPerGroup = static_cast<int64_t>(filter.panels.size()) / g.groups;

  // A band is several output rows, or a part of one where rows are long (every 1-D convolution)
  const int64_t rowsPerBand = std::min(heightAxis.output, ceilDivide(kPositionsPerBand, widthAxis.output));
  const int64_t bands = ceilDivide(heightAxis.output, rowsPerBand);
  const int64_t parts = std::max<int64_t>(1, widthAxis.output / kPositionsPerBand);
  const int64_t strips = batch * depthAxis.output * parts;  // a part of every row of a plane
  const int64_t threads = threadCount(), wanted = threads > 1 ? kChunksPerThread * threads : 1;
  const int64_t least = std::max(ceilDivide(bands, kBandsPerChunk), ceilDivide(wanted, strips));
  // As many for each thread: of 17 chunks of 3 to 64 channels at 520x520 one of two had nine
  const int64_t chunks = std::min(bands, strips > 1 ? least : ceilDivide(least, threads) * threads);
  // Whether the outputs of a band are followed by those of the next
  const bool inOrder = parts == 1 || heightAxis.output == 1;

  parallelFor(strips * chunks, cancelled, [&](int64_t index, Scratch& scratch) {
    const int64_t chunk = index % chunks, part = index / chunks % parts, plane = index / chunks / parts;
    const int64_t columnBegin = widthAxis.output * part / parts;
    const int64_t width = widthAxis.output * (part + 1) / parts - columnBegin;
    const BufferRow row{(width - 1) * widthAxis.stride + widthAxis.dilation * (widthAxis.kernel - 1) + 1,
                        widthAxis.dilation, conv.groupInputs()};
    BandTiles tiles(conv, filter, row, width);
    tiles.reserve(scratch, rowsPerBand);
    for (int64_t b = bands * chunk / chunks; b < bands * (chunk + 1) / chunks; b++) {
      const int64_t rowBegin = heightAxis.output * b / bands,
                    rows = heightAxis.output * (b + 1) / bands - rowBegin;
      const Band band{plane / depthAxis.output, plane % depthAxis.output, rowBegin, columnBegin};
      const int64_t first = (plane * heightAxis.output + rowBegin) * widthAxis.output + columnBegin;
      TileBlock block = tiles.at(rows, y + first * g.outputStride);
      if (inOrder) block.following = batch * conv.positions() - first - rows * width;
      for (int64_t group = 0; group < g.groups; group++) {
        copyBand(conv, x, band, group, tiles.inputRows(rows), row, tiles.buffer());
        multiply(conv, filter, block, steps, group * panelsPerGroup, (group + 1) * panelsPerGroup);
      }
    }
  });
}

}  // namespace convkit
