// Grouped and depthwise convolutions of kernel width 3, 5 or 7: lines of neighbouring output columns go
// through kernels that share loads between columns and weights between lines. Every input row that a chunk
// reads becomes a table of pointers to its pixels and its padding, so the edges are no case of their own.
#include <algorithm>

#include "conv/division.h"
#include "conv/plan.h"

namespace convkit {
namespace {

constexpr int64_t kPositionsPerChunk = 512;
constexpr int64_t kChunksPerThread = 4;

using Pixels = const float* const*;

// Output columns remainder + i * apart, i in [begin, end), of lines (output rows of the batch) [lineBegin,
// lineEnd), blocks [blockBegin, blockEnd) of their channels.
struct Chunk {
  int64_t lineBegin, lineEnd, remainder, begin, end, blockBegin, blockEnd;
  int64_t lines() const { return lineEnd - lineBegin; }
  int64_t columns() const { return end - begin; }
};

// The input rows of a chunk.
struct RowTables {
  Pixels zeros;  // a row of padding
  Pixels* rows;  // [lines][kernelRows]: the pixels below a line from its first column on; null: padding
};

// The input column that a chunk's columns read as their `v`th.
int64_t columnOf(const Conv& conv, const Chunk& chunk, int64_t v) {
  const Axis& width = conv.grids[0].width;
  const int64_t column = (chunk.begin * conv.runs.stride + v) * width.dilation;
  if (!conv.runs.mirrored)
    return sourceIndex(chunk.remainder * width.stride + column - width.padBegin, width.input,
                       conv.geometry.paddingMode);
  // Counted from the right, over pixels `stride` apart
  const int64_t last = (width.input - 1) * width.stride;
  const int64_t at = last - (chunk.remainder + column - (width.output - 1 - last + width.padBegin));
  return at < 0 || at > last || at % width.stride != 0 ? kPadding : at / width.stride;
}

RowTables makeTables(const Conv& conv, const float* x, const Chunk& chunk, Scratch& scratch) {
  const ConvGeometry& g = conv.geometry;
  const Axis &depth = conv.grids[0].depth, &height = conv.grids[0].height, &width = conv.grids[0].width;
  const int64_t count = chunk.lines() * depth.kernel * height.kernel;
  const int64_t columns = (chunk.columns() - 1) * conv.runs.stride + width.kernel;
  const auto bytes = [](int64_t pointers) { return static_cast<std::size_t>(pointers) * sizeof(void*); };
  auto** const pixels = static_cast<const float**>(scratch.bytes(0, bytes((count + 1) * columns)));
  auto* const rows = static_cast<Pixels*>(scratch.bytes(1, bytes(count)));
  auto** const sources = static_cast<const float**>(scratch.bytes(2, bytes(count)));  // of each table

  // Where the columns lie in a row, the same for all of them
  auto* const offsets = static_cast<int64_t*>(scratch.bytes(3, static_cast<std::size_t>(columns) * 8));
  for (int64_t v = 0; v < columns; v++) {
    const int64_t from = columnOf(conv, chunk, v);
    offsets[v] = from == kPadding ? kPadding : from * g.inChannels;
    pixels[v] = conv.zeros.data();
  }

  // One table an input row, however many lines read it; the last ones are the likeliest
  int64_t tables = 0;
  Pixels* to = rows;
  for (int64_t line = chunk.lineBegin; line < chunk.lineEnd; line++) {
    const int64_t plane = line / height.output;
    const float* image = x + plane / depth.output * g.inputSize.product() * g.inChannels;
    for (int64_t kd = 0; kd < depth.kernel; kd++) {
      for (int64_t kh = 0; kh < height.kernel; kh++) {
        const int64_t z = depth.taps(plane % depth.output)[kd], row = height.taps(line % height.output)[kh];
        *to++ = nullptr;
        if (z == kPadding || row == kPadding) continue;
        const float* source = image + (z * height.input + row) * width.input * g.inChannels;
        int64_t t = tables - 1;
        while (t >= 0 && sources[t] != source) t--;
        const float** table = pixels + ((t >= 0 ? t : tables) + 1) * columns;
        to[-1] = table;
        if (t >= 0) continue;
        sources[tables++] = source;
        for (int64_t v = 0; v < columns; v++)
          table[v] = offsets[v] == kPadding ? conv.zeros.data() : source + offsets[v];
      }
    }
  }
  return {pixels, rows};
}

// Every block of the chunk through one kernel.
void runBlocks(const Conv& conv, const PackedFilter& filter, const Chunk& chunk, RunKernel kernel,
               GroupedRun& run) {
  const int64_t lanes = conv.kernels->lanes, outChannels = conv.geometry.outChannels;
  const auto call = [&](int64_t first, int64_t blocks, int64_t inputs, int64_t outputs) {
    run.blocks = blocks;
    run.base = first * filter.blockInputs;
    run.output = first * filter.blockOutputs;
    run.inputs = static_cast<int>(inputs);
    run.outputs = static_cast<int>(outputs);
    run.panel = filter.weights.data() + first * conv.taps() * run.depth * lanes;
    run.bias = filter.bias.data() + first * lanes;
    kernel(run);
  };
  const int64_t wholeEnd = std::min(filter.wholeBlocks, chunk.blockEnd);
  if (wholeEnd > chunk.blockBegin)
    call(chunk.blockBegin, wholeEnd - chunk.blockBegin, lanes, filter.blockOutputs);
  for (int64_t b = std::max(wholeEnd, chunk.blockBegin); b < chunk.blockEnd; b++)
    call(b, 1, std::min(lanes, conv.geometry.inChannels - b * filter.blockInputs),
         std::min(filter.blockOutputs, outChannels - b * filter.blockOutputs));
}

// The `i`th of `count` lines where those that leave the same remainder by `step` come together.
int64_t ordered(int64_t i, int64_t count, int64_t step) {
  for (int64_t remainder = 0;; remainder++) {
    const int64_t own = ceilDivide(count - remainder, step);
    if (i < own) return remainder + i * step;
    i -= own;
  }
}

// `parts` neighbouring parts of a line, each of `count` pieces of as many columns; the first begins at column
// `first`. A part counts as a line of its own.
struct Pieces {
  int64_t first, parts, count, columns;
};

void runPieces(const Conv& conv, const PackedFilter& filter, const Chunk& chunk, const RowTables& tables,
               const Pieces& pieces, Output y, Scratch& scratch) {
  const ConvGeometry& g = conv.geometry;
  const int64_t kernelRows = conv.grids[0].depth.kernel * conv.grids[0].height.kernel;
  const int64_t channelBegin = chunk.blockBegin * filter.blockOutputs,
                channelEnd = std::min(g.outChannels, chunk.blockEnd * filter.blockOutputs);
  const int64_t height = conv.runs.lines;
  const std::size_t pointers = static_cast<std::size_t>(kernelRows * height);
  auto* const lines = static_cast<Pixels*>(scratch.bytes(3, pointers * sizeof(Pixels)));
  GroupedRun run{};
  run.lines = lines;
  run.pieces = pieces.count;
  run.kernelRows = kernelRows;
  run.depth = conv.groupInputs();
  run.inputStep = filter.blockInputs;
  run.outputStep = filter.blockOutputs;
  run.index = filter.index.data();
  run.ldc = (conv.runs.mirrored ? -conv.runs.apart : conv.runs.apart) * g.outputStride;
  run.low = conv.low;
  run.high = conv.high;

  // Of a transposed convolution, lines that leave the same remainder by the stride read the same kernel rows
  const int64_t together = conv.runs.mirrored ? g.stride.height : 1;
  // A spare line repeats the last, and writes nothing
  const int64_t total = chunk.lines() * pieces.parts;
  for (int64_t q = 0; q < total; q += height) {
    int64_t line[kRunLines], column[kRunLines];
    for (int64_t p = 0; p < height; p++) {
      const int64_t at = std::min(q + p, total - 1);
      line[p] = ordered(at % chunk.lines(), chunk.lines(), together);
      column[p] = pieces.first + at / chunk.lines() * pieces.columns * pieces.count;
      const int64_t seen = chunk.remainder + (chunk.begin + column[p]) * conv.runs.apart;
      const int64_t w = conv.runs.mirrored ? g.outputSize.width - 1 - seen : seen;
      const int64_t position = (chunk.lineBegin + line[p]) * g.outputSize.width + w;
      const Output to = y + position * g.outputStride;
      run.c[p] = q + p < total ? to.y : nullptr;
      run.residual[p] = to.residual;
    }
    for (int64_t r = 0; r < kernelRows; r++) {
      bool any = false;
      for (int64_t p = 0; p < height; p++) {
        const Pixels row = tables.rows[line[p] * kernelRows + r];
        any |= row != nullptr;
        lines[r * height + p] = (row == nullptr ? tables.zeros : row) + column[p] * conv.runs.stride;
      }
      if (!any) lines[r * height] = nullptr;
    }
    runBlocks(conv, filter, chunk, conv.runs.kernels[pieces.columns], run);
    if (!conv.activateApart) continue;
    for (int64_t p = 0; p < height && q + p < total; p++)
      activateRows(conv, run.c[p] + channelBegin, run.ldc, static_cast<int>(pieces.columns * pieces.count),
                   channelEnd - channelBegin);
  }
}

// Into how many parts to cut lines of `pieces` pieces: as many as leave the fewest lines of a kernel spare.
int64_t countParts(int64_t lines, int64_t height, int64_t pieces) {
  int64_t best = 1;
  const auto calls = [=](int64_t parts) {  // of one piece each, for all lines
    return ceilDivide(lines * parts, height) * (pieces / parts) +
           ceilDivide(lines * (pieces % parts), height);
  };
  for (int64_t parts = 2; parts <= std::min(height, pieces); parts++)
    if (calls(parts) < calls(best)) best = parts;
  return best;
}

// All pieces of a chunk.
void runChunk(const Conv& conv, const PackedFilter& filter, const float* x, const Chunk& chunk, Output y,
              Scratch& scratch) {
  if (chunk.columns() == 0) return;
  const RowTables tables = makeTables(conv, x, chunk, scratch);
  const int64_t pieces = ceilDivide(chunk.columns(), conv.runs.columns);
  const int64_t shorter = chunk.columns() / pieces, longer = shorter + 1, odd = chunk.columns() % pieces;
  const auto run = [&](int64_t first, int64_t count, int64_t length) {
    const int64_t parts = countParts(chunk.lines(), conv.runs.lines, count), whole = count / parts * parts;
    if (whole > 0) runPieces(conv, filter, chunk, tables, {first, parts, count / parts, length}, y, scratch);
    if (count > whole)
      runPieces(conv, filter, chunk, tables, {first + whole * length, count - whole, 1, length}, y, scratch);
  };
  run(0, odd, longer);
  run(odd * longer, pieces - odd, shorter);
}

constexpr int64_t kWorthCutting = 8;  // columns

// Whether few lines are left to threads as runs of positions, as those have made the input: what they read is
// then in their own caches, but for a line or two. MobileNetV2, two threads: 96 channels in strips of 7 lines
// 9.3 us each with shares of the channels, 6.4 so; 576 at 14x14 11.7 and 10.9.
bool goesByLines(const Conv& conv, const Input& input, int64_t lines) {
  const OtherConv& maker = input.maker;
  if (maker.conv == nullptr || maker.conv->kind != FilterKind::dense || conv.runs.apart != 1) return false;
  const int64_t threads = threadCount(), width = conv.geometry.outputSize.width;
  if (lines < threads || (lines % threads != 0 && width < threads * kWorthCutting)) return false;
  return Division(*maker.conv, *maker.filter, maker.batch * maker.conv->positions()).isByPositions();
}

// A thread's share: lines, and parts of the first and the last one where they cannot be dealt out evenly.
void runByLines(const Conv& conv, const PackedFilter& filter, const float* x, Output y, int64_t lines,
                const CancelFlag* cancelled) {
  const int64_t width = conv.geometry.outputSize.width;
  const int64_t threads = threadCount(), perLine = lines % threads == 0 ? 1 : threads;
  const int64_t shares = lines % (2 * threads) == 0 ? 2 * threads : threads;
  parallelFor(shares, cancelled, [&](int64_t share, Scratch& scratch) {
    const int64_t end = lines * perLine * (share + 1) / shares;
    for (int64_t part = lines * perLine * share / shares; part < end;) {
      const int64_t line = part / perLine, from = part % perLine;
      const int64_t whole = from == 0 ? (end - part) / perLine : 0;
      const int64_t to = whole > 0 ? perLine : std::min(perLine, from + end - part);
      runChunk(conv, filter, x,
               {line, line + std::max<int64_t>(whole, 1), 0, width * from / perLine, width * to / perLine, 0,
                filter.blocks},
               y, scratch);
      part += whole > 0 ? whole * perLine : to - from;
    }
  });
}

}  // namespace

void runGroupedRuns(const Conv& conv, const PackedFilter& filter, const Input& input, Output y, int64_t batch,
                    const CancelFlag* cancelled) {
  const Triple& out = conv.geometry.outputSize;
  const int64_t lines = batch * out.depth * out.height, apart = conv.runs.apart;
  const int64_t remainders = std::min(apart, out.width), perLine = ceilDivide(out.width, apart);
  const int64_t lineBlocks =
      ceilDivide(lines, std::max<int64_t>(conv.runs.lines, kPositionsPerChunk / perLine));
  const int64_t columnBlocks = ceilDivide(perLine, kPositionsPerChunk / conv.runs.lines);
  const int64_t positionBlocks = lineBlocks * remainders * columnBlocks;
  // Small images leave threads their shares of the channels
  const int64_t threads = threadCount(), wanted = threads > 1 ? threads * kChunksPerThread : 1;
  const int64_t channelBlocks = std::min(filter.blocks, ceilDivide(wanted, positionBlocks));
  if (positionBlocks == 1 && channelBlocks > 1 && goesByLines(conv, input, lines))
    return runByLines(conv, filter, input.x, y, lines, cancelled);

  parallelFor(positionBlocks * channelBlocks, cancelled, [&](int64_t index, Scratch& scratch) {
    const int64_t channelBlock = index % channelBlocks, columnBlock = index / channelBlocks % columnBlocks,
                  rest = index / channelBlocks / columnBlocks;
    const int64_t remainder = rest % remainders, lineBlock = rest / remainders;
    const int64_t columns = ceilDivide(out.width - remainder, apart);
    runChunk(
        conv, filter, input.x,
        {lines * lineBlock / lineBlocks, lines * (lineBlock + 1) / lineBlocks, remainder,
         columns * columnBlock / columnBlocks, columns * (columnBlock + 1) / columnBlocks,
         filter.blocks * channelBlock / channelBlocks, filter.blocks * (channelBlock + 1) / channelBlocks},
        y, scratch);
  });
}

}  // namespace convkit
