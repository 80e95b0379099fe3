#include "sparse/sparse.h"

namespace convkit {

const char* checkSparse(const SparseMatrix& m, int64_t inputs) {
  if (m.starts.empty() || m.starts.front() != 0 || m.starts.back() != static_cast<int64_t>(m.columns.size()))
    return "starts must run from 0 to the number of entries";
  for (std::size_t r = 1; r < m.starts.size(); r++)
    if (m.starts[r] < m.starts[r - 1]) return "starts must not descend";
  for (const int32_t column : m.columns)
    if (column < 0 || column >= inputs) return "a column lies outside x";
  return nullptr;
}

void runSparse(const SparseMatrix& m, const Kernels& kernels, const float* x, float* y, int64_t width,
               const CancelFlag* cancelled) {
  constexpr int64_t kRowsPerChunk = 64;
  const int64_t rows = m.rows(), chunks = (rows + kRowsPerChunk - 1) / kRowsPerChunk;
  parallelFor(chunks, cancelled, [&](int64_t chunk, Scratch&) {
    for (int64_t r = rows * chunk / chunks; r < rows * (chunk + 1) / chunks; r++) {
      const int32_t begin = m.starts[static_cast<std::size_t>(r)],
                    end = m.starts[static_cast<std::size_t>(r) + 1];
      kernels.sparseRow({m.columns.data() + begin, m.values + begin, end - begin, x, width, y + r * width});
    }
  });
}

}  // namespace convkit
