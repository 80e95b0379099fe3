// The sums that a weight gradient consists of, in one of several forms with the same chains: which it takes
// follows from the channels, groups and kernel. Private to native/conv.
#pragma once

#include <memory>

#include "conv/plan.h"
#include "conv/tap_runs.h"
#include "reduction/positions.h"

namespace convkit {

// One chunk of output positions, counted over the batch, at most kPositionsPerChain; of the sums the items
// [begin, end).
struct GradientPart {
  int64_t first, count;
  int64_t begin, end;
  float* sums;
  bool fresh;  // the sums are set, otherwise added to
};

class GradientSums {
 public:
  virtual ~GradientSums() = default;
  virtual int64_t items() const = 0;  // parts of the sums that can be computed apart
  virtual void add(const GradientPart&, Scratch&) const = 0;
  // Whether the sums lie as the weight does.
  virtual bool liesAsWeight() const { return false; }
  // sums -> gradient, as the weight lies.
  virtual void arrange(const float* sums, float* gradient, const CancelFlag*) const = 0;
};

// Tiles of outer products, for each tap.
std::unique_ptr<GradientSums> denseSums(const Conv&, const float* x, const float* upstream);
// The same with a kernel row of few channels for a tap, padded where it has to be.
std::unique_ptr<GradientSums> bandSums(const Conv&, const float* x, const float* upstream);
// Channel by channel.
std::unique_ptr<GradientSums> depthwiseSums(const Conv&, const float* x, const float* upstream);
// Several groups a vector.
std::unique_ptr<GradientSums> groupedSums(const Conv&, const float* x, const float* upstream);

inline Tap tapAt(const Triple& kernel, int64_t tap) {
  return {tap / (kernel.height * kernel.width), tap / kernel.width % kernel.height, tap % kernel.width};
}

// A part of a line of outputs.
struct LinePart {
  int64_t image, d, h;
  int64_t begin, end;  // columns
};

// Calls body(part) for the lines that positions [first, first + count) lie on, in order.
template <class Body>
void forEachLine(const Triple& output, int64_t first, int64_t count, const Body& body) {
  for (int64_t p = first; p < first + count;) {
    const int64_t line = p / output.width, begin = p % output.width;
    const int64_t end = std::min(output.width, begin + first + count - p);
    body(LinePart{line / output.height / output.depth, line / output.height % output.depth,
                  line % output.height, begin, end});
    p += end - begin;
  }
}

}  // namespace convkit
