// The tiles of a chunk of lines: what every grid's positions and every group's outputs are to the kernels.
#include "conv/lines.h"
#include "conv/multiply.h"

namespace convkit {
namespace {

// Input of one tap of a tile: more does not wait in the first-level cache for the next tap. 128 channels to 4
// at 32x32, AVX-512: 57 us with four vectors, 79 with six; 64 to 3 at 112x112: 373 with four, 305 with seven.
constexpr int64_t kFloatsOfTap = 1 << 13;

// Vectors of neighbouring positions of one grid in a chunk, and the taps that reach any of them: the same for
// every group. A few spare vectors at the end repeat the last, and write nothing.
struct LineWork {
  LineTap* taps;
  int64_t tapCount;
  int64_t *starts, *places;  // in the buffer, in the output
  int *rows, *lanes;         // rows one below the other: 1 but for tiles of columns
  int64_t vectors;

  LineWork(const Conv& conv, const LineChunk& chunk, Scratch& scratch) {
    const int64_t room =
        chunk.rows.length() * ceilDivide(chunk.columns.length(), conv.kernels->lanes) + kLineVectors;
    auto* memory = static_cast<char*>(
        scratch.bytes(0, static_cast<std::size_t>(conv.taps()) * sizeof(LineTap) +
                             2 * static_cast<std::size_t>(room) * (sizeof(int64_t) + sizeof(int))));
    taps = reinterpret_cast<LineTap*>(memory);
    starts = reinterpret_cast<int64_t*>(taps + conv.taps());
    places = starts + room;
    rows = reinterpret_cast<int*>(places + room);
    lanes = rows + room;
  }
};

void findTaps(const Conv& conv, const LineChunk& chunk, const LineBuffer& buffer, const GridReach& reach,
              LineWork& work) {
  work.tapCount = 0;
  int64_t tap = 0;
  for (const int64_t depth : reach.depth.shifts) {
    for (const int64_t height : reach.height.shifts) {
      for (const int64_t width : reach.width.shifts) {
        const int64_t step = tap++ * conv.groupInputs();
        if (depth == kNowhere || height == kNowhere || width == kNowhere) continue;
        const int64_t z = chunk.plane * reach.depth.scale + depth - chunk.inPlanes.begin,
                      row = chunk.rows.begin * reach.height.scale + height - chunk.inRows.begin,
                      column = chunk.columns.begin * reach.width.scale + width - chunk.inColumns.begin;
        work.taps[work.tapCount++] = {z * buffer.planeStep + row * buffer.rowStep + buffer.at(column), step};
      }
    }
  }
}

// Floats from one output column, row and plane to the next.
struct OutputSteps {
  int64_t channel, column, row, plane;
};

void findVectors(const Conv& conv, const LineChunk& chunk, const LineBuffer& buffer, const Grid& grid,
                 const OutputSteps& steps, int64_t tallest, LineWork& work) {
  const int64_t lanes = conv.kernels->lanes,
                scale = conv.geometry.transposed ? 1 : conv.geometry.stride.height;
  const int64_t rowEnd = std::min(chunk.rows.end, grid.height.output),
                columnEnd = std::min(chunk.columns.end, grid.width.output);
  const int64_t plane = grid.start.depth + chunk.plane * grid.step.depth;
  work.vectors = 0;
  if (rowEnd <= chunk.rows.begin || columnEnd <= chunk.columns.begin) return;
  const EvenTiles even(rowEnd - chunk.rows.begin, tallest);
  for (int64_t t = 0; t < even.tiles(); t++) {
    const int64_t row = chunk.rows.begin + even.begin(t);
    for (int64_t column = chunk.columns.begin; column < columnEnd; column += lanes) {
      const int64_t v = work.vectors++;
      work.starts[v] = even.begin(t) * scale * buffer.rowStep + column - chunk.columns.begin;
      work.places[v] = plane * steps.plane + (grid.start.height + row * grid.step.height) * steps.row +
                       (grid.start.width + column * grid.step.width) * steps.column;
      work.rows[v] = even.height(t);
      work.lanes[v] = static_cast<int>(std::min(lanes, columnEnd - column));
    }
  }
  for (int64_t v = work.vectors; v < work.vectors + kLineVectors; v++) {
    work.starts[v] = work.starts[work.vectors - 1];
    work.places[v] = work.places[work.vectors - 1];
    work.rows[v] = work.lanes[v] = 0;
  }
}

// Output channels that read the same inputs and whose weights lie side by side.
struct LinePart {
  int64_t group, output, count;
  const float *weights, *bias;
  int64_t weightStep;
};

template <class Visit>
void forEachPart(const Conv& conv, const PackedFilter& filter, const Range& groups, Visit visit) {
  const int64_t lanes = conv.kernels->lanes, outputs = conv.groupOutputs();
  if (conv.kind == FilterKind::dense) {
    const int64_t panels = static_cast<int64_t>(filter.panels.size()) / conv.geometry.groups;
    for (int64_t p = groups.begin * panels; p < groups.end * panels; p++) {
      const Panel& panel = filter.panels[static_cast<std::size_t>(p)];
      visit(LinePart{p / panels, panel.outChannel, panel.outCount, filter.weights.data() + panel.weights,
                     filter.bias.data() + panel.bias, panel.vectors * lanes});
    }
    return;
  }
  const int64_t perBlock = filter.blockOutputs / outputs,
                blockFloats = conv.taps() * conv.groupInputs() * lanes;
  for (int64_t group = groups.begin; group < groups.end; group++) {
    const int64_t block = group / perBlock, lane = group % perBlock * outputs;
    visit(LinePart{group, group * outputs, outputs, filter.weights.data() + block * blockFloats + lane,
                   filter.bias.data() + block * lanes + lane, lanes});
  }
}

// The kernel that shares input between the rows of a depthwise convolution; null where there is none.
ColumnKernel columnKernelOf(const Conv& conv) {
  const ConvGeometry& g = conv.geometry;
  const Triple &k = g.kernelSize, &s = g.stride;
  if (conv.kind != FilterKind::depthwise || g.transposed || k.depth > 1 || k.height != k.width ||
      s.height != s.width || g.dilation.height > 1)
    return nullptr;
  if ((k.width != 3 && k.width != 5) || s.width > kColumnStrides) return nullptr;
  return conv.kernels->column[(k.width - 3) / 2][s.width - 1];
}

void runColumns(const Conv& conv, const PackedFilter& filter, const LineChunk& chunk,
                const LineBuffer& buffer, ColumnKernel kernel, const OutputSteps& steps, const LineWork& work,
                Output y) {
  int64_t shifts[2 * kColumnKernels + 1];
  for (int64_t k = 0; k < conv.geometry.kernelSize.width; k++) shifts[k] = work.taps[k].input;
  ColumnTile tile{};
  tile.shifts = shifts;
  tile.step = buffer.rowStep;
  tile.outputStep = steps.row;
  tile.low = conv.low;
  tile.high = conv.high;
  forEachPart(conv, filter, chunk.groups, [&](const LinePart& part) {
    tile.x = buffer.data + (part.group - chunk.groups.begin) * buffer.channelStep;
    tile.weights = part.weights;
    tile.weightStep = part.weightStep;
    tile.bias = *part.bias;
    const Output to = y + part.output * steps.channel;
    tile.c = to.y;
    tile.residual = to.residual;
    for (int64_t v = 0; v < work.vectors; v += kColumnVectors) {
      tile.starts = work.starts + v;
      tile.places = work.places + v;
      tile.rows = work.rows + v;
      tile.lanes = work.lanes + v;
      kernel(tile);
      if (!conv.activateApart) continue;
      for (int j = 0; j < kColumnVectors; j++)
        activateRows(conv, tile.c + tile.places[j], steps.row, tile.rows[j], tile.lanes[j]);
    }
  });
}

// The kernel for so many outputs: the widest, unless its last pass would mostly be over what is not there. Of
// 3 filters on 8x8, AVX-512, eight vectors: two passes of four take 115 ns, two of seven 180.
const LineKernel& lineKernelOf(const Conv& conv, int outputs, int64_t vectors) {
  const LineKernel &wide = conv.kernels->lines[0][outputs], &few = conv.kernels->lines[1][outputs];
  if (conv.groupInputs() * kLineVectors * conv.kernels->lanes > kFloatsOfTap) return few;
  const auto computed = [vectors](int64_t width) { return ceilDivide(vectors, width) * width; };
  return computed(few.vectors) < computed(wide.vectors) ? few : wide;
}

// `count` lines of neighbouring pixels, `step` floats apart, to pixels `columnStep` apart.
void writePixels(const Conv& conv, const float* lines, int64_t step, int count, int pixels, float* to,
                 int64_t columnStep) {
  constexpr int kFew = 8;  // fill a tile of the transposition too little
  if (count > 1 && count <= kMostInterleaved && columnStep == count) {
    conv.kernels->interleave[count](lines, step, pixels, to);
    return;
  }
  if (pixels > kFew) {
    conv.kernels->transpose(lines, step, to, columnStep, count, pixels);
    return;
  }
  for (int n = 0; n < count; n++)
    for (int p = 0; p < pixels; p++) to[p * columnStep + n] = lines[n * step + p];
}

// All positions of one grid, whose output columns lie columnStep floats apart.
void runTiles(const Conv& conv, const PackedFilter& filter, const LineChunk& chunk, const LineBuffer& buffer,
              const OutputSteps& steps, const LineWork& work, int64_t columnStep, Scratch& scratch,
              Output y) {
  const int64_t lanes = conv.kernels->lanes;
  int most = kLineOutputs;
  while (conv.kernels->lines[0][most].vectors == 0) most--;
  const bool neighbours = columnStep == 1;
  constexpr int kMost = kLineOutputs * kLineVectors * kMaxLanes;
  float* memory = neighbours ? nullptr : scratch.floats(2, 2 * kMost);
  int64_t inOrder[kLineVectors];
  for (int j = 0; j < kLineVectors; j++) inOrder[j] = j * lanes;

  LineTile tile{};
  tile.tap = work.taps;
  tile.taps = work.tapCount;
  tile.depth = conv.groupInputs();
  tile.step = buffer.channelStep;
  tile.low = conv.low;
  tile.high = conv.high;
  forEachPart(conv, filter, chunk.groups, [&](const LinePart& part) {
    tile.x = buffer.data + (part.group - chunk.groups.begin) * conv.groupInputs() * buffer.channelStep;
    tile.weightStep = part.weightStep;
    const EvenTiles even(part.count, most);
    for (int64_t t = 0; t < even.tiles(); t++) {
      const int count = even.height(t);
      const LineKernel& kernel = lineKernelOf(conv, count, work.vectors);
      const int vectors = kernel.vectors;
      const Output to = y + (part.output + even.begin(t)) * steps.channel;
      tile.weights = part.weights + even.begin(t);
      tile.bias = part.bias + even.begin(t);
      tile.c = neighbours ? to.y : memory;
      tile.residual = neighbours || to.residual == nullptr ? to.residual : memory + kMost;
      tile.outputStep = neighbours ? steps.channel : vectors * lanes;
      for (int64_t v = 0; v < work.vectors; v += vectors) {
        tile.starts = work.starts + v;
        tile.places = neighbours ? work.places + v : inOrder;
        tile.lanes = work.lanes + v;
        const auto forEach = [&](auto move) {
          for (int j = 0; j < vectors; j++)
            for (int n = 0; n < count; n++)
              for (int l = 0; l < tile.lanes[j]; l++)
                move(work.places[v + j] + n * steps.channel + l * columnStep,
                     inOrder[j] + n * tile.outputStep + l);
        };
        if (!neighbours && to.residual != nullptr)
          forEach([&](int64_t there, int64_t here) { memory[kMost + here] = to.residual[there]; });
        kernel.run(tile);
        if (conv.activateApart) {
          for (int j = 0; j < vectors; j++)
            activateRows(conv, tile.c + tile.places[j], tile.outputStep, count, tile.lanes[j]);
        }
        if (neighbours) continue;
        if (steps.channel != 1) {
          forEach([&](int64_t there, int64_t here) { to.y[there] = memory[here]; });
          continue;
        }
        for (int j = 0; j < vectors; j++)
          writePixels(conv, memory + inOrder[j], tile.outputStep, count, tile.lanes[j],
                      to.y + work.places[v + j], columnStep);
      }
    }
  });
}

}  // namespace

void runChunk(const Conv& conv, const PackedFilter& filter, const LineChunk& chunk, const LineBuffer& buffer,
              Scratch& scratch, Output y) {
  const ConvGeometry& g = conv.geometry;
  const bool planes = writesPlanes(conv);
  const int64_t pixel = planes ? 1 : g.outputStride, row = g.outputSize.width * pixel;
  const OutputSteps steps{planes ? conv.positions() : 1, pixel, row, g.outputSize.height * row};
  const ColumnKernel columns = pixel == 1 ? columnKernelOf(conv) : nullptr;
  LineWork work(conv, chunk, scratch);
  for (std::size_t i = 0; i < conv.grids.size(); i++) {
    const Grid& grid = conv.grids[i];
    if (chunk.plane >= grid.depth.output) continue;
    findTaps(conv, chunk, buffer, conv.reaches[i], work);
    findVectors(conv, chunk, buffer, grid, steps, columns != nullptr ? kColumnRows : 1, work);
    const Output to = y + chunk.image * conv.outputFloats();
    if (columns != nullptr) runColumns(conv, filter, chunk, buffer, columns, steps, work, to);
    else runTiles(conv, filter, chunk, buffer, steps, work, grid.step.width * steps.column, scratch, to);
  }
}

}  // namespace convkit
