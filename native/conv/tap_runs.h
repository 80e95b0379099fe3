// What one tap of a convolution reads at consecutive output positions, as runs of constant steps: a weight
// gradient multiplies it by the upstream gradient at the same positions.
#pragma once

#include <vector>

#include "conv/plan.h"

namespace convkit {

struct Tap {
  int64_t depth, height, width;
};

class TapRuns {
 public:
  explicit TapRuns(const Conv&);

  // Output positions [first, first + count), counted over the batch, where the tap reads no zero padding, in
  // order: the pixel it reads and the upstream gradient's, as rows and lanes. Writes at most `count` runs and
  // gives their number.
  int64_t find(const Tap&, int64_t first, int64_t count, const float* x, const float* upstream,
               OuterRun* runs) const;

  int64_t inputStep() const { return inputStep_; }    // floats from what a position reads to the next
  int64_t outputStep() const { return outputStep_; }  // the same of the upstream gradient

 private:
  // Output columns whose input columns are a stride apart.
  struct Segment {
    int64_t begin, end, source;
  };
  const Grid* grid_;
  int64_t pixels_, inputStep_, outputStep_;
  std::vector<std::vector<Segment>> columns_;  // [kernel column]
};

}  // namespace convkit
