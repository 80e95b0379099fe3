// Weight gradients of random convolutions on every instruction set and several thread counts, against one
// naive chain for each chunk of positions: the same bits, and nothing written outside the gradient.
// `weight_gradient_test SEED` repeats one case.
#include "conv/weight_gradient.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "check.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

constexpr int kCases = 500;
constexpr int64_t kChain = 256;

struct Axis {
  int64_t input, kernel, stride, dilation, padBegin, padEnd, output;
};

Axis drawAxis(Random& random, PaddingMode mode, bool unit) {
  if (unit) return {1, 1, 1, 1, 0, 0, 1};
  const int64_t kernels[] = {1, 1, 2, 3, 3, 3, 4, 5, 7};
  const int64_t inputs[] = {1, 2, 3, 5, 7, 8, 12, 15, 17, 23};
  while (true) {
    Axis a{};
    a.input = random.of(inputs);
    a.kernel = random.of(kernels);
    a.stride = random.chance(3) ? random.between(2, 3) : 1;
    a.dilation = random.chance(4) ? random.between(2, 3) : 1;
    const int64_t extent = (a.kernel - 1) * a.dilation + 1;
    const int64_t most = mode == PaddingMode::reflect    ? a.input - 1
                         : mode == PaddingMode::circular ? a.input
                                                         : extent;
    const auto pad = [&] { return random.chance(3) ? 0 : random.between(0, std::min(most, extent)); };
    a.padBegin = pad();
    a.padEnd = pad();
    const int64_t room = a.input + a.padBegin + a.padEnd - extent;
    if (room < 0) continue;
    a.output = room / a.stride + 1;
    return a;
  }
}

ConvGeometry drawGeometry(Random& random) {
  const PaddingMode modes[] = {PaddingMode::zeros, PaddingMode::zeros, PaddingMode::reflect,
                               PaddingMode::replicate, PaddingMode::circular};
  const int64_t widths[] = {1, 2, 3, 4, 7, 8, 9, 13, 15, 16, 17, 31, 32, 33, 65};
  ConvGeometry g{};
  g.paddingMode = random.of(modes);
  const Axis d = drawAxis(random, g.paddingMode, !random.chance(5)),
             h = drawAxis(random, g.paddingMode, random.chance(6)),
             w = drawAxis(random, g.paddingMode, false);
  g.inputSize = {d.input, h.input, w.input};
  g.kernelSize = {d.kernel, h.kernel, w.kernel};
  g.stride = {d.stride, h.stride, w.stride};
  g.dilation = {d.dilation, h.dilation, w.dilation};
  g.padBegin = {d.padBegin, h.padBegin, w.padBegin};
  g.padEnd = {d.padEnd, h.padEnd, w.padEnd};
  g.outputSize = {d.output, h.output, w.output};
  g.groups = 1;
  g.inChannels = random.of(widths);
  g.outChannels = random.of(widths);
  if (random.chance(3)) {  // depthwise, with a multiplier now and then
    const int64_t groups[] = {2, 5, 16, 33, 64, 100, 200};
    g.inChannels = g.groups = random.of(groups);
    g.outChannels = g.groups * (random.chance(3) ? random.between(2, 3) : 1);
  } else if (random.chance(3)) {
    const int64_t groupWidths[] = {1, 2, 3, 4, 5, 8, 9, 17};
    g.groups = random.between(2, 9);
    g.inChannels = g.groups * random.of(groupWidths);
    g.outChannels = g.groups * random.of(groupWidths);
  }
  return g;
}

int64_t readFrom(int64_t position, int64_t size, PaddingMode mode) {
  if (position >= 0 && position < size) return position;
  switch (mode) {
    case PaddingMode::zeros:
      return -1;
    case PaddingMode::reflect:
      return position < 0 ? -position : 2 * (size - 1) - position;
    case PaddingMode::replicate:
      return position < 0 ? 0 : size - 1;
    case PaddingMode::circular:
      return (position % size + size) % size;
  }
  return -1;
}

