// Normalisation of channels-last images: batch, instance and group normalisation are one operation that
// differs in which numbers share a mean and a variance.
#pragma once

#include <cstdint>

#include "isa/kernels.h"
#include "threads/parallel.h"

namespace convkit {

// x [batch, positions, channels]. Of each image, the channels of a group (channels / groups neighbours) share
// their statistics. Batch normalisation is one image of all positions, and a group for each channel.
struct NormGeometry {
  int64_t batch, positions, channels, groups;
  double epsilon;
  float low, high;  // what the result is clamped to; -inf and +inf where it is not
  bool given;       // the statistics are constants, not functions of x

  int64_t groupChannels() const { return channels / groups; }
  int64_t length() const { return batch * positions * channels; }
};

struct NormInput {
  const float* x;
  const float *weight, *bias;  // [channels], or null: ones, zeros
};

struct NormStatistics {
  float *mean, *variance;  // [batch, groups]; the variance divides by the number of elements
};

// y = clamp(x * scale + shift + residual) with scale = weight / sqrt(variance + epsilon), shift = bias - mean
// * scale. Writes the statistics unless they are given. Throws std::bad_alloc.
void runNormalize(const NormGeometry&, const Kernels&, const NormInput&, const float* residual, float* y,
                  NormStatistics, const CancelFlag*);

struct NormGradients {
  float *x, *weight, *bias, *residual;  // null where not needed
};

// `output` is y, or null where it can be computed anew from x: there was no residual, or no clamp. Throws
// std::bad_alloc.
void runNormalizeGradient(const NormGeometry&, const Kernels&, const NormInput&, NormStatistics,
                          const float* output, const float* upstream, NormGradients, const CancelFlag*);

struct Affine {
  const float *scale, *shift;  // [channels]
  int64_t channels;
  Activation activation;
  ActivationParameters parameters;
};

// y = activation(x * scale + shift + residual), channel by channel; residual may be null.
void runAffine(const Kernels&, const Affine&, const float* x, const float* residual, float* y, int64_t rows,
               const CancelFlag*);

}  // namespace convkit
