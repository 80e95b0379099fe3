#include "norm/local_response.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "softmax/log.h"

namespace convkit {
namespace {

double powerOfTwo(int n) {
  const uint64_t bits = static_cast<uint64_t>(n + 1023) << 52;
  double result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

// e^x as lib/numerics/double.ts has it: libm's differ.
double exponential(double x) {
  constexpr double kLn2High = 0.6931471803691238, kLn2Low = 1.9082149292705877e-10;
  if (!(x < 709.782712893384)) return x > 0 ? HUGE_VAL : x;
  if (x < -745.1332191019412) return 0;
  double product = 1, series[12];
  for (int n = 2; n <= 13; n++) {
    product *= n;
    series[n - 2] = 1 / product;
  }
  // Math.round: halves go up, and nothing below them
  const double scaled = x * 1.4426950408889634, below = std::floor(scaled);
  const double k = scaled - below >= 0.5 ? below + 1 : below;
  const double high = x - k * kLn2High, low = k * kLn2Low, r = high - low, lost = high - r - low;
  double sum = series[11];
  for (int n = 10; n >= 0; n--) sum = sum * r + series[n];
  const double y = 1 + (r + (r * r * sum + lost));
  const int whole = static_cast<int>(k), half = whole / 2;
  return y * powerOfTwo(half) * powerOfTwo(whole - half);
}

constexpr int64_t kFloatsPerChunk = 16384;
constexpr int kMostQuarters = 8;

// The power's exponent in quarters; 0 where it is no such multiple, or a large one.
int quartersOf(double beta) {
  const double quarters = beta * 4;
  return quarters >= 1 && quarters <= kMostQuarters && std::floor(quarters) == quarters
             ? static_cast<int>(quarters)
             : 0;
}

// Calls body(row's offset, working memory of three rows and what surrounds the third) for every row.
template <class Body>
void eachRow(const LocalResponse& l, int64_t rows, const CancelFlag* cancelled, Body body) {
  const int64_t together = std::max<int64_t>(1, kFloatsPerChunk / l.channels);
  const int64_t chunks = (rows + together - 1) / together;
  parallelFor(chunks, cancelled, [&](int64_t chunk, Scratch& scratch) {
    const int64_t padded = l.channels + l.size - 1;
    float* const memory = scratch.floats(0, static_cast<std::size_t>(2 * l.channels + padded));
    ResponseRow row{};
    row.channels = l.channels;
    row.size = l.size;
    row.alpha = static_cast<float>(l.alpha / static_cast<double>(l.size));
    row.k = static_cast<float>(l.k);
    row.factor = static_cast<float>(2 * l.alpha * l.beta / static_cast<double>(l.size));
    row.quarters = quartersOf(l.beta);
    row.sums = memory;
    row.powers = memory + l.channels;
    float* const window = memory + 2 * l.channels;
    row.window = window;
    for (int64_t r = chunk * together; r < std::min(rows, (chunk + 1) * together); r++)
      body(r * l.channels, row, window);
  });
}

// `before` zeros, the row, zeros.
float* surrounded(float* window, int64_t before, const LocalResponse& l) {
  std::fill_n(window, before, 0.0f);
  std::fill_n(window + before + l.channels, l.size - 1 - before, 0.0f);
  return window + before;
}

void sumsAndPowers(const Kernels& kernels, const LocalResponse& l, const ResponseRow& row, float* window) {
  std::copy_n(row.x, l.channels, surrounded(window, l.size / 2, l));
  kernels.responseSums(row);
  if (row.quarters != 0) return;
  for (int64_t c = 0; c < l.channels; c++) {
    const float sum = row.sums[c];
    row.powers[c] = std::isfinite(sum) && sum > 0
                        ? static_cast<float>(exponential(l.beta * logOfNormal(static_cast<double>(sum))))
                        : sum;
  }
}

}  // namespace

void runLocalResponse(const Kernels& kernels, const LocalResponse& l, const float* x, float* y, int64_t rows,
                      const CancelFlag* cancelled) {
  eachRow(l, rows, cancelled, [&](int64_t at, ResponseRow& row, float* window) {
    row.x = x + at;
    row.y = y + at;
    sumsAndPowers(kernels, l, row, window);
    kernels.responseDivide(row);
  });
}

void runLocalResponseGradient(const Kernels& kernels, const LocalResponse& l, const float* x,
                              const float* upstream, float* gradient, int64_t rows,
                              const CancelFlag* cancelled) {
  eachRow(l, rows, cancelled, [&](int64_t at, ResponseRow& row, float* window) {
    row.x = x + at;
    row.upstream = upstream + at;
    sumsAndPowers(kernels, l, row, window);
    // The outputs whose window an input lies in are those of the mirrored window
    row.y = surrounded(window, (l.size - 1) / 2, l);
    kernels.responseShares(row);
    row.y = gradient + at;
    kernels.responseGradient(row);
  });
}

}  // namespace convkit
