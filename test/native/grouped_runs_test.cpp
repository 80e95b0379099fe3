// Every kernel for runs of grouped and depthwise outputs, of every instruction set this processor has,
// against one naive chain per output.
#include <cmath>
#include <vector>

#include "check.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

struct Case {
  RunInput input;
  int64_t width, stride, columns;
  int64_t groups, groupInputs, groupOutputs;  // of one block
  int64_t blocks;
  int64_t lines;  // that are written; the others fill up
};

std::string describe(const Kernels& kernels, const Case& c) {
  const char* names[] = {"channels", "permuted", "broadcast"};
  char text[200];
  std::snprintf(text, sizeof text,
                "%s run of %s, width %d, stride %d, %d columns, %d blocks of %d groups %d -> %d, %d lines",
                kernels.name, names[static_cast<int>(c.input)], static_cast<int>(c.width),
                static_cast<int>(c.stride), static_cast<int>(c.columns), static_cast<int>(c.blocks),
                static_cast<int>(c.groups), static_cast<int>(c.groupInputs), static_cast<int>(c.groupOutputs),
                static_cast<int>(c.lines));
  return text;
}

void runCase(const Kernels& kernels, const Case& c, Random& random) {
  const RunFamily& family = kernels.runs[static_cast<int>(c.input)];
  const int64_t lanes = kernels.lanes, inputs = c.groups * c.groupInputs, outputs = c.groups * c.groupOutputs;
  const int64_t kernelRows = random.between(1, 4), empty = random.chance(2) ? random.below(kernelRows) : -1;
  const int64_t pieces = random.between(1, 3), columns = pieces * c.columns;
  const int64_t inputColumns = (columns - 1) * c.stride + c.width;
  const int64_t base = random.below(3), output = random.below(3);
  const int64_t ldc = output + c.blocks * outputs + random.below(3);

  // Pixels that end with the last channel that may be read
  std::vector<Floats> pixels;
  std::vector<std::vector<const float*>> rows;
  std::vector<const float* const*> lines;
  for (int64_t r = 0; r < kernelRows; r++) {
    for (int64_t p = 0; p < family.lines; p++) {
      std::vector<const float*> row;
      for (int64_t j = 0; j < inputColumns; j++) {
        pixels.emplace_back(base + c.blocks * inputs, random);
        row.push_back(pixels.back().data());
      }
      rows.push_back(std::move(row));
    }
  }
  for (int64_t r = 0; r < kernelRows; r++)
    for (int64_t p = 0; p < family.lines; p++)
      lines.push_back(r == empty ? nullptr : rows[static_cast<std::size_t>(r * family.lines + p)].data());
  std::vector<int32_t> index(static_cast<std::size_t>(lanes), 0);
  if (c.input == RunInput::permuted)
    for (int64_t l = 0; l < outputs; l++)
      index[static_cast<std::size_t>(l)] = static_cast<int32_t>(l / c.groupOutputs * c.groupInputs);
  const AlignedFloats panel(c.blocks * kernelRows * c.width * c.groupInputs * lanes, random),
      bias(c.blocks * lanes, random);
  const int64_t length = (columns - 1) * ldc + output + c.blocks * outputs;

  GroupedRun run{};
  run.lines = lines.data();
  run.pieces = pieces;
  run.kernelRows = kernelRows;
  run.depth = c.groupInputs;
  run.inputStep = inputs;
  run.outputStep = outputs;
  run.index = index.data();
  run.ldc = ldc;
  run.low = random.chance(2) ? 0.0f : -std::numeric_limits<float>::infinity();
  run.high = random.chance(2) ? 0.25f : std::numeric_limits<float>::infinity();
  std::vector<Floats> actual;
  for (int64_t p = 0; p < family.lines; p++) {
    actual.emplace_back(length);
    run.c[p] = p < c.lines ? actual.back().data() : nullptr;
  }
  const RunKernel kernel = family.kernels[(c.width - 3) / 2][c.stride - 1][c.columns];
  for (int64_t b = 0; b < c.blocks; b++) {  // the last block may see no further than its own channels
    run.blocks = 1;
    run.base = base + b * inputs;
    run.output = output + b * outputs;
    run.inputs = static_cast<int>(std::min(lanes, (c.blocks - b) * inputs));
    run.outputs = static_cast<int>(outputs);
    run.panel = panel.data() + b * kernelRows * c.width * c.groupInputs * lanes;
    run.bias = bias.data() + b * lanes;
    kernel(run);
  }

  for (int64_t p = 0; p < family.lines; p++) {
    Floats expected(length);
    for (int64_t i = 0; p < c.lines && i < columns; i++) {
      for (int64_t n = 0; n < c.blocks * outputs; n++) {
        const int64_t b = n / outputs, l = n % outputs;
        const int64_t channel = base + b * inputs + l / c.groupOutputs * c.groupInputs;
        float sum = 0.0f;
        for (int64_t r = 0; r < kernelRows; r++) {
          if (r == empty) continue;
          for (int64_t k = 0; k < c.width; k++) {
            const float* x = rows[static_cast<std::size_t>(r * family.lines + p)]
                                 [static_cast<std::size_t>(i * c.stride + k)];
            const int64_t tap = ((b * kernelRows + r) * c.width + k) * c.groupInputs;
            for (int64_t d = 0; d < c.groupInputs; d++)
              sum = std::fmaf(x[channel + d], panel[(tap + d) * lanes + l], sum);
          }
        }
        sum += bias[b * lanes + l];
        sum = run.low > sum ? run.low : sum;
        expected[i * ldc + output + n] = run.high < sum ? run.high : sum;
      }
    }
    checkSame(actual[static_cast<std::size_t>(p)], expected, describe(kernels, c));
  }
}

