// What output positions read that those before them did not: inputs that can be fetched ahead.
#pragma once

#include "conv/plan.h"

namespace convkit {

class InputOrder {
 public:
  // Of a channels-last image, pixel after pixel.
  InputOrder(const Conv&, const float* x, int64_t batch);
  // Of a matrix whose rows are read one by one: `count` floats, `each` from row to row.
  InputOrder(const float* x, int64_t count, int64_t each) : x_(x), count_(count), each_(each) {}

  const float* at(int64_t position) const;
  int64_t each() const { return each_; }  // floats from one position to the next, about

 private:
  const float* x_;
  int64_t count_, each_;
  int64_t beyond_ = 0;                 // floats that the taps reach beyond a position's own
  int64_t line_ = 0, lineFloats_ = 0;  // where rows are left out: positions in a line, floats between lines
};

}  // namespace convkit
