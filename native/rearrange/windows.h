// im2col and col2im in PyTorch's column order: [batch, channels * taps, positions], the taps of a channel
// together. The engine's own convolutions do not pass through here.
#pragma once

#include "conv/conv.h"

namespace convkit {

struct WindowGeometry {
  int64_t channels;
  Triple inputSize, kernelSize, stride, dilation, padBegin, padEnd, outputSize;
};

// Null where the geometry is consistent, otherwise the reason.
const char* checkWindows(const WindowGeometry&);
int64_t imageLength(const WindowGeometry&);   // floats of one image
int64_t columnLength(const WindowGeometry&);  // floats of one image's columns

// x [batch, imageLength], channels last -> y [batch, columnLength]; zeros where a tap reads padding.
void runUnfold(const WindowGeometry&, const Kernels&, const float* x, float* y, int64_t batch,
               const CancelFlag*);
// x [batch, columnLength] -> y [batch, imageLength]: each element adds the entries that unfold would have
// read from it, from +0, in the order of the kernel. Throws std::bad_alloc.
void runFold(const WindowGeometry&, const Kernels&, const float* x, float* y, int64_t batch,
             const CancelFlag*);

}  // namespace convkit
