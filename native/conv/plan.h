// What makeConv and packFilter leave behind for the drivers; private to native/conv.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "conv/axis.h"
#include "conv/conv.h"

namespace convkit {

inline int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// How the kernels see a filter. It depends on channels, groups and the vector length alone, so one packed
// filter serves every image size. (How wide the panels of a Winograd filter are follows the size it was
// packed for; they serve any.)
enum class FilterKind {
  dense,      // panels of up to kMaxVectors vectors of one group's output channels
  grouped,    // blocks of one vector holding one or several whole groups
  depthwise,  // the same with one input and one output channel a group
  winograd,   // dense panels for each element of a transformed tile
};

// How a dense convolution brings its input to the micro-kernel; the chains are the same.
enum class DenseSource {
  indirect,  // a pointer per tap and output position, into the input itself
  bands,     // few channels: padded input rows in a buffer, where a kernel row is one contiguous run
};

// Output positions that share their pattern of taps: all of a convolution's; of a transposed one's those that
// leave the same remainder by the stride, since the others' taps fall between input positions.
struct Grid {
  Axis depth, height, width;
  Triple start, step;  // position p of the grid is output position start + p * step

  int64_t positions() const { return depth.output * height.output * width.output; }
};

struct Range;

// What the positions of a grid read along one axis: position p at tap k the input position p * scale +
// shift[k], which may lie in the padding; nothing where the shift is kNowhere.
constexpr int64_t kNowhere = std::numeric_limits<int64_t>::min();
struct Reach {
  int64_t scale;
  std::vector<int64_t> shifts;

  Reach(const ConvGeometry&, int64_t Triple::*axis, int64_t start);
  // Adds what positions [begin, end) read.
  void addTo(Range& range, int64_t begin, int64_t end) const;
};
struct GridReach {
  Reach depth, height, width;
};

// Lines of outputs that share loads. Outputs `apart` columns apart read input columns `stride` taps apart.
struct Runs {
  const RunKernel* kernels = nullptr;  // [columns]; null where tiles have to do
  int lines = 0, columns = 0;          // of the largest of them
  int64_t apart = 1, stride = 1;
  // A transposed convolution is a plain one of stride 1 that sees its columns from right to left, its pixels
  // as far apart as the stride says and zeros between them
  bool mirrored = false;
};

struct Conv {
  ConvGeometry geometry;
  const Kernels* kernels;
  FilterKind kind;
  DenseSource source;              // where kind is dense
  Runs runs;                       // where kind is grouped or depthwise
  bool lines;                      // positions in the lanes, whatever the kind
  std::vector<Grid> grids;         // one, where not transposed
  std::vector<GridReach> reaches;  // of each grid, where `lines`
  std::vector<float> zeros;        // what a tap in zero padding reads: a pixel's channels and one vector more
  float low, high;                 // the part of the activation that is a clamp
  bool activateApart;              // the rest of it is a pass over the finished tile

  int64_t taps() const { return geometry.kernelSize.product(); }
  int64_t groupInputs() const { return geometry.inChannels / geometry.groups; }
  int64_t groupOutputs() const { return geometry.outChannels / geometry.groups; }
  int64_t positions() const { return geometry.outputSize.product(); }
  int64_t imageFloats() const { return geometry.inputStride * geometry.inputSize.product(); }
  int64_t outputFloats() const { return geometry.outputStride * positions(); }
};

// Whether a group's output channels end in so few beyond whole vectors that tiles of `depth` channels a tap
// make no vector of them.
inline bool endsInTail(const Conv& conv, int64_t depth) {
  const Kernels& kernels = *conv.kernels;
  const int64_t whole = (conv.groupOutputs() - 1) / kernels.lanes;
  const int tail = static_cast<int>(conv.groupOutputs() - whole * kernels.lanes);
  return whole > 0 && tailKernel(kernels, 2, tail, depth, kernels.rows[2]) != nullptr;
}

struct Panel {
  int64_t outChannel, outCount;  // output channels [outChannel, outChannel + outCount)
  int64_t inChannel;             // first input channel of its group
  int vectors, tail;             // tail: lanes of the last vector in use
  int64_t weights, bias;         // offsets in PackedFilter
};

class AlignedFloats {
 public:
  // 64-byte aligned, contents undefined, in the room where there is one that has as much left; throws
  // std::bad_alloc
  explicit AlignedFloats(std::size_t n, std::shared_ptr<FilterRoom> room = nullptr);
  ~AlignedFloats();
  AlignedFloats(const AlignedFloats&) = delete;
  AlignedFloats& operator=(const AlignedFloats&) = delete;
  float* data() { return data_; }
  const float* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::shared_ptr<FilterRoom> room_;  // where they lie; null: in memory of their own
  std::size_t bytes_ = 0;
  void* memory_ = nullptr;
  float* data_;
  std::size_t size_;
};

// Outputs of a Winograd tile along one axis, and elements of its transform.
inline int64_t winogradTile(Algorithm algorithm) { return algorithm == Algorithm::winograd4 ? 4 : 2; }
inline int64_t winogradElements(Algorithm algorithm) {
  const int64_t side = winogradTile(algorithm) + 2;
  return side * side;
}

// Input channels of a chain of Winograd's products; the chains of a product are added up in order. Longer
// ones err more, and 4x4 tiles multiply their error. Costs 2 % at 512 channels.
constexpr int64_t kWinogradChain = 256;

struct PackedFilter {
  const Kernels* kernels;
  int64_t inChannels, outChannels, groups;
  Triple kernelSize;
  bool transposed;
  Algorithm algorithm;
  FilterKind kind;
  AlignedFloats weights, bias;
  // dense
  std::vector<Panel> panels;
  int height;  // of the tiles
  // grouped and depthwise
  int64_t blockInputs, blockOutputs, blocks;  // channels from one block to the next; number of blocks
  int64_t wholeBlocks;         // leading blocks whose input spans a whole vector, and whose output is full
  std::vector<int32_t> index;  // [lanes]: input channel of a lane, relative to the block's base
};

// Floats from one element's panels to the next one's.
inline int64_t winogradSet(const PackedFilter& filter) {
  return static_cast<int64_t>(filter.weights.size()) / winogradElements(filter.algorithm);
}

// Copies the kernels of output channels [first, first + count) of one group, for input channels
// [channelBegin, channelEnd) of it: to[c - channelBegin][tap][n - first], `width` floats from tap to tap,
// zeros from `count` on. The taps are in the order of their kernel, or, of a transposed convolution that is
// `turned`, in reverse.
void copyKernels(const Conv&, const float* weight, int64_t first, int64_t count, int64_t channelBegin,
                 int64_t channelEnd, int64_t width, bool turned, float* to);
void fillPanels(const Conv&, const float* weight, PackedFilter&);    // of a dense filter
void fillWinograd(const Conv&, const float* weight, PackedFilter&);  // of one for each element of a tile

// Groups that a vector holds, inputs and outputs.
inline int64_t groupsPerBlock(const ConvGeometry& g, int lanes) {
  const int64_t widest = std::max(g.inChannels, g.outChannels) / g.groups;
  return std::max<int64_t>(1, lanes / widest);
}

// 1x1, stride 1, one group, channels-last: a product of matrices and nothing else.
bool isPlainPointwise(const ConvGeometry&);
const char* checkGeometry(const ConvGeometry&);  // null where all is well, otherwise the reason
// `split`: a transposed convolution's outputs by the remainders that they leave; otherwise one grid, where
// taps between input positions count as padding.
std::vector<Grid> makeGrids(const ConvGeometry&, bool split);

// Walks the output positions of a grid, of the whole batch, from `first` on: row by row or, of kernels of one
// row, column by column.
class RowCursor {
 public:
  RowCursor(const Conv&, const Grid&, const float* x, int64_t first, bool columns = false);
  // Pointers of the next tile: rows[tap * height + i] for its output position i; a tap that lies in zero
  // padding for every one of them gets a null first pointer.
  void fill(int height, const float** rows);

