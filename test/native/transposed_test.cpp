// Transposed convolutions of random shapes on every instruction set, against the definition: each output
// gathers the taps that reach it, in the order of the kernel, then the channel. The same bits, and nothing
// written outside the output.
#include <algorithm>
#include <cmath>

#include "check.h"
#include "conv/conv.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

constexpr int kCases = 160;
int64_t Triple::*const kAxes[] = {&Triple::depth, &Triple::height, &Triple::width};

ConvGeometry drawGeometry(Random& random) {
  const int64_t groups[] = {1, 1, 1, 2, 3, 5, 8, 16, 33};
  const int64_t widths[] = {1, 1, 2, 3, 4, 8, 12, 16, 17, 33};
  ConvGeometry g{};
  g.transposed = true;
  g.activation = random.chance(4) ? Activation::relu : random.chance(4) ? Activation::tanh : Activation::none;
  g.groups = random.of(groups);
  g.inChannels = g.groups * random.of(widths);
  g.outChannels = g.groups * random.of(widths);
  for (int axis = 0; axis < 3; axis++) {
    const bool unit = axis == 0 && !random.chance(4);
    const auto draw = [&](int64_t least, int64_t most, int64_t otherwise) {
      return unit ? otherwise : random.between(least, most);
    };
    const int64_t input = draw(1, 7, 1), kernel = draw(1, axis == 2 ? 7 : 4, 1), stride = draw(1, 3, 1),
                  dilation = draw(1, 3, 1);
    const int64_t begin = draw(0, 2, 0), end = draw(0, 2, 0);
    g.inputSize.*kAxes[axis] = input;
    g.kernelSize.*kAxes[axis] = kernel;
    g.stride.*kAxes[axis] = stride;
    g.dilation.*kAxes[axis] = dilation;
    g.padBegin.*kAxes[axis] = begin;
    g.padEnd.*kAxes[axis] = end;
    g.outputSize.*kAxes[axis] = (input - 1) * stride - begin - end + dilation * (kernel - 1) + 1 +
                                draw(0, std::max(stride, dilation) - 1, 0);
  }
  return g;
}

// The input position whose tap k reaches output position o, or -1.
int64_t reached(const ConvGeometry& g, int64_t Triple::*axis, int64_t o, int64_t k) {
  const int64_t reach = o + g.padBegin.*axis - k * (g.dilation.*axis);
  if (reach < 0 || reach % (g.stride.*axis) != 0) return -1;
  const int64_t from = reach / (g.stride.*axis);
  return from < g.inputSize.*axis ? from : -1;
}

float naiveOutput(const ConvGeometry& g, const float* image, const Floats& weight, float bias, int64_t out,
                  int64_t od, int64_t oh, int64_t ow) {
  const int64_t inputs = g.inChannels / g.groups, outputs = g.outChannels / g.groups, group = out / outputs;
  float sum = 0.0f;
  for (int64_t t = 0; t < g.kernelSize.product(); t++) {
    const int64_t d = reached(g, &Triple::depth, od, t / g.kernelSize.width / g.kernelSize.height);
    const int64_t h = reached(g, &Triple::height, oh, t / g.kernelSize.width % g.kernelSize.height);
    const int64_t w = reached(g, &Triple::width, ow, t % g.kernelSize.width);
    if (d < 0 || h < 0 || w < 0) continue;
    const float* x =
        image + ((d * g.inputSize.height + h) * g.inputSize.width + w) * g.inChannels + group * inputs;
    for (int64_t c = 0; c < inputs; c++)
      sum = std::fmaf(
          x[c], weight[((group * inputs + c) * outputs + out % outputs) * g.kernelSize.product() + t], sum);
  }
  return sum + (bias == 0.0f ? 0.0f : bias);
}

bool runCase(int64_t seed) {
  Random random(static_cast<uint64_t>(seed));
  const ConvGeometry g = drawGeometry(random);
  const int64_t batch = random.between(1, 2);
  const char* reason = nullptr;
  const auto probe = makeConv(g, *findKernels("scalar"), &reason);
  if (probe == nullptr) return false;  // the padding left no output
  const Floats x(batch * inputLength(*probe), random), weight(weightLength(*probe), random),
      bias(g.outChannels, random);

  Floats expected(batch * outputLength(*probe));
  const Triple& o = g.outputSize;
  for (int64_t i = 0; i < expected.size(); i++) {
    const int64_t position = i / g.outChannels;
    const float* image = x.data() + position / o.product() * inputLength(*probe);
    expected[i] = naiveOutput(g, image, weight, bias[i % g.outChannels], i % g.outChannels,
                              position / o.width / o.height % o.depth, position / o.width % o.height,
                              position % o.width);
  }
  findKernels("scalar")->activate(g.activation, g.activationParameters,
                                  {expected.data(), expected.data(), expected.size()});

  for (const Kernels* kernels : supportedKernels()) {
    for (const int threads : {1, 3}) {
      setThreadCount(threads);
      const auto conv = makeConv(g, *kernels, &reason);
      const auto filter = packFilter(*conv, weight.data(), bias.data());
      Floats y(expected.size());
      runConv(*conv, *filter, x.data(), y.data(), batch, nullptr);
      checkSame(y, expected,
                "transposed, seed " + std::to_string(seed) + ", " + kernels->name + ", " +
                    std::to_string(threads) + " threads");
    }
  }
  return true;
}

}  // namespace
}  // namespace convkit::test

int main(int argc, char** argv) {
  using namespace convkit::test;
  if (argc > 1) {
    runCase(std::atoll(argv[1]));
    return verdict();
  }
  int ran = 0;
  for (int64_t seed = 1; ran < kCases; seed++) ran += runCase(seed);
  return verdict();
}
