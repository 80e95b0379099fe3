#include "softmax/softmax.h"

#include <algorithm>
#include <cmath>

#include "elementwise/fmaf.h"
#include "softmax/log.h"

namespace convkit {
namespace {

constexpr int64_t kChunk = 4096;  // elements

// Calls `each` with every row, several rows a chunk.
template <class Each>
void eachRow(int64_t rows, int64_t length, const CancelFlag* cancelled, Each each) {
  const int64_t perChunk = std::max<int64_t>(1, kChunk / length);
  parallelFor((rows + perChunk - 1) / perChunk, cancelled, [&](int64_t chunk, Scratch&) {
    for (int64_t r = chunk * perChunk; r < std::min(rows, (chunk + 1) * perChunk); r++) each(r);
  });
}

// The sum of a softmax is at least 1, or no number.
float logOf(float sum) { return std::isfinite(sum) ? static_cast<float>(logOfNormal(sum)) : sum; }

}  // namespace

void runSoftmax(const Kernels& kernels, bool log, const float* x, float* y, int64_t rows, int64_t length,
                const CancelFlag* cancelled) {
  eachRow(rows, length, cancelled, [&](int64_t r) {
    const float* from = x + r * length;
    float* to = y + r * length;
    const float m = kernels.rowMaximum(from, length);
    const float sum = kernels.rowExponentials(from, m, to, length);
    if (log) kernels.rowSubtract(from, m, logOf(sum), to, length);
    else kernels.rowDivide(to, sum, length);
  });
}

void runSoftmaxGradient(const Kernels& kernels, bool log, const float* y, const float* upstream,
                        float* gradient, int64_t rows, int64_t length, const CancelFlag* cancelled) {
  eachRow(rows, length, cancelled, [&](int64_t r) {
    const float *own = y + r * length, *up = upstream + r * length;
    const float sum = kernels.rowSum(up, log ? nullptr : own, length);
    kernels.rowSoftmaxGradient(log, own, up, sum, gradient + r * length, length);
  });
}

void runCrossEntropy(const Kernels& kernels, const CrossEntropy& c, float* losses,
                     const CancelFlag* cancelled) {
  eachRow(c.rows, c.length, cancelled, [&](int64_t r) {
    const float* row = c.logProbabilities + r * c.length;
    const int32_t target = c.targets[r];
    if (target < 0) {
      losses[r] = 0.0f;
      return;
    }
    const float taken = c.weight == nullptr ? row[target] : c.weight[target] * row[target];
    const float loss = c.keep * -taken;
    losses[r] = c.share == 0.0f ? loss + 0.0f
                                : exactFmaf(-c.share, kernels.rowSum(row, c.weight, c.length), loss) + 0.0f;
  });
}

void runCrossEntropyGradient(const Kernels& kernels, const CrossEntropy& c, const float* upstream,
                             float* gradient, const CancelFlag* cancelled) {
  const float total =
      c.weight == nullptr ? static_cast<float>(c.length) : kernels.rowSum(c.weight, nullptr, c.length);
  eachRow(c.rows, c.length, cancelled, [&](int64_t r) {
    float* to = gradient + r * c.length;
    const int32_t target = c.targets[r];
    if (target < 0) {
      std::fill_n(to, c.length, 0.0f);
      return;
    }
    const float kept = c.weight == nullptr ? c.keep : c.keep * c.weight[target];
    kernels.rowCrossEntropyGradient(c.logProbabilities + r * c.length, exactFmaf(c.share, total, kept),
                                    c.share, c.weight, to, c.length);
    to[target] = to[target] - kept;
    kernels.rowScale(to, upstream[r], c.length);
  });
}

}  // namespace convkit
