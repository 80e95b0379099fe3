// Whole convolutions of random shapes on every instruction set and several thread counts, against one naive
// chain per output: the same bits, and nothing written outside the output. `convolution_test SEED` repeats
// one case.
#include <cmath>

#include "check.h"
#include "conv/conv.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

constexpr int kCases = 1000;

struct Axis {
  int64_t input, kernel, stride, dilation, padBegin, padEnd, output;
};

// A drawn axis always has an output; its sizes probe 1, a kernel's edge, and a tile's.
Axis drawAxis(Random& random, PaddingMode mode, bool unit) {
  if (unit) return {1, 1, 1, 1, 0, 0, 1};
  const int64_t kernels[] = {1, 1, 2, 3, 3, 3, 4, 5, 7};
  const int64_t inputs[] = {1, 2, 3, 5, 6, 7, 8, 11, 12, 13, 14, 15, 17};
  while (true) {
    Axis a{};
    a.input = random.of(inputs);
    a.kernel = random.of(kernels);
    a.stride = random.chance(3) ? random.between(2, 4) : 1;
    a.dilation = random.chance(4) ? random.between(2, 3) : 1;
    const int64_t extent = (a.kernel - 1) * a.dilation + 1;
    const int64_t most = mode == PaddingMode::reflect    ? a.input - 1
                         : mode == PaddingMode::circular ? a.input
                                                         : extent;
    const bool padded = !random.chance(3);
    a.padBegin = padded ? random.between(0, most < extent ? most : extent) : 0;
    a.padEnd = padded ? random.between(0, most < extent ? most : extent) : 0;
    const int64_t room = a.input + a.padBegin + a.padEnd - extent;
    if (room < 0) continue;
    a.output = room / a.stride + 1;
    return a;
  }
}

// An axis of a 1x1 convolution; planes of 256 positions and their multiples among them.
Axis drawPoints(Random& random, bool real) {
  if (!real) return {1, 1, 1, 1, 0, 0, 1};
  const int64_t inputs[] = {1, 3, 4, 7, 8, 9, 13, 16, 17, 32};
  Axis a{random.of(inputs), 1, random.chance(3) ? random.between(2, 3) : 1, 1, 0, 0, 0};
  a.output = (a.input - 1) / a.stride + 1;
  return a;
}

ConvGeometry drawGeometry(Random& random) {
  const PaddingMode modes[] = {PaddingMode::zeros, PaddingMode::zeros, PaddingMode::reflect,
                               PaddingMode::replicate, PaddingMode::circular};
  const Activation activations[] = {
      Activation::none,    Activation::none, Activation::relu, Activation::relu6, Activation::leakyRelu,
      Activation::sigmoid, Activation::tanh, Activation::silu, Activation::gelu,  Activation::hardswish};
  const int64_t widths[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100};
  const int64_t groupWidths[] = {1, 1, 2, 3, 4, 5, 8, 16, 17, 20};
  ConvGeometry g{};
  g.paddingMode = random.of(modes);
  g.activation = random.of(activations);
  g.activationParameters = {0.01f, 20.0f};
  const bool oneDimensional = random.chance(6), threeDimensional = random.chance(5);
  Axis d = drawAxis(random, g.paddingMode, !threeDimensional);
  Axis h = drawAxis(random, g.paddingMode, oneDimensional);
  Axis w = drawAxis(random, g.paddingMode, false);
  if (random.chance(5)) {
    d = drawPoints(random, threeDimensional);
    h = drawPoints(random, !oneDimensional);
    w = drawPoints(random, true);
  } else if (random.chance(6)) {
    h = drawPoints(random, !oneDimensional);  // kernels of one row
  }
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
    g.groups = g.inChannels;
    g.outChannels = g.inChannels * (random.chance(3) ? random.between(2, 3) : 1);
  } else if (random.chance(3)) {
    g.groups = random.between(2, 9);
    g.inChannels = g.groups * random.of(groupWidths);
    g.outChannels = g.groups * random.of(groupWidths);
  }
  return g;
}

int64_t multiplications(const ConvGeometry& g) {
  return g.outputSize.product() * g.outChannels * g.kernelSize.product() * (g.inChannels / g.groups);
}

// The input index that tap `position` (which may lie outside) reads, or -1 for none.
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

