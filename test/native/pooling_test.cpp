// Whole poolings over random windows on every instruction set, against a naive loop.
#include <cmath>
#include <vector>

#include "check.h"
#include "isa/dispatch.h"
#include "pooling/pool.h"

namespace convkit::test {
namespace {

PoolAxis drawAxis(Random& random, bool unit) {
  PoolAxis axis{};
  axis.size = unit ? 1 : random.between(1, 12);
  axis.dilation = unit ? 1 : random.between(1, 2);
  const int64_t outputs = unit ? 1 : random.between(1, 9);
  for (int64_t i = 0; i < outputs; i++) {
    const int64_t begin = random.below(axis.size), end = random.between(begin + 1, axis.size);
    axis.begin.push_back(static_cast<int32_t>(begin));
    axis.end.push_back(static_cast<int32_t>(end));
    axis.span.push_back(static_cast<int32_t>(random.between(1, 5)));
  }
  return axis;
}

Floats naivePool(const PoolGeometry& g, const Floats& x, int64_t batch) {
  Floats y(batch * outputLength(g));
  const PoolAxis &depth = g.axes[0], &height = g.axes[1], &width = g.axes[2];
  int64_t at = 0;
  for (int64_t n = 0; n < batch; n++)
    for (std::size_t od = 0; od < depth.begin.size(); od++)
      for (std::size_t oh = 0; oh < height.begin.size(); oh++)
        for (std::size_t ow = 0; ow < width.begin.size(); ow++)
          for (int64_t c = 0; c < g.channels; c++) {
            float result = 0.0f, chunk = 0.0f;
            int64_t taps = 0;
            for (int64_t d = depth.begin[od]; d < depth.end[od]; d += depth.dilation)
              for (int64_t h = height.begin[oh]; h < height.end[oh]; h += height.dilation)
                for (int64_t w = width.begin[ow]; w < width.end[ow]; w += width.dilation) {
                  const float v =
                      x[(((n * depth.size + d) * height.size + h) * width.size + w) * g.channels + c];
                  if (g.kind == PoolKind::max) {
                    if (taps++ == 0 || v > result) result = v;
                    continue;
                  }
                  chunk += v;
                  if (++taps % 256 != 0) continue;
                  result += chunk;
                  chunk = 0.0f;
                }
            if (g.kind == PoolKind::average) {
              result += chunk;
              const int64_t divisor = int64_t{depth.span[od]} * height.span[oh] * width.span[ow];
              result /= static_cast<float>(divisor);
            }
            y[at++] = result;
          }
  return y;
}

void runOnAll(const PoolGeometry& g, int64_t batch, int threads, Random& random, const std::string& what) {
  const std::string claim = what + ", " + std::to_string(g.channels) + " channels";
  if (!check(checkPool(g) == nullptr, claim + " is accepted")) return;
  const Floats x(batch * inputLength(g), random);
  const Floats expected = naivePool(g, x, batch);
  for (const Kernels* kernels : supportedKernels()) {
    setThreadCount(threads);
    Floats y(expected.size());
    runPool(g, *kernels, x.data(), y.data(), batch, nullptr);
    checkSame(y, expected, std::string(kernels->name) + " pooling, " + claim);
  }
}

void runCase(int64_t seed) {
  Random random(static_cast<uint64_t>(seed));
  PoolGeometry g{};
  g.kind = random.chance(2) ? PoolKind::max : PoolKind::average;
  const int64_t channels[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 64, 65};
  g.channels = random.of(channels);
  g.axes[0] = drawAxis(random, !random.chance(3));
  g.axes[1] = drawAxis(random, random.chance(4));
  g.axes[2] = drawAxis(random, false);
  runOnAll(g, random.between(0, 3), static_cast<int>(1 + seed % 3), random, "seed " + std::to_string(seed));
}

// The average of an image, around the chunks that its sum is made of.
void averageImages() {
  Random random(7);
  for (const int32_t positions : {1, 2, 255, 256, 257, 512, 800, 5000})
    for (const int64_t channels : {1, 16, 17, 64, 600})
      for (const int64_t batch : {1, 3})
        for (const int threads : {1, 2}) {
          const PoolAxis one{1, 1, {0}, {1}, {1}}, line{positions, 1, {0}, {positions}, {positions}};
          PoolGeometry g{};
          g.kind = PoolKind::average;
          g.channels = channels;
          g.axes[0] = one;
          g.axes[1] = line;
          g.axes[2] = one;
          runOnAll(g, batch, threads, random, std::to_string(positions) + " positions");
        }
}

void refuseOutsideWindows() {
  Random random(5);
  PoolGeometry g{};
  g.kind = PoolKind::max;
  g.channels = 3;
  for (PoolAxis& axis : g.axes) axis = drawAxis(random, false);
  const auto refused = [&](const char* claim, auto&& spoil) {
    PoolGeometry bad = g;
    spoil(bad.axes[1]);
    check(checkPool(bad) != nullptr, std::string("refuses ") + claim);
  };
  refused("a window past the input",
          [](PoolAxis& axis) { axis.end[0] = static_cast<int32_t>(axis.size + 1); });
  refused("a window before the input", [](PoolAxis& axis) { axis.begin[0] = -1; });
  refused("an empty window", [](PoolAxis& axis) { axis.begin[0] = axis.end[0]; });
  refused("no dilation", [](PoolAxis& axis) { axis.dilation = 0; });
}

}  // namespace
}  // namespace convkit::test

int main() {
  using namespace convkit;
  for (int64_t seed = 1; seed <= 300; seed++) test::runCase(seed);
  test::averageImages();
  test::refuseOutsideWindows();
  joinWorkers();
  return test::verdict();
}