// The pixel that a tap reads at an output position of the batch; -1 for none.
int64_t pixelOf(const ConvGeometry& g, int64_t position, int64_t tap) {
  const Triple &o = g.outputSize, &k = g.kernelSize, &in = g.inputSize;
  const int64_t w =
      readFrom(position % o.width * g.stride.width - g.padBegin.width + tap % k.width * g.dilation.width,
               in.width, g.paddingMode);
  const int64_t h = readFrom(position / o.width % o.height * g.stride.height - g.padBegin.height +
                                 tap / k.width % k.height * g.dilation.height,
                             in.height, g.paddingMode);
  const int64_t d = readFrom(position / o.width / o.height % o.depth * g.stride.depth - g.padBegin.depth +
                                 tap / k.width / k.height * g.dilation.depth,
                             in.depth, g.paddingMode);
  if (d < 0 || h < 0 || w < 0) return -1;
  return ((position / o.product() * in.depth + d) * in.height + h) * in.width + w;
}

Floats naive(const ConvGeometry& g, const Floats& x, const Floats& upstream, int64_t positions) {
  const int64_t inputs = g.inChannels / g.groups, outputs = g.outChannels / g.groups,
                taps = g.kernelSize.product();
  Floats gradient(g.outChannels * inputs * taps);
  for (int64_t tap = 0; tap < taps; tap++) {
    std::vector<int64_t> pixels;
    for (int64_t p = 0; p < positions; p++) pixels.push_back(pixelOf(g, p, tap));
    for (int64_t n = 0; n < g.outChannels; n++) {
      for (int64_t c = 0; c < inputs; c++) {
        float total = 0.0f;
        for (int64_t first = 0; first < positions; first += kChain) {
          float sum = 0.0f;
          for (int64_t p = first; p < std::min(positions, first + kChain); p++) {
            const int64_t pixel = pixels[static_cast<std::size_t>(p)];
            if (pixel < 0) continue;
            sum = std::fmaf(x[pixel * g.inChannels + n / outputs * inputs + c],
                            upstream[p * g.outChannels + n], sum);
          }
          total += sum;
        }
        gradient[(n * inputs + c) * taps + tap] = total;
      }
    }
  }
  return gradient;
}

void runCase(int64_t seed) {
  Random random(static_cast<uint64_t>(seed));
  ConvGeometry g = drawGeometry(random);
  const int64_t batch = random.between(0, 4), positions = batch * g.outputSize.product();
  const int64_t cost = positions * g.outChannels * g.kernelSize.product() * (g.inChannels / g.groups);
  if (cost > 600000) return;
  const Floats x(batch * g.inputSize.product() * g.inChannels, random),
      upstream(positions * g.outChannels, random);
  const Floats expected = naive(g, x, upstream, positions);
  for (const Kernels* kernels : supportedKernels()) {
    const char* reason = nullptr;
    const auto conv = makeConv(g, *kernels, &reason);
    if (!check(conv != nullptr, "seed " + std::to_string(seed) + ": " + (reason ? reason : ""))) return;
    for (const int threads : {1, 2, 3}) {
      setThreadCount(threads);
      Floats gradient(expected.size());
      runWeightGradient(*conv, x.data(), upstream.data(), gradient.data(), nullptr, batch, nullptr);
      checkSame(gradient, expected,
                "seed " + std::to_string(seed) + ", " + kernels->name + ", " + std::to_string(threads) +
                    " threads, " + std::to_string(g.inChannels) + " to " + std::to_string(g.outChannels) +
                    " channels in " + std::to_string(g.groups) + " groups");
    }
  }
}

}  // namespace
}  // namespace convkit::test

int main(int argc, char** argv) {
  using namespace convkit::test;
  if (argc > 1) runCase(std::atoll(argv[1]));
  else
    for (int64_t seed = 1; seed <= kCases; seed++) runCase(seed);
  return verdict();
}
