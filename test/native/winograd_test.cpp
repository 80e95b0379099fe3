// Winograd convolutions of random shapes: every instruction set and several thread counts against scalar
// code, the same bits and nothing written outside the output; and scalar code against the sum itself, within
// a bound.
#include <algorithm>
#include <cmath>

#include "check.h"
#include "conv/conv.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

constexpr int kCases = 150;

ConvGeometry drawGeometry(Random& random) {
  // Above 256 input channels a product is several chains; 256 by 65 filters are shared between threads
  const int64_t channels[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 64, 65, 256, 257};
  ConvGeometry g{};
  g.algorithm = random.chance(2) ? Algorithm::winograd2 : Algorithm::winograd4;
  g.activation = random.chance(3) ? Activation::relu : random.chance(4) ? Activation::gelu : Activation::none;
  g.groups = 1;
  g.inChannels = random.of(channels);
  g.outChannels = random.of(channels);
  g.inputSize = {random.between(1, 2), random.between(1, 15), random.between(1, 15)};
  g.kernelSize = {1, 3, 3};
  g.stride = {1, 1, 1};
  g.dilation = {1, random.between(1, 3), random.between(1, 3)};
  if (random.chance(4)) {
    // Padding takes away from what a transposed convolution adds around its input
    const auto less = [&](int64_t dilation) { return random.between(0, 2 * dilation) / 2; };
    g.transposed = true;
    g.padBegin = {0, less(g.dilation.height), less(g.dilation.width)};
    g.padEnd = {0, less(g.dilation.height), less(g.dilation.width)};
    g.outputSize = {g.inputSize.depth,
                    g.inputSize.height - g.padBegin.height - g.padEnd.height + 2 * g.dilation.height,
                    g.inputSize.width - g.padBegin.width - g.padEnd.width + 2 * g.dilation.width};
    return g;
  }
  g.padBegin = {0, random.between(2, 4), random.between(2, 4)};
  g.padEnd = {0, random.between(2, 4), random.between(2, 4)};
  g.outputSize = {g.inputSize.depth,
                  g.inputSize.height + g.padBegin.height + g.padEnd.height - 2 * g.dilation.height,
                  g.inputSize.width + g.padBegin.width + g.padEnd.width - 2 * g.dilation.width};
  return g;
}

Floats run(const ConvGeometry& g, const Kernels& kernels, const Floats& x, const Floats& weight,
           const Floats& bias, int64_t batch) {
  const char* reason = nullptr;
  const auto conv = makeConv(g, kernels, &reason);
  const auto filter = packFilter(*conv, weight.data(), bias.data());
  Floats y(batch * outputLength(*conv));
  runConv(*conv, *filter, x.data(), y.data(), batch, nullptr);
  return y;
}

void checkNear(const ConvGeometry& g, const Floats& winograd, const Floats& x, const Floats& weight,
               const Floats& bias, int64_t batch, const std::string& where) {
  ConvGeometry direct = g;
  direct.algorithm = Algorithm::direct;
  const Floats y = run(direct, *findKernels("scalar"), x, weight, bias, batch);
  float mostX = 0, mostWeight = 0;
  for (int64_t i = 0; i < x.size(); i++) mostX = std::max(mostX, std::fabs(x[i]));
  for (int64_t i = 0; i < weight.size(); i++) mostWeight = std::max(mostWeight, std::fabs(weight[i]));
  const double bound =
      40 * 0x1p-24 * (static_cast<double>(mostX) * mostWeight * static_cast<double>(g.inChannels) + 4);
  double worst = 0;
  for (int64_t i = 0; i < y.size(); i++)
    worst = std::max(worst, std::fabs(double{y[i]} - double{winograd[i]}));
  check(worst <= bound, "winograd is near the direct sum" + where);
}

void runCase(int64_t seed) {
  Random random(static_cast<uint64_t>(seed));
  const ConvGeometry g = drawGeometry(random);
  if (g.outputSize.height <= 0 || g.outputSize.width <= 0) return;
  const int64_t batch = random.between(1, 3);
  const Floats x(batch * g.inputSize.product() * g.inChannels, random),
      weight(g.outChannels * g.inChannels * 9, random), bias(g.outChannels, random);
  const std::string where = ", seed " + std::to_string(seed);
  setThreadCount(1);
  const Floats expected = run(g, *findKernels("scalar"), x, weight, bias, batch);
  checkNear(g, expected, x, weight, bias, batch, where);
  for (const Kernels* kernels : supportedKernels()) {
    for (const int threads : {1, 2, 3, 4}) {
      setThreadCount(threads);
      checkSame(run(g, *kernels, x, weight, bias, batch), expected,
                "winograd" + where + ", " + kernels->name + ", " + std::to_string(threads) + " threads");
    }
  }
}

// A filter has the layout of its algorithm; read as another's, it would be too short.
void fitsItsAlgorithmAlone() {
  Random random(5);
  const Algorithm algorithms[] = {Algorithm::direct, Algorithm::winograd2, Algorithm::winograd4};
  ConvGeometry g = drawGeometry(random);
  const Floats weight(g.outChannels * g.inChannels * 9, random);
  const char* reason = nullptr;
  for (const Algorithm packed : algorithms) {
    g.algorithm = packed;
    const auto filter = packFilter(*makeConv(g, bestKernels(), &reason), weight.data(), nullptr);
    for (const Algorithm run : algorithms) {
      g.algorithm = run;
      const auto conv = makeConv(g, bestKernels(), &reason);
      const auto room =
          std::make_shared<FilterRoom>(FilterRoom::bytesOf(static_cast<std::size_t>(packedWeights(*conv))));
      packFilter(*conv, weight.data(), nullptr, room);
      check(room->take(1) == nullptr, "a filter fills a room of its size");
      check(fits(*makeConv(g, bestKernels(), &reason), *filter) == (run == packed),
            "a filter fits convolutions of the algorithm it was packed for");
    }
  }
}

