// What kernels are told for which a line's columns and channels are one run of floats.
#pragma once

#include <cstdint>

namespace convkit {

constexpr int kFlatRows = 14;   // most output rows of a flat run
constexpr int kFlatKernel = 3;  // its kernel's rows and columns

// Neighbouring outputs of several rows of a depthwise convolution, columns and channels as one run of floats:
//   c[r * ldc + i] = clamp(sum over kernel rows n, kernel columns k of
//   rows[r + n][i + k * step] * weights[(n * kFlatKernel + k) * period + i % channels] + bias[i % channels] +
//   residual[r * ldc + i])
// Weights and biases repeat themselves for a vector beyond the channels.
struct FlatRun {
  const float* const* rows;  // [height + kFlatKernel - 1]
  int64_t step, length, channels;
  const float *weights, *bias;
  int64_t period;
  float* c;
  const float* residual;  // lies like c, which it may be; null: none
  int64_t ldc;
  float low, high;
};
using FlatKernel = void (*)(const FlatRun&);

}  // namespace convkit
