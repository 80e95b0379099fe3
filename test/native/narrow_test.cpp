// Convolutions to a few output channels, transposed and not, over rows long enough to lie in the lanes of
// vectors: on every instruction set the bits of the scalar kernels, which take another way, and nothing
// written outside the output. `narrow_test SEED` repeats one case.
#include <algorithm>

#include "check.h"
#include "conv/conv.h"
#include "conv/plan.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

constexpr int kCases = 250;
int64_t Triple::*const kAxes[] = {&Triple::depth, &Triple::height, &Triple::width};

ConvGeometry drawGeometry(Random& random) {
  const int64_t inputs[] = {8, 9, 16, 31, 64, 140, 600};
  const int64_t widths[] = {8, 15, 16, 17, 31, 33, 64, 65, 130};
  const int64_t heights[] = {1, 2, 3, 5, 9};
  ConvGeometry g{};
  g.transposed = random.chance(2);
  g.activation = random.chance(4)   ? Activation::relu6
                 : random.chance(4) ? Activation::silu
                                    : Activation::none;
  g.groups = 1;
  g.inChannels = random.of(inputs);
  g.outChannels = random.between(1, 4);
  for (int axis = 0; axis < 3; axis++) {
    const bool unit = axis == 0 && !random.chance(4), isWidth = axis == 2;
    const int64_t kernel = unit ? 1 : random.between(1, 5);
    const int64_t stride =
        unit || (isWidth && !g.transposed) ? 1 : random.between(1, std::min<int64_t>(3, kernel));
    const int64_t dilation = unit ? 1 : random.chance(3) ? random.between(2, 4) : 1;
    const int64_t extent = dilation * (kernel - 1) + 1;
    const int64_t begin = unit ? 0 : random.between(0, extent), end = unit ? 0 : random.between(0, extent);
    const int64_t input = unit ? 1 : isWidth ? random.of(widths) : random.of(heights);
    g.inputSize.*kAxes[axis] = input;
    g.kernelSize.*kAxes[axis] = kernel;
    g.stride.*kAxes[axis] = stride;
    g.dilation.*kAxes[axis] = dilation;
    g.padBegin.*kAxes[axis] = begin;
    g.padEnd.*kAxes[axis] = end;
    g.outputSize.*kAxes[axis] =
        g.transposed ? (input - 1) * stride - begin - end + extent +
                           (unit ? 0 : random.between(0, std::max(stride, dilation) - 1))
                     : (input + begin + end - extent) / stride + (input + begin + end >= extent ? 1 : 0);
  }
  return g;
}

// The instruction sets that ran the case with positions in their lanes; -1 where the padding left no output.
int runCase(int64_t seed) {
  Random random(static_cast<uint64_t>(seed));
  const ConvGeometry g = drawGeometry(random);
  const int64_t batch = random.between(1, 2);
  const char* reason = nullptr;
  const Kernels& scalar = *findKernels("scalar");
  const auto reference = makeConv(g, scalar, &reason);
  if (reference == nullptr || outputLength(*reference) > 40000) return -1;
  const Floats x(batch * inputLength(*reference), random), weight(weightLength(*reference), random),
      bias(g.outChannels, random);
  Floats expected(batch * outputLength(*reference));
  runConv(*reference, *packFilter(*reference, weight.data(), bias.data()), x.data(), expected.data(), batch,
          nullptr);

  int narrow = 0;
  for (const Kernels* kernels : supportedKernels()) {
    const auto conv = makeConv(g, *kernels, &reason);
    const auto filter = packFilter(*conv, weight.data(), bias.data());
    narrow += conv->source == DenseSource::narrow;
    for (const int threads : {1, 3}) {
      setThreadCount(threads);
      Floats y(expected.size());
      runConv(*conv, *filter, x.data(), y.data(), batch, nullptr);
      checkSame(y, expected,
                "narrow, seed " + std::to_string(seed) + ", " + kernels->name + ", " +
                    std::to_string(threads) + " threads");
    }
  }
  return narrow;
}

}  // namespace
}  // namespace convkit::test

int main(int argc, char** argv) {
  using namespace convkit;
  using namespace convkit::test;
  if (argc > 1) {
    runCase(std::atoll(argv[1]));
    return verdict();
  }
  int ran = 0, narrow = 0;
  for (int64_t seed = 1; ran < kCases; seed++) {
    const int count = runCase(seed);
    if (count < 0) continue;
    ran++;
    narrow += count;
  }
  const bool offered = std::any_of(supportedKernels().begin(), supportedKernels().end(),
                                   [](const Kernels* kernels) { return kernels->narrow[1] != nullptr; });
  check(!offered || narrow > kCases / 4, "positions lie in the lanes");
  std::printf("%d cases, %d times with positions in the lanes\n", ran, narrow);
  return verdict();
}
