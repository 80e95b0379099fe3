// Chooses how a convolution is computed, among ways that give the same bits, and runs it.
#include "conv/conv.h"

#include <limits>

#include "conv/plan.h"

namespace convkit {
namespace {

FilterKind filterKind(const ConvGeometry& g, int lanes) {
  const int64_t inputs = g.inChannels / g.groups, outputs = g.outChannels / g.groups;
  if (g.groups > 1 && inputs == 1 && outputs == 1) return FilterKind::depthwise;
  // At least two whole groups must share a vector, and their input channels must fit one too.
  const int64_t groupsPerVector = lanes / outputs;
  if (groupsPerVector >= 2 && g.groups > 1 && groupsPerVector * inputs <= lanes) return FilterKind::grouped;
  return FilterKind::dense;
}

// Below this many input channels the loop over them is too short to pay for the pointers of a tap.
constexpr int64_t kFewChannels = 12;

DenseSource denseSource(const ConvGeometry& g) {
  const int64_t inputs = g.inChannels / g.groups;
  if (inputs >= kFewChannels || g.kernelSize.product() == 1) return DenseSource::indirect;
  if (g.groups == 1 && g.dilation.width == 1 && g.kernelSize.width > 1) return DenseSource::bands;
  return DenseSource::columns;
}

}  // namespace

std::shared_ptr<const Conv> makeConv(const ConvGeometry& g, const Kernels& kernels, const char** reason) {
  *reason = checkGeometry(g);
  if (*reason != nullptr) return nullptr;
  auto conv = std::make_shared<Conv>();
  conv->geometry = g;
  conv->kernels = &kernels;
  conv->kind = filterKind(g, kernels.lanes);
  conv->source = denseSource(g);
  conv->grids = makeGrids(g);
  const int64_t kernelWidth = g.kernelSize.width;
  conv->depthwiseRuns = !g.transposed && conv->kind == FilterKind::depthwise &&
                        (kernelWidth == 3 || kernelWidth == 5) && g.stride.width <= kRunStrides &&
                        g.dilation.width == 1;
  conv->zeros.assign(static_cast<std::size_t>(g.inChannels + kernels.lanes), 0.0f);
  const float infinity = std::numeric_limits<float>::infinity();
  const bool clampsLow = g.activation == Activation::relu || g.activation == Activation::relu6;
  conv->low = clampsLow ? 0.0f : -infinity;
  conv->high = g.activation == Activation::relu6 ? 6.0f : infinity;
  conv->activateApart = g.activation != Activation::none && !clampsLow;
  return conv;
}

int64_t inputLength(const Conv& conv) { return conv.geometry.inChannels * conv.geometry.inputSize.product(); }
int64_t outputLength(const Conv& conv) { return conv.geometry.outChannels * conv.positions(); }
int64_t weightLength(const Conv& conv) {
  return conv.geometry.outChannels * conv.groupInputs() * conv.taps();
}
int64_t biasLength(const Conv& conv) { return conv.geometry.outChannels; }

void runConv(const Conv& conv, const PackedFilter& filter, const float* x, float* y, int64_t batch,
             const CancelFlag* cancelled) {
  if (batch == 0) return;
  if (conv.geometry.transposed) return runTransposed(conv, filter, x, y, batch, cancelled);
  if (conv.depthwiseRuns) return runDepthwise(conv, filter, x, y, batch, cancelled);
  if (conv.kind != FilterKind::dense) return runGrouped(conv, filter, x, y, batch, cancelled);
  switch (conv.source) {
    case DenseSource::indirect:
      return runDense(conv, filter, x, y, batch, cancelled);
    case DenseSource::bands:
      return runBands(conv, filter, x, y, batch, cancelled);
    case DenseSource::columns:
      return runColumns(conv, filter, x, y, batch, cancelled);
  }
}

}  // namespace convkit
