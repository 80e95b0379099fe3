// Every gemm tile of every instruction set this processor has, against one naive chain per output.
#include <algorithm>
#include <cmath>
#include <vector>

#include "check.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

struct Case {
  int vectors, height, tail;
  int64_t taps, depth, offset, ldcExtra;
  int64_t split;     // where a second block over the depth takes the chains up; 0 for one block
  int64_t emptyTap;  // a tap that is padding for the whole tile; -1 for none
  float low, high;
  int64_t step, panelGap;  // floats from one k-step of a row to the next, and between those of the panel
  bool rowBias, residual;
  enum {
    plain,
    stepped,
    few
  } kernel;  // which of the table: without steps, gaps and row biases, with them,
             // or for few channels in the last vector
};

std::string describe(const Kernels& kernels, const Case& c) {
  char text[200];
  std::snprintf(text, sizeof text,
                "%s gemm %dx%d vectors, tail %d, taps %lld, depth %lld split %lld, offset %lld", kernels.name,
                c.height, c.vectors, c.tail, static_cast<long long>(c.taps), static_cast<long long>(c.depth),
                static_cast<long long>(c.split), static_cast<long long>(c.offset));
  return text;
}

void runCase(const Kernels& kernels, const Case& c, Random& random) {
  const int64_t panelWidth = static_cast<int64_t>(c.vectors) * kernels.lanes;
  const int64_t width = panelWidth - kernels.lanes + c.tail;
  const int64_t ldc = width + c.ldcExtra;

  // Every input row is an array of its own, so that no read can stray into a neighbour unseen
  std::vector<Floats> inputs;
  std::vector<const float*> rows;
  for (int64_t t = 0; t < c.taps; t++) {
    for (int i = 0; i < c.height; i++) {
      inputs.emplace_back(c.offset + (c.depth - 1) * c.step + 1, random);
      rows.push_back(t == c.emptyTap ? nullptr : inputs.back().data());
    }
  }
  const int64_t panelStep = panelWidth + c.panelGap;
  const AlignedFloats panel(c.taps * c.depth * panelStep, random);
  const AlignedFloats bias(c.rowBias ? c.height : panelWidth, random);

  Floats actual((c.height - 1) * ldc + width), expected((c.height - 1) * ldc + width);
  GemmTile tile{};
  tile.rows = rows.data();
  tile.taps = c.taps;
  tile.c = actual.data();
  tile.ldc = ldc;
  tile.bias = bias.data();
  const Floats residual(actual.size(), random);
  if (c.residual) tile.residual = residual.data();
  tile.tail = c.tail;
  tile.step = c.step;
  tile.panelStep = c.panelGap > 0 ? panelStep : 0;
  tile.rowBias = c.rowBias;
  tile.low = c.low;
  tile.high = c.high;
  const GemmKernel kernel = c.kernel == Case::stepped ? kernels.steppedGemm[c.vectors][c.height]
                            : c.kernel == Case::plain ? kernels.gemm[c.vectors][c.height]
                                                      : kernels.tails[c.vectors][c.tail][c.height];

  if (c.split == 0) {
    tile.depth = c.depth;
    tile.offset = c.offset;
    tile.panel = panel.data();
    tile.first = tile.last = true;
    kernel(tile);
  } else {
    // Two blocks over the depth continue one chain; with one tap their panels lie one after the other
    tile.depth = c.split;
    tile.offset = c.offset;
    tile.panel = panel.data();
    tile.first = true;
    tile.last = false;
    kernel(tile);
    tile.depth = c.depth - c.split;
    tile.offset = c.offset + c.split * c.step;
    tile.panel = panel.data() + c.split * panelStep;
    tile.first = false;
    tile.last = true;
    kernel(tile);
  }

  for (int i = 0; i < c.height; i++) {
    for (int64_t n = 0; n < width; n++) {
      float sum = 0.0f;
      for (int64_t t = 0; t < c.taps; t++) {
        const float* row = rows[static_cast<std::size_t>(t * c.height + i)];
        if (row == nullptr) continue;
        for (int64_t k = 0; k < c.depth; k++)
          sum = std::fmaf(row[c.offset + k * c.step], panel[(t * c.depth + k) * panelStep + n], sum);
      }
      sum += bias[c.rowBias ? i : n];
      if (c.residual) sum += residual[i * ldc + n];
      sum = c.low > sum ? c.low : sum;
      expected[i * ldc + n] = c.high < sum ? c.high : sum;
    }
  }
  checkSame(actual, expected, describe(kernels, c));
}

