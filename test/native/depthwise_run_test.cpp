// Every kernel for runs of depthwise outputs, of every instruction set this processor has, against one naive
// chain per output.
#include <cmath>
#include <vector>

#include "check.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

void runCase(const Kernels& kernels, int64_t width, int64_t stride, int64_t columns, int64_t channels,
             Random& random) {
  const int64_t lanes = kernels.lanes, blocks = (channels + lanes - 1) / lanes;
  const int64_t kernelRows = random.between(1, 5), empty = random.chance(2) ? random.below(kernelRows) : -1;
  const int64_t rowLength = ((columns - 1) * stride + width) * channels;
  std::vector<Floats> inputs;
  std::vector<const float*> rows;
  for (int64_t r = 0; r < kernelRows; r++) {
    inputs.emplace_back(rowLength, random);
    rows.push_back(r == empty ? nullptr : inputs.back().data());
  }
  const AlignedFloats panel(blocks * kernelRows * width * lanes, random), bias(blocks * lanes, random);
  Floats actual(columns * channels), expected(columns * channels);
  DepthwiseRun run{};
  run.rows = rows.data();
  run.kernelRows = kernelRows;
  run.channels = channels;
  run.panel = panel.data();
  run.bias = bias.data();
  run.c = actual.data();
  run.low = random.chance(2) ? 0.0f : -std::numeric_limits<float>::infinity();
  run.high = random.chance(2) ? 0.25f : std::numeric_limits<float>::infinity();
  kernels.depthwiseRun[(width - 3) / 2][stride - 1][columns](run);

  for (int64_t i = 0; i < columns; i++) {
    for (int64_t n = 0; n < channels; n++) {
      float sum = 0.0f;
      for (int64_t r = 0; r < kernelRows; r++) {
        if (r == empty) continue;
        for (int64_t k = 0; k < width; k++) {
          const float w = panel[((n / lanes * kernelRows + r) * width + k) * lanes + n % lanes];
          sum = std::fmaf(rows[static_cast<std::size_t>(r)][(i * stride + k) * channels + n], w, sum);
        }
      }
      sum += bias[n];
      sum = run.low > sum ? run.low : sum;
      expected[i * channels + n] = run.high < sum ? run.high : sum;
    }
  }
  checkSame(actual, expected,
            std::string(kernels.name) + " run of " + std::to_string(columns) + " columns, " +
                std::to_string(channels) + " channels, width " + std::to_string(width) + ", stride " +
                std::to_string(stride));
}

}  // namespace
}  // namespace convkit::test

int main() {
  using namespace convkit;
  test::Random random(6);
  for (const Kernels* kernels : supportedKernels()) {
    for (const int64_t width : {3, 5}) {
      for (const int64_t stride : {1, 2}) {
        int64_t columns = 1;
        for (; columns <= kMaxRows && kernels->depthwiseRun[(width - 3) / 2][stride - 1][columns] != nullptr;
             columns++) {
          for (int64_t channels = 1; channels <= 2 * kernels->lanes + 1; channels++)
            test::runCase(*kernels, width, stride, columns, channels, random);
        }
        test::check(columns > 1, std::string(kernels->name) + " has runs of width " + std::to_string(width));
      }
    }
  }
  return test::verdict();
}