// Blocks of every number of groups that a vector holds.
void runWidths(const Kernels& kernels, Case c, Random& random) {
  const int64_t lanes = kernels.lanes;
  for (int64_t lines = 1; lines <= kernels.runs[static_cast<int>(c.input)].lines; lines++) {
    c.lines = lines;
    c.blocks = random.between(1, 3);
    switch (c.input) {
      case RunInput::channels:
        c.groupInputs = c.groupOutputs = 1;
        for (c.groups = 1; c.groups <= lanes; c.groups++) runCase(kernels, c, random);
        break;
      case RunInput::permuted:
        for (c.groups = 2; c.groups <= lanes; c.groups++) {
          c.groupInputs = random.between(1, lanes / c.groups);
          c.groupOutputs = random.between(1, lanes / c.groups);
          runCase(kernels, c, random);
        }
        break;
      case RunInput::broadcast:
        c.groups = 1;
        for (c.groupOutputs = 1; c.groupOutputs <= lanes; c.groupOutputs++) {
          c.groupInputs = random.between(1, 2 * lanes + 1);
          runCase(kernels, c, random);
        }
        break;
    }
  }
}

}  // namespace
}  // namespace convkit::test

int main() {
  using namespace convkit;
  test::Random random(6);
  for (const Kernels* kernels : supportedKernels()) {
    for (const RunInput input : {RunInput::channels, RunInput::permuted, RunInput::broadcast}) {
      const RunFamily& family = kernels->runs[static_cast<int>(input)];
      test::check(family.kernels[0][0][1] != nullptr, std::string(kernels->name) + " has runs of width 3");
      for (const int64_t width : {3, 5, 7}) {
        for (const int64_t stride : {1, 2}) {
          const RunKernel* columns = family.kernels[(width - 3) / 2][stride - 1];
          for (int64_t n = 1; n <= family.columns && columns[1] != nullptr; n++)
            test::runWidths(*kernels, {input, width, stride, n, 0, 0, 0, 0, 0}, random);
        }
      }
    }
  }
  return test::verdict();
}