 private:
  void advance();

  const Conv& conv_;
  const Grid& grid_;
  const Axis &outer_, &inner_;
  int64_t outerStep_, innerStep_;  // floats of input
  const float* image_;
  const float* pixel_;  // where positions are the input's pixels in order: the next one; else null
  int64_t d_, o_, i_;
};

// Whether an array lies in another order than the drivers': theirs is channels-last.
inline bool readsPlanes(const Conv& conv) {
  const ConvGeometry& g = conv.geometry;
  return g.inputLayout == Layout::channelsFirst && g.inChannels > 1 && g.inputSize.product() > 1;
}
inline bool writesPlanes(const Conv& conv) {
  return conv.geometry.outputLayout == Layout::channelsFirst && conv.geometry.outChannels > 1 &&
         conv.positions() > 1;
}

// Dense convolutions that read either layout as it lies, while they copy it.
inline bool takesBands(const Conv& conv) {
  return conv.kind == FilterKind::dense && conv.source == DenseSource::bands && !conv.geometry.transposed;
}

// x and y channels-last, whatever the geometry says; x as it says where takesBands.
void runChannelsLast(const Conv&, const PackedFilter&, const Input& x, Output y, int64_t batch,
                     const CancelFlag*);
// x and y as the geometry says.
void runPlanes(const Conv&, const PackedFilter&, const float* x, Output y, int64_t batch, const CancelFlag*);

// 1x1 convolutions that read channels-first images as they lie.
bool isPointwise(const Conv&);
void runPointwise(const Conv&, const PackedFilter&, const float* x, Output y, int64_t batch,
                  const CancelFlag*);

void runTransposed(const Conv&, const PackedFilter&, const float* x, Output y, int64_t batch,
                   const CancelFlag*);
// 1x1 convolutions whose input is scaled on its way, or lies apart.
void runScaled(const Conv&, const PackedFilter&, const Input& x, Output y, int64_t batch, const CancelFlag*);

void runDense(const Conv&, const PackedFilter&, const Input& x, Output y, int64_t batch, const CancelFlag*);
void runWinograd(const Conv&, const PackedFilter&, const float* x, Output y, int64_t batch,
                 const CancelFlag*);
// x as the geometry says, y channels-last.
void runBands(const Conv&, const PackedFilter&, const float* x, Output y, int64_t batch, const CancelFlag*);
// Of either layout, as the geometry says.
bool takesLines(const Conv&);
std::vector<GridReach> reachesOf(const Conv&);
void runLines(const Conv&, const PackedFilter&, const float* x, Output y, int64_t batch, const CancelFlag*);
// Depthwise ones whose channels fill no whole number of vectors.
bool takesFlat(const Conv&);
void runFlat(const Conv&, const PackedFilter&, const float* x, Output y, int64_t batch, const CancelFlag*);
void runGroupedRuns(const Conv&, const PackedFilter&, const Input& x, Output y, int64_t batch,
                    const CancelFlag*);
void runGrouped(const Conv&, const PackedFilter&, const float* x, Output y, int64_t batch, const CancelFlag*);

// The activation where it is no clamp: over `rows` finished rows of `count` floats.
inline void activateRows(const Conv& conv, float* c, int64_t ldc, int rows, int64_t count) {
  const ConvGeometry& g = conv.geometry;
  conv.kernels->activate(g.activation, g.activationParameters, {c, c, count, rows, ldc});
}

}  // namespace convkit