// As drawn, and plain.
void runBoth(const Kernels& kernels, Case c, Random& random) {
  c.kernel = Case::stepped;
  runCase(kernels, c, random);
  c.step = 1;
  c.panelGap = 0;
  c.rowBias = false;
  c.kernel = Case::plain;
  runCase(kernels, c, random);
}

// Every depth beside a multiple of four, and chains taken up in between.
constexpr int kDepths = 16;
int runTails(const Kernels& kernels, int vectors, int tail, int height, Random& random) {
  if (kernels.tails[vectors][tail][height] == nullptr) return 0;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (int64_t depth = kernels.tailDepth; depth < kDepths; depth++) {
    Case c{};
    c.vectors = vectors;
    c.height = height;
    c.tail = tail;
    c.kernel = Case::few;
    c.taps = random.between(1, 9);
    c.depth = depth;
    c.offset = random.between(0, 5);
    c.ldcExtra = random.between(0, 3);
    c.emptyTap = c.taps > 1 && random.chance(2) ? random.below(c.taps) : -1;
    c.low = random.chance(2) ? -0.25f : -kInfinity;
    c.high = random.chance(2) ? 0.25f : kInfinity;
    c.step = 1;
    c.residual = random.chance(2);
    runCase(kernels, c, random);
    if (depth < 2 * kernels.tailDepth) continue;
    c.taps = 1;
    c.emptyTap = -1;
    c.low = -kInfinity;
    c.high = kInfinity;
    c.split = random.between(kernels.tailDepth, static_cast<int>(depth) - kernels.tailDepth);
    runCase(kernels, c, random);
  }
  return 1;
}

void runTile(const Kernels& kernels, int vectors, int height, Random& random) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const int64_t depths[] = {1, 2, 3, 7, 8, 9, 17};
  const int64_t taps[] = {1, 2, 9};
  const float highs[] = {kInfinity, 0.25f};
  const float lows[] = {-kInfinity, 0.0f};
  for (const int tail : {1, kernels.lanes / 2, kernels.lanes - 1, kernels.lanes}) {
    if (tail < 1) continue;
    for (int repeat = 0; repeat < 4; repeat++) {
      Case c{};
      c.vectors = vectors;
      c.height = height;
      c.tail = tail;
      c.split = 0;
      c.taps = random.of(taps);
      c.depth = random.of(depths);
      c.offset = random.between(0, 5);
      c.ldcExtra = random.between(0, 3);
      c.emptyTap = c.taps > 1 && random.chance(2) ? random.below(c.taps) : -1;
      c.low = random.of(lows);
      c.high = random.of(highs);
      c.step = random.chance(2) ? random.between(2, 9) : 1;
      c.panelGap = random.chance(2) ? random.between(1, 9) : 0;
      c.rowBias = random.chance(2);
      c.residual = random.chance(2);
      runBoth(kernels, c, random);
    }
    Case c{};
    c.vectors = vectors;
    c.height = height;
    c.tail = tail;
    c.taps = 1;
    c.depth = 11;
    c.split = random.between(1, 10);
    c.emptyTap = -1;
    c.low = -kInfinity;
    c.high = kInfinity;
    c.step = random.between(1, 3);
    c.panelGap = random.between(0, 2);
    c.rowBias = random.chance(2);
    c.residual = random.chance(2);
    runBoth(kernels, c, random);
  }
}

