// The table of kernels that one instruction set offers. Everything outside native/isa/<isa>.cpp is compiled
// for the baseline processor and reaches the raised instruction sets only through these pointers.
#pragma once

#include <cstdint>

#include "isa/elements.h"
#include "isa/flat_kernels.h"
#include "isa/line_kernels.h"

namespace convkit {

constexpr int kMaxVectors = 4;    // widest filter panel, in vectors
constexpr int kMaxLanes = 16;     // floats in the longest vector
constexpr int kMaxRows = 14;      // tallest tile, in output positions
constexpr int kTailChannels = 1;  // most channels beyond whole vectors that take no vector of their own
constexpr int kOuterVectors = 2;  // widest tile of a weight gradient, in vectors

// Tiles of outputs end in clamp(sum + bias + residual, low, high): the residual lies like the outputs, and
// null means none.

// One tile of an indirect matrix product: `rows` output positions by a panel of `vectors` vectors of filters.
//   c[i][n] = (first ? 0 : c[i][n]) + sum over taps t, k < depth of rows[t * height + i][offset + k * step] *
//   panel[t][k][n] and where `last`: c[i][n] = clamp(c[i][n] + bias[n] + residual[i][n], low, high), or +
//   bias[i] with rowBias
// A tap whose first pointer is null is padding for the whole tile: it is skipped. The panel advances all the
// same.
struct GemmTile {
  const float* const* rows;  // [taps][height]
  int64_t taps, depth, offset;
  const float* panel;  // [taps][depth][vectors * lanes]
  float* c;
  int64_t ldc;                      // floats from one output position to the next
  const float* bias;                // [vectors * lanes], padded with zeros; with rowBias [height]
  const float* residual = nullptr;  // may be c
  int tail;                         // lanes of the last vector that exist in c: 1..lanes
  int64_t step = 1;
  int64_t panelStep = 0;  // floats from one step of the panel to the next; 0: they follow one another
  bool rowBias = false;
  bool first, last;
  bool outputsFetched = false;  // c is in the second-level cache, or on its way there
  float low, high;              // -inf and +inf where there is nothing to clamp
  // Where rows keep a channel beyond whole vectors apart, a row a lane, whole vectors of them: the inputs of
  // one more step after the taps (null: none), and where an output goes instead of to c.
  const float* beyond = nullptr;
  float* tails = nullptr;
  // What is wanted in the second-level cache next: two lines a step, `apart` floats apart and nextStep
  // further on each time.
  const float* next = nullptr;
  int64_t nextStep = 0, apart = 16;
};
using GemmKernel = void (*)(const GemmTile&);

// One tile of a convolution whose groups are narrower than a vector: `height` output positions by `blocks`
// blocks of output channels, each a vector of whole groups. Lane l of step k reads input channel base +
// index[l] + k:
//   c[i][l] = clamp(sum over taps t, k < depth of rows[t * height + i][base + index[l] + k] * panel[t][k][l]
//   + bias[l] + residual[i][l])
// The next block starts inputStep input channels and outputStep output channels further on.
struct GroupedTile {
  const float* const* rows;  // [taps][height], null as above
  int64_t taps, depth;
  int64_t blocks, inputStep, outputStep;
  int64_t base;          // first input channel of the first block
  const int32_t* index;  // [lanes], index[l] + depth <= lanes
  int inputs;            // input channels that may be read from a block's base on: 1..lanes
  int outputs;           // output channels to write of each block: 1..lanes
  const float* panel;    // [blocks][taps][depth][lanes]
  const float* bias;     // [blocks][lanes]
  const float* residual = nullptr;
  float* c;
  int64_t ldc;
  float low, high;
};
using GroupedKernel = void (*)(const GroupedTile&);

// How a run brings input channels to the lanes of a block: one channel a lane, each lane the channel of its
// group, or one group whose channels all lanes share.
enum class RunInput { channels, permuted, broadcast };
constexpr int kRunInputs = 3;

constexpr int kMostDepth = 8;   // most channels of a group that shares a vector with another
constexpr int kRunLines = 4;    // most lines of neighbouring outputs that share weights
constexpr int kRunColumns = 8;  // most outputs of one line
constexpr int kRunKernels = 3;  // kernel widths 3, 5 and 7
constexpr int kRunStrides = 2;  // columns of the input from one output to the next: 1 or 2

// `height` lines of neighbouring output columns of a grouped convolution, by `blocks` blocks of output
// channels; height, columns, kernel width and stride fixed by the kernel. Lane l of column i of line p:
//   c[p][i * ldc + output + l] = clamp(sum over kernel rows r, kernel columns n, k < depth of
//   lines[r * height + p][i * stride + n][channel] * panel[r][n][k][l] + bias[l] + residual[p][...])
// where channel is base + l, base + index[l] + k or base + k, as RunInput says. `pieces` such runs follow
// each other along the lines. The next block starts inputStep input channels and outputStep output channels
// further on.
struct GroupedRun {
  // [kernelRows][height]: the pixels below each line; null first: padding for all of them
  const float* const* const* lines;
  int64_t pieces;
  int64_t kernelRows, depth;  // depth: 1 where a lane has its own channel
  int64_t blocks, inputStep, outputStep;
  int64_t base, output;  // first input and output channel of the first block
  const int32_t* index;  // [lanes], index[l] + depth <= lanes
  int inputs;            // input channels that may be read from a block's base on: 1..lanes
  int outputs;           // output channels to write of each block: 1..lanes
  const float* panel;    // [blocks][kernelRows][kernel width][depth][lanes]
  const float* bias;     // [blocks][lanes]
  const float* residual[kRunLines] = {};
  float* c[kRunLines];  // null: a line that only fills up
  int64_t ldc;
  float low, high;
};
using RunKernel = void (*)(const GroupedRun&);

struct RunFamily {
  int lines, columns;                                            // of its largest kernel
  RunKernel kernels[kRunKernels][kRunStrides][kRunColumns + 1];  // [(width - 3) / 2][stride - 1][columns]
};

// Transforms of one Winograd tile of m x m outputs; its side is m + 2.
struct WinogradInput {
  const float* const* pixels;  // [side * side], rows of the tile first; zeros where a tap is padding
  int64_t channels;
  float* v;      // of element 0; whole vectors are written, the last one filled up with zeros
  int64_t step;  // floats from one element to the next
};
// The 3x3 filters of one input channel, `width` output channels in whole vectors, computed in double and
// rounded once.
struct WinogradFilter {
  const float* g;  // tap t at g + t * gStep
  int64_t gStep, width;
  float* to;  // of element 0
  int64_t step;
};
// Sums of products of a pair of transforms, of one input channel and `channels` output channels, back to the
// taps of their weights' gradients.
struct WinogradGradient {
  const float* m;  // of element 0, in whole vectors
  int64_t step, channels;
  float* to;  // of tap 0
  int64_t toStep;
};
struct WinogradOutput {
  const float* m;  // of element 0, in whole vectors
  int64_t step, channels;
  const float* bias;              // in whole vectors
  const float* const* residuals;  // of each output
  float* const* outputs;          // [m * m], null beyond the image
  float low, high;
};

// Output positions whose operands follow one another by constant steps.
struct OuterRun {
  const float *rows, *lanes;  // of the first position
  int64_t positions;
};

// One chunk of a weight gradient, `height` channels of one operand by `vectors` vectors of channels of the
// other:
//   c[i][n] = (first ? +0 : c[i][n]) + sum over runs, positions p of rows[p * rowStep + rowOffset + i] *
//   lanes[p * laneStep + laneOffset + n]
// where the sum is one chain from +0. A diagonal one has the same channel of both operands, and no offsets.
struct OuterTile {
  const OuterRun* run;
  int64_t runs;
  int64_t rowOffset, laneOffset, rowStep, laneStep;
  float* c;
  int64_t ldc;
  int tail;  // lanes of the last vector that exist: 1..lanes
  bool first;
};
using OuterKernel = void (*)(const OuterTile&);

// Output columns [begin, end) of a line of a depthwise convolution: the input row that a kernel row reads,
// from its first pixel on, and the upstream gradient, from column 0 on.
struct ChannelLine {
  const float *x, *upstream;
  int64_t begin, end;
};

// One chunk of the weight gradient of a depthwise kernel row without dilation, over zero padding; kernel
// width and stride fixed by the kernel. Tap k of channel n, one chain from +0:
//   c[k * channels + n] = (first ? +0 : c[k * channels + n]) + sum over lines, columns w of
//   x[(w * stride - padBegin + k) * channels + n] * upstream[w * channels + n]
struct ChannelSums {
  const ChannelLine* line;
  int64_t lines, channels;
  int64_t inputWidth, padBegin;
  int64_t insideBegin, insideEnd;  // columns none of whose taps is padding
  float* c;
  bool first;
};
using ChannelKernel = void (*)(const ChannelSums& sums, int64_t begin, int64_t end);  // channels [begin, end)

// One chunk of the weight gradient of a tap, for a block of groups narrower than a vector; depth fixed by the
// kernel. Lane l of input channel k of its group:
//   c[k * ldc + l] = (first ? +0 : c[k * ldc + l]) + sum over runs, positions p of
//   rows[p * inputStep + input + index[l] + k] * lanes[p * outputStep + output + l]
struct GroupedSums {
  const OuterRun* run;
  int64_t runs, inputStep, outputStep;
  int64_t input, output;  // first channels of the block
  const int32_t* index;   // [lanes], index[l] + depth <= lanes
  int inputs, outputs;    // channels of the block: 1..lanes
  float* c;
  int64_t ldc;
  bool first;
};

// Pools one output position over `channels` channels-last channels. Taps are given by pointer, in kernel
// order.
struct PoolTile {
  const float* const* taps;
  int64_t count;
  int64_t channels;
  float divisor;  // read by average only
  float* y;
};
using PoolKernel = void (*)(const PoolTile&);

// Adds the gradient of one pooled position to those of the positions it came from, given as above.
struct PoolGradientTile {
  const float* const* taps;  // read by max only
  float* const* gradients;   // [count]
  int64_t count;
  int64_t channels;
  float divisor;  // read by average only
  const float* upstream;
};
using PoolGradientKernel = void (*)(const PoolGradientTile&);

// One row of a sparse matrix times x [any number, width]: y[n] = sum of values[e] * x[columns[e]][n], from
// +0, then +0.
struct SparseRow {
  const int32_t* columns;
  const float* values;
  int64_t entries;
  const float* x;
  int64_t width;
  float* y;
};

// The sum of the rows of a matrix: y[c] = sum of x[r * step + c] over r < rows, one chain from +0. c <
// columns.
struct RowSum {
  const float* x;
  int64_t rows, step, columns;
  float* y;
};

// Sums of a row in each lane: sum[r] = sum over c of x[c][r], and squares[r] = sum over c of (x[c][r] -
// mean[r])^2, each one chain in double from +0.
struct LaneSums {
  const float* x;  // [channels][lanes]
  int64_t channels;
  const double* mean;  // [lanes], or null for sums
  double* y;           // [lanes]
};

// One row normalised by its own mean and variance, whose inverse deviation is `inverse`, as norm/norm.h says;
// null: ones, zeros, none.
struct LayerRow {
  const float *x, *weight, *bias, *residual;
  int64_t channels;
  double inverse, mean;
  float low, high;
  float* y;
};

// Outputs of a side of an image of bytes: each the sum of `count` neighbours from `start` on, times weights.
struct ByteTaps {
  const int32_t *start, *count, *weight;  // weight [outputs][taps]
  int64_t taps, outputs;
};
constexpr int kByteRows = 16;  // rows of bytes that are resized together

// kByteRows rows resized along their length, `count` of which are wanted:
//   y[r][p][c] = byte((2^21 + sum over k < taps.count[p] of weight[p][k] * rows[r][start[p] - first + k][c])
//   >> 22)
struct ByteRows {
  const uint8_t* const* rows;  // [kByteRows], from pixel `first` on
  int count;
  int64_t channels, first, width;  // pixels read: [first, first + width)
  ByteTaps taps;
  uint8_t *gathered,
      *results;  // working memory: [width][channels][kByteRows], [outputs][channels][kByteRows]
  uint8_t* y;
};

// One row made of `count` rows that follow one another: y[i] = byte((2^21 + sum over k of weight[k] *
// x[k * width + i]) >> 22)
struct ByteColumns {
  const uint8_t* x;
  int64_t width, count;
  const int32_t* weight;
  uint8_t* y;
};

struct Kernels {
  const char* name;
  int lanes;
  int rows[kMaxVectors + 1];  // [vectors]: the tallest tile for a panel that wide; 0 where there is none
  // [vectors][height]. The first knows no steps but 1, no panel step and no row bias.
  GemmKernel gemm[kMaxVectors + 1][kMaxRows + 1], steppedGemm[kMaxVectors + 1][kMaxRows + 1];
  // [vectors][channels of the last][height]: the same for a panel whose last vector holds few channels and
  // whose taps have tailDepth channels at least; null where there is none.
  GemmKernel tails[kMaxVectors + 1][kTailChannels + 1][kMaxRows + 1];
  int tailDepth;
  // [vectors][height]: gemm where rows keep an input beyond whole vectors apart; tails of one channel where
  // they keep the output apart, and the input as well if it is not null. Null where there is none.
  GemmKernel beyond[kMaxVectors + 1][kMaxRows + 1], apart[kMaxVectors + 1][kMaxRows + 1];
  int outerRows[kOuterVectors + 1];                                     // [vectors]: the tallest outer tile
  OuterKernel outer[kOuterVectors + 1][kMaxRows + 1];                   // [vectors][height]
  void (*diagonal)(const OuterTile& tile, int64_t begin, int64_t end);  // channels [begin, end)
  ChannelKernel channelSums[kRunKernels][kRunStrides];                  // [(width - 3) / 2][stride - 1]
  void (*groupedSums[kMostDepth + 1])(const GroupedSums& sums);         // [depth]; null beyond half a vector
  void (*copyRows)(const RowCopy& copy);
  void (*splitRows)(const RowCopy& copy);
  // [planes]: to[i * planes + p] = from[p * fromStep + i] for i < count
  void (*interleave[kMostInterleaved + 1])(const float* from, int64_t fromStep, int64_t count, float* to);
  LineKernel lines[2][kLineOutputs + 1];                // [few vectors][output channels]
  ColumnKernel column[kColumnKernels][kColumnStrides];  // [(kernel size - 3) / 2][stride - 1]
  int groupedRows;                                      // tallest grouped and depthwise tile
  GroupedKernel grouped[kMaxRows + 1];                  // [height]
  GroupedKernel depthwise[kMaxRows + 1];                // [height]: depth 1, index[l] = l
  RunFamily runs[kRunInputs];
  int flatRows;                                         // tallest flat run
  FlatKernel flat[kFlatRows + 1];                       // [height]
  void (*winogradInput[2])(const WinogradInput& tile);  // [m / 2 - 1]: F(2x2), F(4x4)
  void (*winogradOutput[2])(const WinogradOutput& tile);
  void (*winogradFilter[2])(const WinogradFilter& filter);
  void (*winogradUpstream)(const WinogradInput& tile);  // F(3x3, 4x4), pixels [16]
  void (*winogradGradient)(const WinogradGradient& sums);
  PoolKernel maxPool, averagePool;
  PoolGradientKernel maxPoolGradient, averagePoolGradient;
  void (*sparseRow)(const SparseRow& row);
  void (*sumRows)(const RowSum& sum);
  // Rows of a softmax, as native/softmax/kernels.h describes them.
  float (*rowMaximum)(const float* x, int64_t n);
  float (*rowExponentials)(const float* x, float m, float* y, int64_t n);
  float (*rowSum)(const float* a, const float* b, int64_t n);
  void (*rowDivide)(float* y, float divisor, int64_t n);
  void (*rowScale)(float* y, float factor, int64_t n);
  void (*rowSubtract)(const float* x, float first, float second, float* y, int64_t n);
  void (*rowSoftmaxGradient)(bool log, const float* y, const float* upstream, float sum, float* gradient,
                             int64_t n);
  void (*rowCrossEntropyGradient)(const float* x, float factor, float share, const float* weight,
                                  float* gradient, int64_t n);
  void (*activate)(Activation kind, ActivationParameters, const ElementRows& rows);
  // gradient[i] = upstream[i] * the derivative; values[i] is the result of relu, relu6, sigmoid and tanh, the
  // argument of the others
  void (*activateGradient)(Activation kind, ActivationParameters, const float* values, const float* upstream,
                           float* gradient, int64_t n);
  void (*momentRows)(const MomentRows& rows);
  void (*affineRows)(const AffineRows& rows);
  void (*laneSums)(const LaneSums& sums);
  void (*layerRow)(const LayerRow& row);
  void (*normSumRows)(const NormSumRows& rows);
  void (*normGradientRows)(const NormGradientRows& rows);
  void (*responseSums)(const ResponseRow& row);
  void (*responseDivide)(const ResponseRow& row);
  void (*responseShares)(const ResponseRow& row);
  void (*responseGradient)(const ResponseRow& row);
  // y[i] = a[i * aStep] and b[i * bStep] combined; a step of 0 repeats one number, the other is 1
  void (*combine)(Arithmetic kind, const float* a, int aStep, const float* b, int bStep, float* y, int64_t n);
  void (*modulus)(const float* x, float* y, int64_t n);  // n complex numbers
  void (*scale)(float factor, const float* x, float* y, int64_t n);
  void (*clamp)(float low, float high, const float* x, float* y, int64_t n);
  float (*sumSquares)(const float* x, int64_t n);
  void (*sgd)(const SgdStep& step, float* parameter, const float* gradient, float* momentum, int64_t n);
  void (*adam)(const AdamStep& step, float* parameter, const float* gradient, float* mean, float* variance,
               float* largest, int64_t n);
  // gradient[2i], gradient[2i + 1] = upstream[i] times x[2i], x[2i + 1] over their modulus; 0 where that is 0
  void (*modulusGradient)(const float* x, const float* upstream, float* gradient, int64_t n);
  void (*resizeBytesAlong)(const ByteRows& rows);
  void (*resizeBytesAcross)(const ByteColumns& columns);
  // dst[c * dstStride + r] = src[r * srcStride + c]
  void (*transpose)(const float* src, int64_t srcStride, float* dst, int64_t dstStride, int64_t rows,
                    int64_t columns);
  int64_t (*peak)(
      int64_t rounds);  // independent FMA chains; gives the number of floating-point operations done
  float (*sum)(const float* x, int64_t n);  // reads memory as fast as it can; only for measuring bandwidth
};

// For tiles of so many rows, so many channels a tap, and a panel whose last vector holds `tail` channels: the
// micro-kernel that makes no vector of those, null where there is none, and the one that does otherwise.
inline GemmKernel tailKernel(const Kernels& kernels, int vectors, int tail, int64_t depth, int height) {
  return tail <= kTailChannels && depth >= kernels.tailDepth ? kernels.tails[vectors][tail][height] : nullptr;
}
inline GemmKernel gemmKernel(const Kernels& kernels, int vectors, int tail, int64_t depth, int height) {
  const GemmKernel few = tailKernel(kernels, vectors, tail, depth, height);
  return few != nullptr ? few : kernels.gemm[vectors][height];
}

}  // namespace convkit
