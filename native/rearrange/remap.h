// Moves whole pixels: padding of every mode, cropping, repetition. One list of sources an axis.
#pragma once

#include <vector>

#include "conv/conv.h"

namespace convkit {

struct RemapGeometry {
  int64_t channels;
  int64_t inputSize[3];
  std::vector<int32_t> source[3];  // of each output position along depth, height, width; -1: none
  float value;                     // what a position without a source holds
};

const char* checkRemap(
    const RemapGeometry&);  // null where every source lies in the input, otherwise the reason
int64_t inputLength(const RemapGeometry&);
int64_t outputLength(const RemapGeometry&);

// x [batch, inputLength] -> y [batch, outputLength], channels last.
void runRemap(const RemapGeometry&, const float* x, float* y, int64_t batch, const CancelFlag*);

// upstream [batch, outputLength] -> gradient [batch, inputLength]: each element starts from +0 and adds the
// elements of upstream that came from it, in their order. Throws std::bad_alloc.
void runRemapGradient(const RemapGeometry&, const float* upstream, float* gradient, int64_t batch,
                      const CancelFlag*);

}  // namespace convkit
