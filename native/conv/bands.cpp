// Few input channels: the padded input rows of a band of output rows are copied into a buffer once, and a
// kernel row becomes one run of kernelWidth * channels floats. The packed filter has that order already.
#include <algorithm>
#include <cstring>

#include "conv/multiply.h"

namespace convkit {
namespace {

constexpr int64_t kPositionsPerBand =
    448;  // four rows of a 112-wide output, whose input rows then stay in L1

// `columns` pixels of a padded input row from padded column `first` on; the row is `line` of the image (null:
// zeros).
void copyRow(const Conv& conv, const float* line, int64_t first, int64_t columns, float* to) {
  const int64_t channels = conv.geometry.inChannels, width = conv.grids[0].width.input;
  if (line == nullptr) {
    std::memset(to, 0, static_cast<std::size_t>(columns * channels) * sizeof(float));
    return;
  }
  const int64_t start = first - conv.grids[0].width.padBegin;  // the input column of the first pixel
  const int64_t insideBegin = std::min(columns, std::max<int64_t>(0, -start));
  const int64_t insideEnd = std::max(insideBegin, std::min(columns, width - start));
  const auto pad = [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; p++) {
      const int64_t from = sourceIndex(start + p, width, conv.geometry.paddingMode);
      for (int64_t c = 0; c < channels; c++)
        to[p * channels + c] = from < 0 ? 0.0f : line[from * channels + c];
    }
  };
  pad(0, insideBegin);
  if (insideEnd > insideBegin)
    std::memcpy(to + insideBegin * channels, line + (start + insideBegin) * channels,
                static_cast<std::size_t>((insideEnd - insideBegin) * channels) * sizeof(float));
  pad(insideEnd, columns);
}

}  // namespace

void runBands(const Conv& conv, const PackedFilter& filter, const float* x, float* y, int64_t batch,
              const CancelFlag* cancelled) {
  const ConvGeometry& g = conv.geometry;
  const Axis &depthAxis = conv.grids[0].depth, &heightAxis = conv.grids[0].height,
             &widthAxis = conv.grids[0].width;
  const int64_t channels = g.inChannels, taps = depthAxis.kernel * heightAxis.kernel;
  const int64_t depth = widthAxis.kernel * channels;
  const int64_t extent = heightAxis.dilation * (heightAxis.kernel - 1) + 1;
  const std::vector<StepBlock> steps = splitSteps(taps, depth, taps * depth);
  const auto panels = static_cast<int64_t>(filter.panels.size());

  // A band is several output rows, or a part of one where rows are long (every 1-D convolution)
  const int64_t rowsPerBand = std::min(heightAxis.output, ceilDivide(kPositionsPerBand, widthAxis.output));
  const int64_t bands = ceilDivide(heightAxis.output, rowsPerBand);
  const int64_t parts = std::max<int64_t>(1, widthAxis.output / kPositionsPerBand);
  const int64_t planes = batch * depthAxis.output;

  parallelFor(planes * bands * parts, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const int64_t part = chunk % parts, band = chunk / parts % bands, plane = chunk / parts / bands;
    const int64_t image = plane / depthAxis.output, outDepth = plane % depthAxis.output;
    const int64_t rowBegin = heightAxis.output * band / bands,
                  rowEnd = heightAxis.output * (band + 1) / bands;
    const int64_t columnBegin = widthAxis.output * part / parts;
    const int64_t width = widthAxis.output * (part + 1) / parts - columnBegin;
    const int64_t count = (rowEnd - rowBegin) * width;

    // The input rows of the band, one set for each tap along depth
    const int64_t inputRows = (rowEnd - rowBegin - 1) * heightAxis.stride + extent;
    const int64_t columns = (width - 1) * widthAxis.stride + widthAxis.kernel;
    float* buffer =
        scratch.floats(1, static_cast<std::size_t>(depthAxis.kernel * inputRows * columns * channels));
    const int32_t* fromDepth = depthAxis.taps(outDepth);
    for (int64_t kd = 0; kd < depthAxis.kernel; kd++) {
      for (int64_t r = 0; r < inputRows; r++) {
        const int64_t row = sourceIndex(rowBegin * heightAxis.stride + r - heightAxis.padBegin,
                                        heightAxis.input, g.paddingMode);
        const bool outside = row < 0 || fromDepth[kd] < 0;
        const int64_t line =
            ((image * depthAxis.input + fromDepth[kd]) * heightAxis.input + row) * widthAxis.input;
        copyRow(conv, outside ? nullptr : x + line * channels, columnBegin * widthAxis.stride, columns,
                buffer + (kd * inputRows + r) * columns * channels);
      }
    }

    // A pointer per kernel row and position, then the product
    const float** rows = rowMemory(scratch, count * taps);
    const EvenTiles even(count, filter.height);
    OutputTile* tiles = tileMemory(scratch, even.tiles());
    const int64_t first = (plane * heightAxis.output + rowBegin) * widthAxis.output + columnBegin;
    for (int64_t t = 0; t < even.tiles(); t++) {
      const int64_t begin = even.begin(t);
      const int height = even.height(t);
      tiles[t] = {rows + begin * taps, y + (first + begin) * g.outChannels, height};
      for (int64_t m = begin; m < begin + height; m++) {
        const int64_t row = m / width * heightAxis.stride, column = m % width * widthAxis.stride;
        const float** out = rows + begin * taps + (m - begin);
        for (int64_t kd = 0; kd < depthAxis.kernel; kd++) {
          for (int64_t kh = 0; kh < heightAxis.kernel; kh++) {
            *out = buffer + ((kd * inputRows + row + kh * heightAxis.dilation) * columns + column) * channels;
            out += height;
          }
        }
      }
    }
    multiply(conv, filter, {tiles, even.tiles(), taps, depth, g.outChannels, false}, steps, 0, panels);
  });
}

}  // namespace convkit
