// Chooses how a convolution is computed, among ways that give the same bits, and runs it.
#include "conv/conv.h"

#include <limits>
#include <numeric>

#include "conv/plan.h"

namespace convkit {
namespace {

bool isDepthwise(const ConvGeometry& g) {
  return g.groups > 1 && g.inChannels == g.groups && g.outChannels == g.groups;
}

Runs findRuns(const ConvGeometry& g, const Kernels& kernels) {
  const int64_t width = g.kernelSize.width, common = std::gcd(g.stride.width, g.dilation.width);
  Runs runs;
  runs.mirrored = g.transposed;
  runs.apart = g.transposed ? g.dilation.width : g.dilation.width / common;
  runs.stride = g.transposed ? 1 : g.stride.width / common;
  const RunInput input = isDepthwise(g)                         ? RunInput::channels
                         : groupsPerBlock(g, kernels.lanes) > 1 ? RunInput::permuted
                                                                : RunInput::broadcast;
  // Of a transposed one's taps all but one in `stride` lie between pixels, and are zeros
  if (g.transposed && g.stride.width > 2) return runs;
  if (width % 2 == 0 || width < 3 || width / 2 > kRunKernels || runs.stride > kRunStrides) return runs;
  const RunFamily& family = kernels.runs[static_cast<int>(input)];
  const RunKernel* columns = family.kernels[(width - 3) / 2][runs.stride - 1];
  if (columns[1] == nullptr) return runs;
  runs.kernels = columns;
  runs.lines = family.lines;
  runs.columns = family.columns;
  return runs;
}

FilterKind filterKind(const ConvGeometry& g, const Kernels& kernels, const Runs& runs) {
  if (g.algorithm != Algorithm::direct) return FilterKind::winograd;
  if (isDepthwise(g)) return FilterKind::depthwise;
  if (g.groups == 1) return FilterKind::dense;
  if (groupsPerBlock(g, kernels.lanes) > 1) return FilterKind::grouped;
  // One group a vector gains from runs alone
  const bool fits = g.outChannels / g.groups <= kernels.lanes;
  return fits && runs.kernels != nullptr ? FilterKind::grouped : FilterKind::dense;
}

constexpr int64_t kWidestGap = 16;  // between the taps of a band

// Where a kernel row as one run gains more than its copy costs. 64 filters of 3x3 at 56x56, AVX-512, bands
// against pointers: 1 channel 117 against 66 GFLOP/s, 8 channels 233 against 198, 24 channels equal; with
// dilation 2, where pixels are copied one by one, 155 against 134 at 3 channels and 208 against 196 at 8.
// Groups of one channel: 7x7 125 against 79, 3x3 91 against 100. Copying whole patches (im2col) lost to
// pointers on all 28 shapes tried, by a factor of 1.05 to 2.
DenseSource denseSource(const ConvGeometry& g) {
  const int64_t inputs = g.inChannels / g.groups, kernelWidth = g.kernelSize.width;
  // A band holds every row and column from its first tap to its last: too much where most lie between taps
  const bool gaps = g.stride.height > 2 * g.kernelSize.height || g.stride.width > 2 * kernelWidth ||
                    g.dilation.height > kWidestGap || g.dilation.width > kWidestGap;
  bool bands = kernelWidth > 1 && inputs <= 20;
  if (g.dilation.width > 1) bands = bands && inputs <= 8;
  if (g.groups > 1) bands = kernelWidth >= 5 && inputs <= 4;
  return bands && !gaps ? DenseSource::bands : DenseSource::indirect;
}

}  // namespace

std::shared_ptr<const Conv> makeConv(const ConvGeometry& g, const Kernels& kernels, const char** reason) {
  *reason = checkGeometry(g);
  if (*reason != nullptr) return nullptr;
  auto conv = std::make_shared<Conv>();
  conv->geometry = g;
  if (g.inputStride == 0) conv->geometry.inputStride = g.inChannels;
  if (g.outputStride == 0) conv->geometry.outputStride = g.outChannels;
  conv->kernels = &kernels;
  conv->runs = findRuns(g, kernels);
  conv->kind = filterKind(g, kernels, conv->runs);
  conv->source = denseSource(g);
  conv->lines = takesLines(*conv);
  conv->grids = makeGrids(g, conv->kind == FilterKind::dense || conv->runs.kernels == nullptr);
  if (conv->lines) conv->reaches = reachesOf(*conv);
  conv->zeros.assign(static_cast<std::size_t>(std::max(g.inChannels, g.outChannels) + kernels.lanes), 0.0f);
  const float infinity = std::numeric_limits<float>::infinity();
  const bool clampsLow = g.activation == Activation::relu || g.activation == Activation::relu6;
  conv->low = clampsLow ? 0.0f : -infinity;
  conv->high = g.activation == Activation::relu6 ? 6.0f : infinity;
  conv->activateApart = g.activation != Activation::none && !clampsLow;
  return conv;
}

namespace {

// Of positions a stride apart the last ends with its channels.
int64_t lengthOf(int64_t positions, int64_t stride, int64_t channels) {
  return positions == 0 ? 0 : (positions - 1) * stride + channels;
}

}  // namespace

int64_t inputLength(const Conv& conv, int64_t batch) {
  const ConvGeometry& g = conv.geometry;
  return lengthOf(batch * g.inputSize.product(), g.inputStride, g.inChannels);
}
int64_t outputLength(const Conv& conv, int64_t batch) {
  const ConvGeometry& g = conv.geometry;
  return lengthOf(batch * conv.positions(), g.outputStride, g.outChannels);
}
int64_t inputChannels(const Conv& conv) { return conv.geometry.inChannels; }
bool scalesInput(const Conv& conv) { return isPlainPointwise(conv.geometry); }
int64_t weightLength(const Conv& conv) {
  return conv.geometry.outChannels * conv.groupInputs() * conv.taps();
}
int64_t biasLength(const Conv& conv) { return conv.geometry.outChannels; }

namespace {

constexpr int64_t kTinyFilter = 1 << 12;
constexpr int64_t kSmallFilter = 1 << 16,
                  kMostUpcoming = 1 << 22;  // a third-level cache keeps as many floats
constexpr int64_t kStreamedPositions = 8;
constexpr int64_t kProductsPerFloat = 12;  // a step of a tile of 6 x 64 fetches 32 floats beside 384 products

}  // namespace

Upcoming streamedWeights(const Conv& conv, const PackedFilter& filter, int64_t batch) {
  const auto floats = static_cast<int64_t>(filter.weights.size());
  if (conv.kind != FilterKind::dense || batch * conv.positions() > kStreamedPositions ||
      isSmallFilter(filter) || floats > kMostUpcoming) {
    return {};
  }
  return {filter.weights.data(), floats};
}

bool isSmallFilter(const PackedFilter& filter) {
  return static_cast<int64_t>(filter.weights.size()) < kSmallFilter;
}

bool isTinyFilter(const PackedFilter& filter) {
  return static_cast<int64_t>(filter.weights.size()) < kTinyFilter;
}

bool canFetch(const Conv& conv, const Upcoming& upcoming, int64_t batch) {
  return conv.kind == FilterKind::dense &&
         batch * conv.positions() * weightLength(conv) >= kProductsPerFloat * upcoming.floats;
}

void runChannelsLast(const Conv& conv, const PackedFilter& filter, const Input& input, Output y,
                     int64_t batch, const CancelFlag* cancelled) {
  const float* const x = input.x;
  if (conv.kind == FilterKind::winograd) return runWinograd(conv, filter, x, y, batch, cancelled);
  const bool dense = conv.kind == FilterKind::dense;
  if (takesFlat(conv)) return runFlat(conv, filter, x, y, batch, cancelled);
  if (!dense && conv.runs.kernels != nullptr) return runGroupedRuns(conv, filter, input, y, batch, cancelled);
  if (conv.geometry.transposed) return runTransposed(conv, filter, x, y, batch, cancelled);
  if (!dense) return runGrouped(conv, filter, x, y, batch, cancelled);
  if (takesBands(conv)) return runBands(conv, filter, x, y, batch, cancelled);
  runDense(conv, filter, input, y, batch, cancelled);
}

void runConv(const Conv& conv, const PackedFilter& filter, const Input& input, Output y, int64_t batch,
             const CancelFlag* cancelled) {
  if (batch == 0) return;
  const float* const x = input.x;
  if (input.scale != nullptr || conv.geometry.inputStride != conv.geometry.inChannels)
    runScaled(conv, filter, input, y, batch, cancelled);
  else if (conv.lines) runLines(conv, filter, x, y, batch, cancelled);
  else if (isPointwise(conv)) runPointwise(conv, filter, x, y, batch, cancelled);
  else if (readsPlanes(conv) || writesPlanes(conv)) runPlanes(conv, filter, x, y, batch, cancelled);
  else runChannelsLast(conv, filter, input, y, batch, cancelled);
}

}  // namespace convkit
