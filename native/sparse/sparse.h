// A sparse matrix in compressed rows times a dense one: what a graph convolution aggregates with.
#pragma once

#include <vector>

#include "isa/kernels.h"
#include "threads/parallel.h"

namespace convkit {

struct SparseMatrix {
  std::vector<int32_t> starts;   // entries of row r: [starts[r], starts[r + 1])
  std::vector<int32_t> columns;  // rows of x
  const float* values;           // one an entry

  int64_t rows() const { return static_cast<int64_t>(starts.size()) - 1; }
};

// Null where starts ascend from 0 to the number of entries and columns lie in [0, inputs); otherwise the
// reason.
const char* checkSparse(const SparseMatrix&, int64_t inputs);

// y[r] = sum of values[e] * x[columns[e]] over the entries of row r, one chain from +0. x [inputs, width].
void runSparse(const SparseMatrix&, const Kernels&, const float* x, float* y, int64_t width,
               const CancelFlag*);

}  // namespace convkit
