// Sparse products against one naive chain an element, rows without entries and every width around a vector's
// included.
#include "sparse/sparse.h"

#include <cmath>

#include "check.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

void runCase(int64_t seed) {
  Random random(static_cast<uint64_t>(seed));
  const int64_t widths[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100};
  const int64_t rows = random.between(0, 150), inputs = random.between(1, 40), width = random.of(widths);
  SparseMatrix m;
  m.starts.push_back(0);
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t e = random.between(0, 6); e > 0; e--)
      m.columns.push_back(static_cast<int32_t>(random.between(0, inputs - 1)));
    m.starts.push_back(static_cast<int32_t>(m.columns.size()));
  }
  const Floats values(static_cast<int64_t>(m.columns.size()), random), x(inputs * width, random);
  m.values = values.data();
  check(checkSparse(m, inputs) == nullptr, "a drawn matrix is consistent");
  Floats expected(rows * width);
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t n = 0; n < width; n++) {
      float sum = 0.0f;
      for (int32_t e = m.starts[static_cast<std::size_t>(r)]; e < m.starts[static_cast<std::size_t>(r) + 1];
           e++)
        sum = std::fmaf(x[m.columns[static_cast<std::size_t>(e)] * width + n], values[e], sum);
      expected[r * width + n] = sum + 0.0f;
    }
  }
  for (const Kernels* kernels : supportedKernels()) {
    Floats y(expected.size());
    runSparse(m, *kernels, x.data(), y.data(), width, nullptr);
    checkSame(y, expected, "sparse, seed " + std::to_string(seed) + ", " + kernels->name);
  }
}

}  // namespace
}  // namespace convkit::test

int main() {
  using namespace convkit::test;
  convkit::setThreadCount(2);
  for (int64_t seed = 1; seed <= 200; seed++) runCase(seed);
  return verdict();
}
