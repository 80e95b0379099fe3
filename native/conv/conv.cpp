// Checks a geometry, chooses how it is computed among ways that give the same bits, and runs it.
#include "conv/conv.h"

#include <limits>

#include "conv/plan.h"

namespace convkit {
namespace {

constexpr int64_t kLargest = int64_t{1} << 31;     // of any single size
constexpr int64_t kMostFloats = int64_t{1} << 40;  // of any array, before batch

bool positive(const Triple& t) {
  const auto fits = [](int64_t n) { return n > 0 && n < kLargest; };
  return fits(t.depth) && fits(t.height) && fits(t.width);
}

bool notNegative(const Triple& t) {
  const auto fits = [](int64_t n) { return n >= 0 && n < kLargest; };
  return fits(t.depth) && fits(t.height) && fits(t.width);
}

// False where the product of the sizes passes kMostFloats.
template <class... Sizes>
bool productFits(Sizes... sizes) {
  int64_t product = 1;
  for (const int64_t n : {static_cast<int64_t>(sizes)...}) {
    if (n != 0 && product > kMostFloats / n) return false;
    product *= n;
  }
  return true;
}

bool axisFits(int64_t input, int64_t padBegin, int64_t padEnd, int64_t kernel, int64_t stride,
              int64_t dilation, int64_t output) {
  const int64_t extent = dilation * (kernel - 1) + 1;
  const int64_t padded = input + padBegin + padEnd;
  return padded >= extent && output == (padded - extent) / stride + 1;
}

bool paddingFits(int64_t input, int64_t padBegin, int64_t padEnd, PaddingMode mode) {
  const int64_t most = padBegin > padEnd ? padBegin : padEnd;
  switch (mode) {
    case PaddingMode::zeros:
      return true;
    case PaddingMode::reflect:
      return most == 0 || most < input;
    case PaddingMode::replicate:
      return most == 0 || input > 0;
    case PaddingMode::circular:
      return most <= input;
  }
  return false;
}

const char* check(const ConvGeometry& g) {
  if (g.inChannels <= 0 || g.inChannels >= kLargest) return "inChannels must be positive";
  if (g.outChannels <= 0 || g.outChannels >= kLargest) return "outChannels must be positive";
  if (g.groups <= 0) return "groups must be a positive integer";
  if (g.inChannels % g.groups != 0) return "in_channels must be divisible by groups";
  if (g.outChannels % g.groups != 0) return "out_channels must be divisible by groups";
  if (!notNegative(g.inputSize)) return "inputSize must not be negative";
  if (!positive(g.kernelSize)) return "kernel size should be greater than zero";
  if (!positive(g.stride)) return "non-positive stride is not supported";
  if (!positive(g.dilation)) return "dilation should be greater than zero";
  if (!notNegative(g.padBegin) || !notNegative(g.padEnd)) return "negative padding is not supported";
  if (!positive(g.outputSize)) return "outputSize must be positive";
  const Triple &in = g.inputSize, &k = g.kernelSize, &s = g.stride, &d = g.dilation, &b = g.padBegin,
               &e = g.padEnd, &o = g.outputSize;
  if (!axisFits(in.depth, b.depth, e.depth, k.depth, s.depth, d.depth, o.depth) ||
      !axisFits(in.height, b.height, e.height, k.height, s.height, d.height, o.height) ||
      !axisFits(in.width, b.width, e.width, k.width, s.width, d.width, o.width))
    return "outputSize does not follow from the other sizes";
  if (!paddingFits(in.depth, b.depth, e.depth, g.paddingMode) ||
      !paddingFits(in.height, b.height, e.height, g.paddingMode) ||
      !paddingFits(in.width, b.width, e.width, g.paddingMode))
    return "padding is too large for its mode";
  if (!productFits(g.inChannels, in.depth, in.height, in.width) ||
      !productFits(g.outChannels, o.depth, o.height, o.width) ||
      !productFits(g.outChannels, g.inChannels / g.groups, k.depth, k.height, k.width) ||
      !productFits(o.depth, k.depth) || !productFits(o.height, k.height) || !productFits(o.width, k.width))
    return "too many elements";
  return nullptr;
}

Axis makeAxis(int64_t input, int64_t output, int64_t kernel, int64_t stride, int64_t dilation,
              int64_t padBegin, PaddingMode mode) {
  Axis axis{input, output, kernel, stride, dilation, padBegin, {}};
  axis.source.resize(static_cast<std::size_t>(output * kernel));
  for (int64_t o = 0; o < output; o++)
    for (int64_t k = 0; k < kernel; k++)
      axis.source[static_cast<std::size_t>(o * kernel + k)] =
          static_cast<int32_t>(sourceIndex(o * stride + k * dilation - padBegin, input, mode));
  return axis;
}

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
  *reason = check(g);
  if (*reason != nullptr) return nullptr;
  auto conv = std::make_shared<Conv>();
  conv->geometry = g;
  conv->kernels = &kernels;
  conv->kind = filterKind(g, kernels.lanes);
  conv->source = denseSource(g);
  const auto axis = [&](int64_t Triple::*at) {
    return makeAxis(g.inputSize.*at, g.outputSize.*at, g.kernelSize.*at, g.stride.*at, g.dilation.*at,
                    g.padBegin.*at, g.paddingMode);
  };
  conv->depth = axis(&Triple::depth);
  conv->height = axis(&Triple::height);
  conv->width = axis(&Triple::width);
  const int64_t kernelWidth = g.kernelSize.width;
  conv->depthwiseRuns = conv->kind == FilterKind::depthwise && (kernelWidth == 3 || kernelWidth == 5) &&
                        g.stride.width <= kRunStrides && g.dilation.width == 1;
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
