// How dense products are divided between threads: every output in one part, and parts that none of several
// threads waits for. And depthwise convolutions that are divided as what they read was.
#include "conv/division.h"

#include <algorithm>
#include <string>
#include <vector>

#include "check.h"
#include "conv/multiply.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

ConvGeometry pointwise(int64_t side, int64_t inputs, int64_t outputs) {
  ConvGeometry g{};
  g.inputSize = g.outputSize = {1, side, side};
  g.kernelSize = g.stride = g.dilation = {1, 1, 1};
  g.groups = 1;
  g.inChannels = inputs;
  g.outChannels = outputs;
  return g;
}

ConvGeometry depthwise(int64_t side, int64_t channels, int64_t stride) {
  ConvGeometry g = pointwise(side, channels, channels);
  g.kernelSize = {1, 3, 3};
  g.stride = {1, stride, stride};
  g.padBegin = g.padEnd = {0, 1, 1};
  g.outputSize = {1, (side - 1) / stride + 1, (side - 1) / stride + 1};
  g.groups = channels;
  return g;
}

struct Packed {
  std::shared_ptr<const Conv> conv;
  std::shared_ptr<const PackedFilter> filter;
};

Packed pack(const ConvGeometry& g, const Kernels& kernels, Random& random) {
  const char* reason = nullptr;
  const auto conv = makeConv(g, kernels, &reason);
  const Floats weight(weightLength(*conv), random);
  return {conv, packFilter(*conv, weight.data(), nullptr)};
}

// Tile by tile as runDense cuts them: each position of each panel once. The work of the thread that has most
// of it, of the chunks that are its own.
int64_t mostOfAThread(const Packed& layer, int64_t threads, const std::string& claim) {
  const PackedFilter& filter = *layer.filter;
  const int64_t positions = layer.conv->positions(), panels = static_cast<int64_t>(filter.panels.size());
  const Division division(*layer.conv, filter, positions);
  std::vector<int> times(static_cast<std::size_t>(positions * panels));
  std::vector<int64_t> work(static_cast<std::size_t>(threads));
  const int64_t chunks = division.chunks();
  for (int64_t chunk = 0; chunk < chunks; chunk++) {
    const Part part = division.part(chunk);
    const EvenTiles even(part.end - part.begin, filter.height);
    const int64_t tileBegin = even.tiles() * part.block / part.blocks,
                  tileEnd = even.tiles() * (part.block + 1) / part.blocks;
    check(tileEnd > tileBegin && part.panelEnd > part.panelBegin, claim + ": no part is empty");
    for (int64_t tile = tileBegin; tile < tileEnd; tile++)
      for (int64_t i = 0; i < even.height(tile); i++)
        for (int64_t p = part.panelBegin; p < part.panelEnd; p++) {
          times[static_cast<std::size_t>((part.begin + even.begin(tile) + i) * panels + p)]++;
          work[static_cast<std::size_t>(chunk * threads / chunks)] +=
              filter.panels[static_cast<std::size_t>(p)].vectors;
        }
  }
  check(std::all_of(times.begin(), times.end(), [](int n) { return n == 1; }),
        claim + ": every output is computed once");
  return *std::max_element(work.begin(), work.end());
}

void everyOutputIsInOnePart() {
  Random random(1);
  for (const Kernels* kernels : supportedKernels())
    for (const int64_t side : {1, 2, 3, 7, 14, 15, 28})
      for (const int64_t outputs : {1, 16, 65, 128, 160, 300, 320, 960})
        for (const int64_t inputs : {8, 96, 700}) {
          if (outputs * inputs > 100'000) continue;
          const Packed layer = pack(pointwise(side, inputs, outputs), *kernels, random);
          for (const int threads : {1, 2, 3, 5, 16}) {
            setThreadCount(threads);
            mostOfAThread(layer, threads,
                          std::string(kernels->name) + " " + std::to_string(threads) + " threads, " +
                              std::to_string(inputs) + " to " + std::to_string(outputs) + " channels of " +
                              std::to_string(side));
          }
        }
}

// 15 panels of 49 positions, 3 of them (160 channels), 33 tiles of 196 positions
void twoThreadsHaveAsMuch() {
  Random random(2);
  setThreadCount(2);
  const int64_t layers[][3] = {{7, 160, 960}, {7, 960, 160}, {14, 96, 576}, {14, 576, 96}, {7, 960, 320}};
  for (const auto& [side, inputs, outputs] : layers) {
    const Packed layer = pack(pointwise(side, inputs, outputs), bestKernels(), random);
    const std::string claim = std::to_string(inputs) + " to " + std::to_string(outputs) + " channels";
    int64_t all = 0;
    for (const Panel& panel : layer.filter->panels) all += panel.vectors * layer.conv->positions();
    const int64_t most = mostOfAThread(layer, 2, claim);
    check(most * 2 <= all + all / 25, claim + ": neither of two threads has more than 52 of 100 parts");
  }
}

// As the convolution that made the input was divided, and as it is without one: the same bits.
void depthwiseFollowsItsMaker() {
  Random random(3);
  for (const Kernels* kernels : supportedKernels())
    for (const int64_t side : {5, 13, 14, 15, 28})
      for (const int64_t channels : {48, 200, 576})
        for (const int64_t stride : {1, 2}) {
          const Packed maker = pack(pointwise(side, 40, channels), *kernels, random),
                       layer = pack(depthwise(side, channels, stride), *kernels, random);
          const Floats x(inputLength(*layer.conv, 1), random);
          Floats expected(outputLength(*layer.conv, 1));
          setThreadCount(1);
          runConv(*layer.conv, *layer.filter, x.data(), expected.data(), 1, nullptr);
          for (const int threads : {2, 3, 4, 7}) {
            setThreadCount(threads);
            Input input(x.data());
            input.maker = {maker.conv.get(), maker.filter.get(), 1};
            Floats y(expected.size());
            runConv(*layer.conv, *layer.filter, input, y.data(), 1, nullptr);
            checkSame(y, expected,
                      std::string(kernels->name) + " " + std::to_string(threads) + " threads, " +
                          std::to_string(channels) + " channels of " + std::to_string(side) + ", stride " +
                          std::to_string(stride));
          }
        }
}

}  // namespace
}  // namespace convkit::test

int main() {
  using namespace convkit;
  test::everyOutputIsInOnePart();
  test::twoThreadsHaveAsMuch();
  test::depthwiseFollowsItsMaker();
  joinWorkers();
  return test::verdict();
}
