#include "optim/steps.h"

#include <algorithm>

namespace convkit {
namespace {

// Elements of one chunk: five arrays of 32 KiB stay in a second-level cache.
constexpr int64_t kChunk = 8192;

template <class Body>
void forEachChunk(int64_t n, const CancelFlag* cancelled, Body&& body) {
  parallelFor((n + kChunk - 1) / kChunk, cancelled, [&](int64_t chunk, Scratch&) {
    const int64_t begin = chunk * kChunk;
    body(begin, std::min(kChunk, n - begin));
  });
}

float* from(float* array, int64_t begin) { return array == nullptr ? nullptr : array + begin; }

}  // namespace

void runSgdStep(const Kernels& kernels, const SgdStep& step, float* parameter, const float* gradient,
                float* momentum, int64_t n, const CancelFlag* cancelled) {
  forEachChunk(n, cancelled, [&](int64_t begin, int64_t count) {
    kernels.sgd(step, parameter + begin, gradient + begin, from(momentum, begin), count);
  });
}

void runAdamStep(const Kernels& kernels, const AdamStep& step, float* parameter, const float* gradient,
                 float* mean, float* variance, float* largest, int64_t n, const CancelFlag* cancelled) {
  forEachChunk(n, cancelled, [&](int64_t begin, int64_t count) {
    kernels.adam(step, parameter + begin, gradient + begin, mean + begin, variance + begin,
                 from(largest, begin), count);
  });
}

}  // namespace convkit