float naiveOutput(const ConvGeometry& g, const float* image, const Floats& weight, const float* bias,
                  int64_t out, int64_t od, int64_t oh, int64_t ow) {
  const int64_t perGroup = g.inChannels / g.groups,
                firstChannel = out / (g.outChannels / g.groups) * perGroup;
  float sum = 0.0f;
  for (int64_t kd = 0; kd < g.kernelSize.depth; kd++) {
    const int64_t d = readFrom(od * g.stride.depth - g.padBegin.depth + kd * g.dilation.depth,
                               g.inputSize.depth, g.paddingMode);
    for (int64_t kh = 0; kh < g.kernelSize.height; kh++) {
      const int64_t h = readFrom(oh * g.stride.height - g.padBegin.height + kh * g.dilation.height,
                                 g.inputSize.height, g.paddingMode);
      for (int64_t kw = 0; kw < g.kernelSize.width; kw++) {
        const int64_t w = readFrom(ow * g.stride.width - g.padBegin.width + kw * g.dilation.width,
                                   g.inputSize.width, g.paddingMode);
        if (d < 0 || h < 0 || w < 0) continue;
        const float* x =
            image + ((d * g.inputSize.height + h) * g.inputSize.width + w) * g.inChannels + firstChannel;
        for (int64_t c = 0; c < perGroup; c++) {
          const int64_t tap = ((out * perGroup + c) * g.kernelSize.depth + kd) * g.kernelSize.height + kh;
          sum = std::fmaf(x[c], weight[tap * g.kernelSize.width + kw], sum);
        }
      }
    }
  }
  const float b = bias == nullptr ? 0.0f : bias[out];
  return sum + (b == 0.0f ? 0.0f : b);
}

Floats naiveConv(const ConvGeometry& g, const Floats& x, const Floats& weight, const float* bias,
                 int64_t batch, const float* residual) {
  const int64_t image = g.inputSize.product() * g.inChannels;
  Floats y(batch * g.outputSize.product() * g.outChannels);
  int64_t at = 0;
  for (int64_t n = 0; n < batch; n++)
    for (int64_t d = 0; d < g.outputSize.depth; d++)
      for (int64_t h = 0; h < g.outputSize.height; h++)
        for (int64_t w = 0; w < g.outputSize.width; w++)
          for (int64_t out = 0; out < g.outChannels; out++)
            y[at++] = naiveOutput(g, x.data() + n * image, weight, bias, out, d, h, w);
  for (int64_t i = 0; residual != nullptr && i < y.size(); i++) y[i] += residual[i];
  findKernels("scalar")->activate(g.activation, g.activationParameters, {y.data(), y.data(), y.size()});
  return y;
}

// [batch, rows, columns] to [batch, columns, rows]
Floats transposed(const Floats& x, int64_t batch, int64_t rows, int64_t columns) {
  Floats y(x.size());
  for (int64_t n = 0; n < batch; n++)
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < columns; c++) y[(n * columns + c) * rows + r] = x[(n * rows + r) * columns + c];
  return y;
}

std::string describe(const ConvGeometry& g, int64_t batch, int64_t seed) {
  char text[320];
  const auto n = [](int64_t v) { return static_cast<long long>(v); };
  std::snprintf(text, sizeof text,
                "seed %lld: batch %lld, %lldx%lldx%lldx%lld -> %lld, kernel %lldx%lldx%lld, groups %lld, "
                "padding mode %d, "
                "activation %d",
                n(seed), n(batch), n(g.inChannels), n(g.inputSize.depth), n(g.inputSize.height),
                n(g.inputSize.width), n(g.outChannels), n(g.kernelSize.depth), n(g.kernelSize.height),
                n(g.kernelSize.width), n(g.groups), static_cast<int>(g.paddingMode),
                static_cast<int>(g.activation));
  return text;
}

