// unfold, fold and remap against their definitions, element by element.
#include "check.h"
#include "isa/dispatch.h"
#include "rearrange/remap.h"
#include "rearrange/windows.h"

namespace convkit::test {
namespace {

constexpr int kCases = 300;
int64_t Triple::*const kAxes[] = {&Triple::depth, &Triple::height, &Triple::width};

WindowGeometry drawWindows(Random& random) {
  const int64_t channels[] = {1, 2, 3, 7, 15, 16, 17, 33};
  WindowGeometry g{};
  g.channels = random.of(channels);
  for (int axis = 0; axis < 3; axis++) {
    const bool unit = axis == 0 && !random.chance(4);
    while (true) {
      const int64_t input = unit ? 1 : random.between(1, 20), kernel = unit ? 1 : random.between(1, 4);
      const int64_t stride = random.between(1, 3), dilation = random.between(1, 3);
      const int64_t begin = unit ? 0 : random.between(0, 3), end = unit ? 0 : random.between(0, 3);
      const int64_t room = input + begin + end - dilation * (kernel - 1) - 1;
      if (room < 0) continue;
      g.inputSize.*kAxes[axis] = input;
      g.kernelSize.*kAxes[axis] = kernel;
      g.stride.*kAxes[axis] = stride;
      g.dilation.*kAxes[axis] = dilation;
      g.padBegin.*kAxes[axis] = begin;
      g.padEnd.*kAxes[axis] = end;
      g.outputSize.*kAxes[axis] = room / stride + 1;
      break;
    }
  }
  return g;
}

// The pixel that tap t of column q reads, or -1 in the padding.
int64_t pixelOf(const WindowGeometry& g, int64_t t, int64_t q) {
  const Triple &k = g.kernelSize, &o = g.outputSize;
  const int64_t tap[] = {t / k.width / k.height, t / k.width % k.height, t % k.width};
  const int64_t at[] = {q / o.width / o.height, q / o.width % o.height, q % o.width};
  int64_t pixel = 0;
  for (int axis = 0; axis < 3; axis++) {
    int64_t Triple::*const a = kAxes[axis];
    const int64_t i = at[axis] * (g.stride.*a) + tap[axis] * (g.dilation.*a) - g.padBegin.*a;
    if (i < 0 || i >= g.inputSize.*a) return -1;
    pixel = pixel * (g.inputSize.*a) + i;
  }
  return pixel;
}

void testWindows(int64_t seed) {
  Random random(static_cast<uint64_t>(seed));
  const WindowGeometry g = drawWindows(random);
  check(checkWindows(g) == nullptr, "a drawn geometry is consistent");
  const int64_t batch = random.between(0, 2), taps = g.kernelSize.product(),
                positions = g.outputSize.product();
  const Floats image(batch * imageLength(g), random), columns(batch * columnLength(g), random);
  Floats unfolded(columns.size()), folded(image.size());
  folded.fill(0.0f);
  for (int64_t n = 0; n < batch; n++) {
    for (int64_t c = 0; c < g.channels; c++) {
      for (int64_t t = 0; t < taps; t++) {
        for (int64_t q = 0; q < positions; q++) {
          const int64_t pixel = pixelOf(g, t, q), column = ((n * g.channels + c) * taps + t) * positions + q;
          const int64_t element = n * imageLength(g) + pixel * g.channels + c;
          unfolded[column] = pixel < 0 ? 0.0f : image[element];
          if (pixel >= 0) folded[element] += columns[column];
        }
      }
    }
  }
  for (const Kernels* kernels : supportedKernels()) {
    const std::string where = ", seed " + std::to_string(seed) + ", " + kernels->name;
    Floats toColumns(columns.size()), toImage(image.size());
    runUnfold(g, *kernels, image.data(), toColumns.data(), batch, nullptr);
    checkSame(toColumns, unfolded, "unfold" + where);
    runFold(g, *kernels, columns.data(), toImage.data(), batch, nullptr);
    checkSame(toImage, folded, "fold" + where);
  }
}

void testRemap(int64_t seed) {
  Random random(static_cast<uint64_t>(seed));
  RemapGeometry g{};
  g.channels = random.between(1, 20);
  g.value = 2.5f;
  for (int axis = 0; axis < 3; axis++) {
    g.inputSize[axis] = random.between(1, 6);
    const int64_t length = random.between(0, 9);
    // Runs of neighbours, as padding makes them, and jumps
    int64_t next = random.between(-1, g.inputSize[axis] - 1);
    for (int64_t i = 0; i < length; i++) {
      g.source[axis].push_back(static_cast<int32_t>(next));
      next = next + 1 < g.inputSize[axis] && !random.chance(4) ? next + 1
                                                               : random.between(-1, g.inputSize[axis] - 1);
    }
  }
  check(checkRemap(g) == nullptr, "a drawn map stays inside");
  const int64_t batch = random.between(0, 2);
  const Floats x(batch * inputLength(g), random);
  Floats expected(batch * outputLength(g)), y(batch * outputLength(g));
  int64_t at = 0;
  for (int64_t n = 0; n < batch; n++)
    for (const int32_t d : g.source[0])
      for (const int32_t h : g.source[1])
        for (const int32_t w : g.source[2])
          for (int64_t c = 0; c < g.channels; c++) {
            const int64_t pixel = ((n * g.inputSize[0] + d) * g.inputSize[1] + h) * g.inputSize[2] + w;
            expected[at++] = d < 0 || h < 0 || w < 0 ? g.value : x[pixel * g.channels + c];
          }
  runRemap(g, x.data(), y.data(), batch, nullptr);
  checkSame(y, expected, "remap, seed " + std::to_string(seed));

  const Floats upstream(batch * outputLength(g), random);
  Floats sums(batch * inputLength(g)), gradient(batch * inputLength(g));
  sums.fill(0.0f);
  at = 0;
  for (int64_t n = 0; n < batch; n++)
    for (const int32_t d : g.source[0])
      for (const int32_t h : g.source[1])
        for (const int32_t w : g.source[2])
          for (int64_t c = 0; c < g.channels; c++, at++) {
            const int64_t pixel = ((n * g.inputSize[0] + d) * g.inputSize[1] + h) * g.inputSize[2] + w;
            if (d >= 0 && h >= 0 && w >= 0) sums[pixel * g.channels + c] += upstream[at];
          }
  runRemapGradient(g, upstream.data(), gradient.data(), batch, nullptr);
  checkSame(gradient, sums, "gradient of remap, seed " + std::to_string(seed));
}

}  // namespace
}  // namespace convkit::test

int main() {
  using namespace convkit::test;
  convkit::setThreadCount(2);
  for (int64_t seed = 1; seed <= kCases; seed++) {
    testWindows(seed);
    testRemap(seed);
  }
  return verdict();
}
