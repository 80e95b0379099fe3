// Convolutions whose lanes are positions: to and from few channels, grouped and depthwise ones, transposed or
// not, in every layout. On every instruction set they have the bits of scalar channels-last kernels, which
// take another way, and nothing is written outside the output. `lines_test SEED` repeats one case.
#include <algorithm>

#include "check.h"
#include "conv/conv.h"
#include "conv/plan.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

constexpr int kCases = 400;
int64_t Triple::*const kAxes[] = {&Triple::depth, &Triple::height, &Triple::width};

void drawChannels(Random& random, ConvGeometry& g) {
  const int64_t many[] = {1, 2, 3, 4, 8, 9, 16, 31, 64, 140, 600};
  const int64_t few[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 17, 21};
  g.groups = 1;
  switch (random.below(4)) {
    case 0:  // few outputs
      g.inChannels = random.of(many);
      g.outChannels = random.of(few);
      return;
    case 1:  // few inputs
      g.inChannels = random.between(1, 4);
      g.outChannels = random.between(1, 80);
      return;
    case 2:  // depthwise, with a multiplier now and then
      g.groups = g.inChannels = random.between(2, 40);
      g.outChannels = g.groups * (random.chance(4) ? random.between(2, 3) : 1);
      return;
    default:
      g.groups = random.between(2, 9);
      g.inChannels = g.groups * random.between(1, 9);
      g.outChannels = g.groups * random.between(1, 9);
  }
}

ConvGeometry drawGeometry(Random& random) {
  const int64_t widths[] = {7, 8, 14, 15, 16, 17, 28, 31, 33, 64, 65, 130};
  const int64_t heights[] = {1, 2, 3, 5, 9};
  const PaddingMode modes[] = {PaddingMode::zeros,   PaddingMode::zeros,     PaddingMode::zeros,
                               PaddingMode::reflect, PaddingMode::replicate, PaddingMode::circular};
  ConvGeometry g{};
  g.transposed = random.chance(4);
  g.paddingMode = g.transposed ? PaddingMode::zeros : random.of(modes);
  g.activation = random.chance(4)   ? Activation::relu6
                 : random.chance(4) ? Activation::silu
                                    : Activation::none;
  drawChannels(random, g);
  const bool square = random.chance(2);  // a kernel of 3x3 or 5x5, as depthwise layers have
  const int64_t side = random.chance(2) ? 3 : 5, both = random.between(1, 2);
  for (int axis = 0; axis < 3; axis++) {
    const bool unit = axis == 0 && (square || !random.chance(4)), isWidth = axis == 2;
    const int64_t kernel = unit ? 1 : square ? side : random.between(1, 5);
    const int64_t stride = unit ? 1 : square ? both : random.between(1, std::min<int64_t>(3, kernel));
    const int64_t dilation = unit || square ? 1 : random.chance(3) ? random.between(2, 4) : 1;
    const int64_t extent = dilation * (kernel - 1) + 1;
    const int64_t input = unit ? 1 : isWidth ? random.of(widths) : random.of(heights);
    const int64_t most = g.paddingMode == PaddingMode::reflect    ? std::min(input - 1, extent)
                         : g.paddingMode == PaddingMode::circular ? std::min(input, extent)
                                                                  : extent;
    const int64_t begin = unit ? 0 : random.between(0, most), end = unit ? 0 : random.between(0, most);
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

// [batch, rows, columns] to [batch, columns, rows]
Floats turned(const Floats& x, int64_t batch, int64_t rows, int64_t columns) {
  Floats y(x.size());
  for (int64_t n = 0; n < batch; n++)
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < columns; c++) y[(n * columns + c) * rows + r] = x[(n * rows + r) * columns + c];
  return y;
}

// The runs with positions in the lanes; -1 where the padding left no output.
int runCase(int64_t seed) {
  Random random(static_cast<uint64_t>(seed));
  ConvGeometry g = drawGeometry(random);
  const int64_t batch = random.between(1, 2);
  const char* reason = nullptr;
  const Kernels& scalar = *findKernels("scalar");
  const auto reference = makeConv(g, scalar, &reason);
  if (reference == nullptr || outputLength(*reference) > 40000) return -1;
  if (weightLength(*reference) * reference->positions() > 4'000'000) return -1;
  const Floats x(batch * inputLength(*reference), random), weight(weightLength(*reference), random),
      bias(g.outChannels, random), residual(batch * outputLength(*reference), random);
  const bool adds = random.chance(3);
  Floats expected(batch * outputLength(*reference));
  runConv(*reference, *packFilter(*reference, weight.data(), bias.data()), x.data(),
          Output(expected.data(), adds ? residual.data() : nullptr), batch, nullptr);
  const Floats planesIn = turned(x, batch, g.inputSize.product(), g.inChannels),
               planesOut = turned(expected, batch, g.outputSize.product(), g.outChannels),
               planesAdded = turned(residual, batch, g.outputSize.product(), g.outChannels);

  int lines = 0;
  for (const Kernels* kernels : supportedKernels()) {
    for (const int sides : {0, 1, 2, 3}) {
      const bool first = (sides & 1) != 0, last = (sides & 2) != 0;
      g.inputLayout = first ? Layout::channelsFirst : Layout::channelsLast;
      g.outputLayout = last ? Layout::channelsFirst : Layout::channelsLast;
      const auto conv = makeConv(g, *kernels, &reason);
      const auto filter = packFilter(*conv, weight.data(), bias.data());
      if (sides != 3 && !conv->lines) continue;
      lines += conv->lines;
      for (const int threads : {1, 3}) {
        setThreadCount(threads);
        Floats y(expected.size());
        const float* added = adds ? (last ? planesAdded.data() : residual.data()) : nullptr;
        runConv(*conv, *filter, first ? planesIn.data() : x.data(), Output(y.data(), added), batch, nullptr);
        checkSame(y, last ? planesOut : expected,
                  "lines, seed " + std::to_string(seed) + ", " + kernels->name + ", layouts " +
                      std::to_string(sides) + ", " + std::to_string(threads) + " threads");
      }
    }
  }
  return lines;
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
  int ran = 0, lines = 0;
  for (int64_t seed = 1; ran < kCases; seed++) {
    const int count = runCase(seed);
    if (count < 0) continue;
    ran++;
    lines += count;
  }
  check(lines > kCases, "positions lie in the lanes");
  std::printf("%d cases, %d times with positions in the lanes\n", ran, lines);
  joinWorkers();
  return verdict();
}