void runCase(int64_t seed) {
  Random random(static_cast<uint64_t>(seed));
  ConvGeometry g = drawGeometry(random);
  while (multiplications(g) > 1'000'000) g = drawGeometry(random);
  const int64_t batch = random.chance(10) ? 0 : random.between(1, 3);

  const Floats x(batch * g.inputSize.product() * g.inChannels, random);
  const Floats weight(g.outChannels * (g.inChannels / g.groups) * g.kernelSize.product(), random);
  const Floats biasValues(g.outChannels, random);
  const float* bias = random.chance(3) ? nullptr : biasValues.data();
  const Floats added(batch * g.outputSize.product() * g.outChannels, random);
  const bool adds = random.chance(3);
  const Floats expected = naiveConv(g, x, weight, bias, batch, adds ? added.data() : nullptr);
  const std::string claim = describe(g, batch, seed);

  const Floats planesIn = transposed(x, batch, g.inputSize.product(), g.inChannels),
               planesOut = transposed(expected, batch, g.outputSize.product(), g.outChannels),
               planesAdded = transposed(added, batch, g.outputSize.product(), g.outChannels);
  for (const Kernels* kernels : supportedKernels()) {
    const char* reason = nullptr;
    g.inputLayout = g.outputLayout = Layout::channelsLast;
    const auto conv = makeConv(g, *kernels, &reason);
    if (!check(conv != nullptr, claim + " is accepted: " + (reason == nullptr ? "" : reason))) return;
    check(inputLength(*conv) * batch == x.size() && outputLength(*conv) * batch == expected.size(),
          claim + " has the lengths of its geometry");
    auto room =
        std::make_shared<FilterRoom>(FilterRoom::bytesOf(static_cast<std::size_t>(packedWeights(*conv))));
    const auto filter = packFilter(*conv, weight.data(), bias, seed % 2 == 0 ? room : nullptr);
    check((room->take(1) == nullptr) == (seed % 2 == 0), claim + ": a filter fills a room of its size");
    room.reset();  // the filter keeps it
    check(fits(*conv, *filter), claim + ": its own filter fits");
    for (const int threads : {1, static_cast<int>(2 + seed % 3)}) {
      setThreadCount(threads);
      Floats y(expected.size());
      const auto output = [&](const Floats& residual) {
        return Output(y.data(), adds ? residual.data() : nullptr);
      };
      runConv(*conv, *filter, x.data(), output(added), batch, nullptr);
      const std::string how = std::string(kernels->name) + " " + std::to_string(threads) + " threads, ";
      checkSame(y, expected, how + claim);

      // The same images channels-first, on either side or both
      for (const int sides : {1, 2, 3}) {
        g.inputLayout = (sides & 1) != 0 ? Layout::channelsFirst : Layout::channelsLast;
        g.outputLayout = (sides & 2) != 0 ? Layout::channelsFirst : Layout::channelsLast;
        const auto planes = makeConv(g, *kernels, &reason);
        if (!check(planes != nullptr && fits(*planes, *filter), claim + " in planes takes the filter"))
          return;
        y.fill(std::numeric_limits<float>::quiet_NaN());
        runConv(*planes, *filter, (sides & 1) != 0 ? planesIn.data() : x.data(),
                output((sides & 2) != 0 ? planesAdded : added), batch, nullptr);
        checkSame(y, (sides & 2) != 0 ? planesOut : expected,
                  how + "layouts " + std::to_string(sides) + ", " + claim);
      }
    }
  }
}

void refuseInconsistent() {
  Random random(7);
  const ConvGeometry good = drawGeometry(random);
  const auto refused = [&](const char* claim, auto&& spoil) {
    ConvGeometry g = good;
    spoil(g);
    const char* reason = nullptr;
    check(makeConv(g, bestKernels(), &reason) == nullptr && reason != nullptr,
          std::string("refuses ") + claim);
  };
  refused("an output larger than the input gives", [](ConvGeometry& g) { g.outputSize.width += 1; });
  refused("no stride", [](ConvGeometry& g) { g.stride.height = 0; });
  refused("a negative padding", [](ConvGeometry& g) { g.padBegin.width = -1; });
  refused("groups that do not divide", [](ConvGeometry& g) { g.groups = g.inChannels + g.outChannels + 1; });
  refused("sizes that overflow",
          [](ConvGeometry& g) { g.inputSize.height = g.inputSize.width = int64_t{1} << 40; });
}

}  // namespace
}  // namespace convkit::test

int main(int argc, char** argv) {
  using namespace convkit;
  if (argc > 1) {
    test::runCase(std::atoll(argv[1]));
    return test::verdict();
  }
  for (int64_t seed = 1; seed <= test::kCases; seed++) test::runCase(seed);
  test::refuseInconsistent();
  joinWorkers();
  return test::verdict();
}
