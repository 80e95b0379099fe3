#include "rearrange/windows.h"

#include <algorithm>
#include <cstring>

namespace convkit {
namespace {

// One kernel position of one output row: the run of columns [begin, end) that it takes from inside the input.
struct Run {
  bool inside;
  int64_t begin, end;  // output columns
  int64_t pixel;       // of the input, for column `begin`; the next column's is `stride` pixels further
};

Run runOf(const WindowGeometry& g, int64_t tap, int64_t line) {
  const Triple &k = g.kernelSize, &in = g.inputSize, &out = g.outputSize;
  const int64_t kw = tap % k.width, kh = tap / k.width % k.height, kd = tap / k.width / k.height;
  const int64_t h = line % out.height * g.stride.height + kh * g.dilation.height - g.padBegin.height;
  const int64_t d = line / out.height * g.stride.depth + kd * g.dilation.depth - g.padBegin.depth;
  if (d < 0 || d >= in.depth || h < 0 || h >= in.height) return {false, 0, 0, 0};
  const int64_t shift = kw * g.dilation.width - g.padBegin.width, stride = g.stride.width;
  const int64_t begin = std::min(out.width, shift < 0 ? (-shift + stride - 1) / stride : 0);
  const int64_t room = in.width - 1 - shift;
  const int64_t end = room < 0 ? begin : std::max(begin, std::min(out.width, room / stride + 1));
  return {begin < end, begin, end, (d * in.height + h) * in.width + begin * stride + shift};
}

bool axisFits(int64_t input, int64_t padBegin, int64_t padEnd, int64_t kernel, int64_t stride,
              int64_t dilation, int64_t output) {
  const int64_t extent = dilation * (kernel - 1) + 1, padded = input + padBegin + padEnd;
  return padded >= extent && output == (padded - extent) / stride + 1;
}

bool within(const Triple& t, int64_t least) {
  const auto fits = [least](int64_t n) { return n >= least && n < (int64_t{1} << 31); };
  return fits(t.depth) && fits(t.height) && fits(t.width);
}

}  // namespace

const char* checkWindows(const WindowGeometry& g) {
  if (g.channels <= 0) return "channels must be positive";
  if (!within(g.inputSize, 1) || !within(g.outputSize, 1)) return "inputSize and outputSize must be positive";
  if (!within(g.kernelSize, 1) || !within(g.stride, 1) || !within(g.dilation, 1))
    return "kernelSize, stride and dilation must be positive";
  if (!within(g.padBegin, 0) || !within(g.padEnd, 0)) return "negative padding is not supported";
  const auto fits = [&g](int64_t Triple::*at) {
    return axisFits(g.inputSize.*at, g.padBegin.*at, g.padEnd.*at, g.kernelSize.*at, g.stride.*at,
                    g.dilation.*at, g.outputSize.*at);
  };
  if (!fits(&Triple::depth) || !fits(&Triple::height) || !fits(&Triple::width))
    return "outputSize does not follow from the other sizes";
  return nullptr;
}

int64_t imageLength(const WindowGeometry& g) { return g.channels * g.inputSize.product(); }
int64_t columnLength(const WindowGeometry& g) {
  return g.channels * g.kernelSize.product() * g.outputSize.product();
}

void runUnfold(const WindowGeometry& g, const Kernels& kernels, const float* x, float* y, int64_t batch,
               const CancelFlag* cancelled) {
  const int64_t taps = g.kernelSize.product(), positions = g.outputSize.product(), width = g.outputSize.width;
  // A chunk is one tap of one image: a row of columns for every channel, `taps` rows apart
  parallelFor(batch * taps, cancelled, [&](int64_t chunk, Scratch&) {
    const int64_t image = chunk / taps, tap = chunk % taps, rowStep = taps * positions;
    const float* from = x + image * imageLength(g);
    float* to = y + image * columnLength(g) + tap * positions;
    for (int64_t line = 0; line < positions / width; line++, to += width) {
      const Run run = runOf(g, tap, line);
      if (!run.inside || run.begin > 0 || run.end < width) {
        for (int64_t c = 0; c < g.channels; c++)
          std::memset(to + c * rowStep, 0, static_cast<std::size_t>(width) * sizeof(float));
      }
      if (run.inside)
        kernels.transpose(from + run.pixel * g.channels, g.stride.width * g.channels, to + run.begin, rowStep,
                          run.end - run.begin, g.channels);
    }
  });
}

void runFold(const WindowGeometry& g, const Kernels& kernels, const float* x, float* y, int64_t batch,
             const CancelFlag* cancelled) {
  const int64_t taps = g.kernelSize.product(), positions = g.outputSize.product(), width = g.outputSize.width;
  const int64_t pixels = g.inputSize.product();
  // A block of channels is summed as planes and then interleaved: 16 of them make whole cache lines of the
  // output
  constexpr int64_t kPlanes = 16;
  const int64_t blocks = (g.channels + kPlanes - 1) / kPlanes;
  parallelFor(batch * blocks, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const int64_t image = chunk / blocks, first = chunk % blocks * kPlanes;
    const int64_t planes = std::min(kPlanes, g.channels - first);
    float* sums = scratch.floats(0, static_cast<std::size_t>(planes * pixels));
    std::memset(sums, 0, static_cast<std::size_t>(planes * pixels) * sizeof(float));
    for (int64_t c = 0; c < planes; c++) {
      for (int64_t tap = 0; tap < taps; tap++) {
        const float* column = x + image * columnLength(g) + ((first + c) * taps + tap) * positions;
        for (int64_t line = 0; line < positions / width; line++) {
          const Run run = runOf(g, tap, line);
          if (!run.inside) continue;
          float* to = sums + c * pixels + run.pixel;
          const float* from = column + line * width;
          for (int64_t w = run.begin; w < run.end; w++) to[(w - run.begin) * g.stride.width] += from[w];
        }
      }
    }
    kernels.transpose(sums, pixels, y + image * imageLength(g) + first, g.channels, planes, pixels);
  });
}

}  // namespace convkit