// Products without bias whose rows keep an input beyond whole vectors apart, an output or both.
void runApart(const Kernels& kernels, GemmKernel kernel, int vectors, int height, int64_t depth, bool input,
              bool output, Random& random) {
  const int64_t panelWidth = static_cast<int64_t>(vectors) * kernels.lanes,
                width = output ? panelWidth - kernels.lanes : panelWidth, steps = depth + (input ? 1 : 0);
  std::vector<Floats> inputs;
  std::vector<const float*> rows;
  for (int i = 0; i < height; i++) {
    inputs.emplace_back(depth, random);
    rows.push_back(inputs.back().data());
  }
  const AlignedFloats panel(steps * panelWidth, random);
  const Floats beyond(std::max(height, kernels.lanes), random);
  Floats actual(height * width), expected(height * width), tails(kernels.lanes);
  GemmTile tile{};
  tile.rows = rows.data();
  tile.taps = 1;
  tile.depth = depth;
  tile.panel = panel.data();
  tile.c = actual.data();
  tile.ldc = width;
  tile.tail = kernels.lanes;
  tile.first = true;
  if (input) tile.beyond = beyond.data();
  if (output) tile.tails = tails.data();
  kernel(tile);

  const auto sumOf = [&](int i, int64_t n) {
    float sum = 0.0f;
    for (int64_t k = 0; k < steps; k++)
      sum = std::fmaf(k < depth ? rows[static_cast<std::size_t>(i)][k] : beyond[i], panel[k * panelWidth + n],
                      sum);
    return sum;
  };
  for (int i = 0; i < height; i++)
    for (int64_t n = 0; n < width; n++) expected[i * width + n] = sumOf(i, n);
  const std::string where = std::string(kernels.name) + ", " + std::to_string(height) + "x" +
                            std::to_string(vectors) + " vectors, depth " + std::to_string(depth);
  checkSame(actual, expected, "channels apart, " + where);
  for (int i = 0; output && i < height; i++)
    check(tails[i] == sumOf(i, width), "an output apart, " + where + ", row " + std::to_string(i));
}

int runProducts(const Kernels& kernels, int vectors, int height, Random& random) {
  const GemmKernel beyond = kernels.beyond[vectors][height], apart = kernels.apart[vectors][height];
  for (const int64_t depth : {4, 5, 6, 7, 8, 16, 17, 32}) {
    if (beyond != nullptr) runApart(kernels, beyond, vectors, height, depth, true, false, random);
    if (apart == nullptr) continue;
    runApart(kernels, apart, vectors, height, depth, true, true, random);
    runApart(kernels, apart, vectors, height, depth, false, true, random);
  }
  return (beyond != nullptr ? 1 : 0) + (apart != nullptr ? 1 : 0);
}

}  // namespace
}  // namespace convkit::test

int main() {
  using namespace convkit;
  test::Random random(1);
  for (const Kernels* kernels : supportedKernels()) {
    int tiles = 0, few = 0, products = 0;
    for (int vectors = 1; vectors <= kMaxVectors; vectors++) {
      for (int height = 1; height <= kernels->rows[vectors]; height++, tiles++)
        test::runTile(*kernels, vectors, height, random);
      for (int tail = 1; tail <= kTailChannels; tail++)
        for (int height = 1; height <= kMaxRows; height++)
          few += test::runTails(*kernels, vectors, tail, height, random);
      for (int height = 1; height <= kMaxRows; height++)
        products += test::runProducts(*kernels, vectors, height, random);
    }
    test::check(tiles > 0, std::string(kernels->name) + " has gemm tiles");
    test::check(few > 0 || kernels->lanes < 8, std::string(kernels->name) + " has tiles for few channels");
    test::check((products > 0) == (few > 0), std::string(kernels->name) + " has products for few channels");
    std::printf("%s: %d tiles, %d for few channels, %d products\n", kernels->name, tiles, few, products);
  }
  return test::verdict();
}