// What tiles of a large input read is fetched ahead, along each of the dilation's grids.
void servesLargeInputs() {
  Random random(7);
  ConvGeometry g{};
  g.algorithm = Algorithm::winograd4;
  g.groups = 1;
  g.outChannels = 5;
  g.inputSize = g.outputSize = {1, 241, 259};
  g.kernelSize = {1, 3, 3};
  g.stride = {1, 1, 1};
  g.dilation = {1, 1, 2};
  g.padBegin = g.padEnd = {0, 1, 2};
  for (g.inChannels = 17; g.inChannels <= 18; g.inChannels++) {
    const Floats x(g.inputSize.product() * g.inChannels, random),
        weight(g.outChannels * g.inChannels * 9, random), bias(g.outChannels, random);
    setThreadCount(1);
    const Floats expected = run(g, *findKernels("scalar"), x, weight, bias, 1);
    checkNear(g, expected, x, weight, bias, 1, ", a large input");
    for (const Kernels* kernels : supportedKernels()) {
      for (const int threads : {1, 2}) {
        setThreadCount(threads);
        checkSame(run(g, *kernels, x, weight, bias, 1), expected,
                  std::string("winograd of a large input, ") + kernels->name);
      }
    }
  }
}

// The panels of a large filter are as wide as suits the size that it was packed for; every size can use it.
void servesEverySize() {
  Random random(6);
  ConvGeometry small{};
  small.algorithm = Algorithm::winograd2;
  small.groups = 1;
  small.inChannels = 512;
  small.outChannels = 257;
  small.inputSize = small.outputSize = {1, 7, 7};
  small.kernelSize = {1, 3, 3};
  small.stride = small.dilation = {1, 1, 1};
  small.padBegin = small.padEnd = {0, 1, 1};
  ConvGeometry large = small;
  large.inputSize = large.outputSize = {1, 9, 10};
  const Floats weight(small.outChannels * small.inChannels * 9, random), bias(small.outChannels, random);
  setThreadCount(1);
  for (const ConvGeometry& g : {small, large}) {
    const Floats x(g.inputSize.product() * g.inChannels, random);
    const Floats expected = run(g, *findKernels("scalar"), x, weight, bias, 1);
    for (const Kernels* kernels : supportedKernels()) {
      const char* reason = nullptr;
      const auto conv = makeConv(g, *kernels, &reason);
      for (const ConvGeometry& packed : {small, large}) {
        const auto filter = packFilter(*makeConv(packed, *kernels, &reason), weight.data(), bias.data());
        check(fits(*conv, *filter), "a filter fits every size");
        Floats y(outputLength(*conv));
        runConv(*conv, *filter, x.data(), y.data(), 1, nullptr);
        checkSame(y, expected, std::string("a filter packed for another size, ") + kernels->name);
      }
    }
  }
}

// Threads that share a large filter of few tiles compute output channels of their own, residuals and
// activations too, where panels can be shared evenly and as tiles otherwise.
void threadsHaveOwnChannels() {
  Random random(8);
  ConvGeometry g{};
  g.groups = 1;
  g.kernelSize = {1, 3, 3};
  g.stride = g.dilation = {1, 1, 1};
  g.padBegin = g.padEnd = {0, 1, 1};
  g.activation = Activation::gelu;
  for (const int64_t outputs : {256, 270, 392}) {
    for (const Algorithm algorithm : {Algorithm::winograd2, Algorithm::winograd4}) {
      g.algorithm = algorithm;
      g.inChannels = algorithm == Algorithm::winograd2 ? 100 : 161;
      g.outChannels = outputs;
      g.inputSize = g.outputSize = {1, 6, 7};
      const Floats x(g.inputSize.product() * g.inChannels, random),
          weight(g.outChannels * g.inChannels * 9, random), bias(g.outChannels, random),
          residual(g.outputSize.product() * g.outChannels, random);
      const auto compute = [&](const Kernels& kernels, int threads) {
        setThreadCount(threads);
        const char* reason = nullptr;
        const auto conv = makeConv(g, kernels, &reason);
        const auto filter = packFilter(*conv, weight.data(), bias.data());
        Floats y(outputLength(*conv));
        runConv(*conv, *filter, x.data(), Output(y.data(), residual.data()), 1, nullptr);
        return y;
      };
      const Floats expected = compute(*findKernels("scalar"), 1);
      for (const Kernels* kernels : supportedKernels())
        for (const int threads : {2, 3, 4})
          checkSame(compute(*kernels, threads), expected,
                    "winograd of " + std::to_string(outputs) + " outputs, " + kernels->name + ", " +
                        std::to_string(threads) + " threads");
    }
  }
}

}  // namespace
}  // namespace convkit::test

int main() {
  convkit::test::fitsItsAlgorithmAlone();
  convkit::test::servesEverySize();
  convkit::test::servesLargeInputs();
  convkit::test::threadsHaveOwnChannels();
  for (int64_t seed = 1; seed <= convkit::test::kCases; seed++) convkit::test::runCase(seed);
  return convkit::test::verdict();
}
