// The threaded drivers of elementwise.h: every size around a chunk, any number of threads, one answer.
#include <vector>

#include "check.h"
#include "elementwise/broadcast.h"
#include "elementwise/elementwise.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

constexpr int64_t kChunk = 16384;

std::string named(const Kernels& kernels, const char* what, int64_t size) {
  return std::string(kernels.name) + " " + what + " of " + std::to_string(size) + " with " +
         std::to_string(threadCount()) + " threads";
}

void elements(const Kernels& kernels, int64_t n, Random& random) {
  const Floats a(n, random), b(n, random), pairs(2 * n, random);
  Floats expected(n), actual(n);
  kernels.activate(Activation::gelu, {}, {a.data(), expected.data(), n});
  runActivate(kernels, Activation::gelu, {}, a.data(), actual.data(), n, nullptr);
  checkSame(actual, expected, named(kernels, "gelu", n));
  kernels.activate(Activation::leakyRelu, {0.3f, 0}, {a.data(), expected.data(), n});
  runActivate(kernels, Activation::leakyRelu, {0.3f, 0}, a.data(), actual.data(), n, nullptr);
  checkSame(actual, expected, named(kernels, "leakyRelu", n));
  kernels.activateGradient(Activation::silu, {}, a.data(), b.data(), expected.data(), n);
  runActivateGradient(kernels, Activation::silu, {}, a.data(), b.data(), actual.data(), n, nullptr);
  checkSame(actual, expected, named(kernels, "silu's gradient", n));
  for (const Arithmetic kind : {Arithmetic::add, Arithmetic::div}) {
    kernels.combine(kind, a.data(), 1, b.data(), 1, expected.data(), n);
    runBinary(kernels, kind, a.data(), b.data(), actual.data(), n, nullptr);
    checkSame(actual, expected, named(kernels, "arithmetic", n));
  }
  kernels.modulus(pairs.data(), expected.data(), n);
  runModulus(kernels, pairs.data(), actual.data(), n, nullptr);
  checkSame(actual, expected, named(kernels, "modulus", n));
  Floats slopes(2 * n), gradient(2 * n);
  kernels.modulusGradient(pairs.data(), a.data(), slopes.data(), n);
  runModulusGradient(kernels, pairs.data(), a.data(), gradient.data(), n, nullptr);
  checkSame(gradient, slopes, named(kernels, "gradient of modulus", n));
}

// a repeats along the middle axis, b along the first and last.
void broadcast(const Kernels& kernels, int64_t outer, int64_t middle, int64_t inner, Random& random) {
  const BroadcastGeometry g{3, {outer, middle, inner}, {inner, 0, 1}, {0, 1, 0}};
  const int64_t size = outer * middle * inner;
  check(outputLength(g) == size, "the length of a broadcast result");
  const Floats a(operandLength(g, g.aSteps), random), b(operandLength(g, g.bSteps), random);
  Floats expected(size), actual(size);
  for (int64_t i = 0; i < size; i++)
    expected[i] = a[i / inner / middle * inner + i % inner] - b[i / inner % middle];
  runBroadcast(g, kernels, Arithmetic::sub, a.data(), b.data(), actual.data(), nullptr);
  checkSame(
      actual, expected,
      named(kernels, "broadcast", outer) + " x " + std::to_string(middle) + " x " + std::to_string(inner));
}

void concat(const std::vector<int64_t>& widths, int64_t rows, Random& random) {
  int64_t width = 0;
  for (const int64_t w : widths) width += w;
  std::vector<Floats> inputs;
  std::vector<const float*> pointers;
  for (const int64_t w : widths) {
    inputs.emplace_back(w * rows, random);
    pointers.push_back(inputs.back().data());
  }
  Floats actual(width * rows), expected(width * rows);
  int64_t at = 0;
  for (int64_t r = 0; r < rows; r++)
    for (std::size_t k = 0; k < widths.size(); k++)
      for (int64_t i = 0; i < widths[k]; i++) expected[at++] = inputs[k][r * widths[k] + i];
  runConcat(pointers.data(), widths.data(), static_cast<int64_t>(widths.size()), actual.data(), rows,
            nullptr);
  checkSame(actual, expected, "concat of " + std::to_string(rows) + " rows of " + std::to_string(width));
}

void transpose(const Kernels& kernels, int64_t batch, int64_t rows, int64_t columns, Random& random) {
  const int64_t size = rows * columns;
  const Floats x(batch * size, random);
  Floats actual(batch * size), expected(batch * size);
  for (int64_t n = 0; n < batch; n++)
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < columns; c++) expected[n * size + c * rows + r] = x[n * size + r * columns + c];
  runTranspose(kernels, x.data(), actual.data(), batch, rows, columns, nullptr);
  checkSame(actual, expected,
            named(kernels, "transpose", batch) + ": " + std::to_string(rows) + "x" + std::to_string(columns));
}

}  // namespace
}  // namespace convkit::test

int main() {
  using namespace convkit;
  test::Random random(11);
  const int64_t lengths[] = {0, 1, test::kChunk - 1, test::kChunk, test::kChunk + 1, 5 * test::kChunk + 17};
  const int64_t shapes[][3] = {{0, 3, 4},     {2, 0, 4},     {2, 4, 0},     {1, 1, 1},     {7, 3, 5},
                               {500, 5, 9},   {3, 128, 128}, {2, 3, 20000}, {2, 20000, 3}, {2, 130, 129},
                               {1, 257, 301}, {1, 17, 1000}, {1, 1000, 17}, {2, 1, 40000}, {2, 40000, 1}};
  for (int threads = 1; threads <= 4; threads++) {
    setThreadCount(threads);
    for (const Kernels* kernels : supportedKernels()) {
      for (const int64_t n : lengths) test::elements(*kernels, n, random);
      for (const auto& [batch, rows, columns] : shapes)
        test::transpose(*kernels, batch, rows, columns, random);
      for (const auto& [outer, middle, inner] : shapes)
        test::broadcast(*kernels, outer, middle, inner, random);
    }
    test::concat({}, 5, random);
    test::concat({0, 0}, 5, random);
    test::concat({3}, 0, random);
    test::concat({3, 0, 64, 1}, 1000, random);
    test::concat({20000, 7}, 3, random);
  }
  return test::verdict();
}
