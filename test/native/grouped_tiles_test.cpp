// Every grouped and depthwise tile of every instruction set this processor has, against one naive chain per
// output.
#include <cmath>
#include <vector>

#include "check.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

struct Case {
  bool depthwise;
  int height;
  int64_t taps, groupInputs, groupOutputs;  // channels of one group
  int64_t groups;                           // in one block
  int64_t blocks, base, ldcExtra;
  int64_t emptyTap;
  float low, high;
};

std::string describe(const Kernels& kernels, const Case& c) {
  char text[200];
  std::snprintf(text, sizeof text, "%s %s height %d, %lld blocks of %lld groups %lld -> %lld, taps %lld",
                kernels.name, c.depthwise ? "depthwise" : "grouped", c.height,
                static_cast<long long>(c.blocks), static_cast<long long>(c.groups),
                static_cast<long long>(c.groupInputs), static_cast<long long>(c.groupOutputs),
                static_cast<long long>(c.taps));
  return text;
}

void runCase(const Kernels& kernels, const Case& c, Random& random) {
  const int64_t lanes = kernels.lanes;
  const int64_t inputs = c.groups * c.groupInputs, outputs = c.groups * c.groupOutputs;
  const int64_t ldc = c.blocks * outputs + c.ldcExtra;

  std::vector<Floats> arrays;
  std::vector<const float*> rows;
  for (int64_t t = 0; t < c.taps; t++) {
    for (int i = 0; i < c.height; i++) {
      arrays.emplace_back(c.base + c.blocks * inputs, random);
      rows.push_back(t == c.emptyTap ? nullptr : arrays.back().data());
    }
  }
  std::vector<int32_t> index(static_cast<std::size_t>(lanes), 0);
  for (int64_t l = 0; l < outputs; l++)
    index[static_cast<std::size_t>(l)] = static_cast<int32_t>(l / c.groupOutputs * c.groupInputs);
  const AlignedFloats panel(c.blocks * c.taps * c.groupInputs * lanes, random);
  const AlignedFloats bias(c.blocks * lanes, random);

  const int64_t length = (c.height - 1) * ldc + c.blocks * outputs;
  Floats actual(length), expected(length);
  GroupedTile tile{};
  tile.rows = rows.data();
  tile.taps = c.taps;
  tile.depth = c.groupInputs;
  tile.blocks = c.blocks;
  tile.inputStep = inputs;
  tile.outputStep = outputs;
  tile.base = c.base;
  tile.index = index.data();
  tile.inputs = static_cast<int>(inputs);
  tile.outputs = static_cast<int>(outputs);
  tile.panel = panel.data();
  tile.bias = bias.data();
  tile.c = actual.data();
  tile.ldc = ldc;
  tile.low = c.low;
  tile.high = c.high;
  (c.depthwise ? kernels.depthwise : kernels.grouped)[c.height](tile);

  for (int i = 0; i < c.height; i++) {
    for (int64_t block = 0; block < c.blocks; block++) {
      for (int64_t l = 0; l < outputs; l++) {
        float sum = 0.0f;
        for (int64_t t = 0; t < c.taps; t++) {
          const float* row = rows[static_cast<std::size_t>(t * c.height + i)];
          if (row == nullptr) continue;
          const float* x = row + c.base + block * inputs + index[static_cast<std::size_t>(l)];
          for (int64_t k = 0; k < c.groupInputs; k++)
            sum = std::fmaf(x[k], panel[((block * c.taps + t) * c.groupInputs + k) * lanes + l], sum);
        }
        sum += bias[block * lanes + l];
        sum = c.low > sum ? c.low : sum;
        expected[i * ldc + block * outputs + l] = c.high < sum ? c.high : sum;
      }
    }
  }
  checkSame(actual, expected, describe(kernels, c));
}

void runHeight(const Kernels& kernels, int height, Random& random) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const int64_t lanes = kernels.lanes;
  const float highs[] = {kInfinity, 0.25f};
  const float lows[] = {-kInfinity, 0.0f};
  const auto draw = [&](bool depthwise, int64_t groupInputs, int64_t groupOutputs, int64_t groups) {
    Case c{};
    c.depthwise = depthwise;
    c.height = height;
    c.taps = random.chance(2) ? 9 : random.between(1, 4);
    c.groupInputs = groupInputs;
    c.groupOutputs = groupOutputs;
    c.groups = groups;
    c.blocks = random.between(1, 3);
    c.base = random.between(0, 5);
    c.ldcExtra = random.between(0, 3);
    c.emptyTap = c.taps > 1 && random.chance(2) ? random.below(c.taps) : -1;
    c.low = random.of(lows);
    c.high = random.of(highs);
    runCase(kernels, c, random);
  };
  for (int64_t channels = 1; channels <= lanes; channels++) draw(true, 1, 1, channels);
  for (int64_t groupInputs = 1; groupInputs <= lanes; groupInputs++) {
    for (int64_t groupOutputs = 1; groupOutputs <= lanes; groupOutputs++) {
      const int64_t most = lanes / (groupInputs > groupOutputs ? groupInputs : groupOutputs);
      draw(false, groupInputs, groupOutputs, most);
      if (most > 1 && random.chance(2)) draw(false, groupInputs, groupOutputs, random.between(1, most - 1));
    }
  }
}

}  // namespace
}  // namespace convkit::test

int main() {
  using namespace convkit;
  test::Random random(2);
  for (const Kernels* kernels : supportedKernels()) {
    test::check(kernels->groupedRows > 0, std::string(kernels->name) + " has grouped tiles");
    for (int height = 1; height <= kernels->groupedRows; height++) test::runHeight(*kernels, height, random);
  }
  return test::verdict();
}
