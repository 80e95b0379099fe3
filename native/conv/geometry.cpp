// Whether a geometry is consistent and its arrays can be addressed.
#include <algorithm>

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

// A transposed axis undoes a convolution of `output` positions; up to max(stride, dilation) - 1 positions
// more than the least are its output padding.
bool transposedAxisFits(int64_t input, int64_t padBegin, int64_t padEnd, int64_t kernel, int64_t stride,
                        int64_t dilation, int64_t output) {
  const int64_t least = (input - 1) * stride - padBegin - padEnd + dilation * (kernel - 1) + 1;
  return input > 0 && output >= least && output - least < (stride > dilation ? stride : dilation);
}

}  // namespace

bool isPlainPointwise(const ConvGeometry& g) {
  const Triple &k = g.kernelSize, &s = g.stride, &b = g.padBegin, &e = g.padEnd;
  return k.product() == 1 && s.product() == 1 && b.depth + b.height + b.width == 0 &&
         e.depth + e.height + e.width == 0 && g.groups == 1 && !g.transposed &&
         g.inputLayout == Layout::channelsLast && g.outputLayout == Layout::channelsLast;
}

const char* checkGeometry(const ConvGeometry& g) {
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
  const auto fits = g.transposed ? transposedAxisFits : axisFits;
  if (!fits(in.depth, b.depth, e.depth, k.depth, s.depth, d.depth, o.depth) ||
      !fits(in.height, b.height, e.height, k.height, s.height, d.height, o.height) ||
      !fits(in.width, b.width, e.width, k.width, s.width, d.width, o.width))
    return "outputSize does not follow from the other sizes";
  if (g.algorithm != Algorithm::direct &&
      (g.groups != 1 || k.depth != 1 || k.height != 3 || k.width != 3 || s.depth != 1 || s.height != 1 ||
       s.width != 1 || in.depth != o.depth))
    return "Winograd takes 3x3 kernels of stride 1 without groups";
  if (g.outputStride != 0 && (g.outputStride < g.outChannels || g.outputLayout != Layout::channelsLast))
    return "outputStride is for channels-last output, and no less than its channels";
  if (g.inputStride != 0 && g.inputStride < g.inChannels)
    return "inputStride must be no less than inChannels";
  if (g.inputStride > g.inChannels && !isPlainPointwise(g))
    return "inputStride is for 1x1 convolutions of stride 1, channels-last";
  if (g.inputActivation != Activation::none && !isPlainPointwise(g))
    return "inputActivation is for 1x1 convolutions of stride 1, channels-last";
  if (g.transposed && g.paddingMode != PaddingMode::zeros)
    return "Only \"zeros\" padding mode is supported for a transposed convolution";
  if (!paddingFits(in.depth, b.depth, e.depth, g.paddingMode) ||
      !paddingFits(in.height, b.height, e.height, g.paddingMode) ||
      !paddingFits(in.width, b.width, e.width, g.paddingMode))
    return "padding is too large for its mode";
  if (!productFits(g.inChannels, in.depth, in.height, in.width) ||
      !productFits(g.outChannels, o.depth, o.height, o.width) ||
      !productFits(g.outChannels, g.inChannels / g.groups, k.depth, k.height, k.width) ||
      !productFits(std::max(g.inputStride, g.outputStride), o.depth, o.height, o.width) ||
      !productFits(o.depth, k.depth) || !productFits(o.height, k.height) || !productFits(o.width, k.width))
    return "too many elements";
  return nullptr;
}

}  // namespace convkit
