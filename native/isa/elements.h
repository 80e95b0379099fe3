// What the kernels that treat elements and rows one by one are told: activations, arithmetic, steps of
// optimisers, normalisation. Part of isa/kernels.h.
#pragma once

#include <cstdint>

namespace convkit {

enum class Activation : int32_t {
  none,
  relu,
  relu6,
  leakyRelu,
  sigmoid,
  tanh,
  silu,
  gelu,
  hardswish,
  elu,
  hardsigmoid,
  softplus
};

// leakyRelu's slope left of zero; elu's alpha; softplus's beta and threshold. The others read none.
struct ActivationParameters {
  float first = 0, second = 0;
};

// Each element of `rows` rows by itself, from x to y, which may be the same.
struct ElementRows {
  const float* x;
  float* y;
  int64_t columns;
  int64_t rows = 1, step = 0;  // floats from one row to the next, of x and y
};

// One step of stochastic gradient descent and of Adam; what each number does is said at their kernels.
struct SgdStep {
  float rate, decay, momentum, keep, sign;
  bool nesterov, first;
};
struct AdamStep {
  float rate, root, eps, fresh1, fresh2, decay, shrink, sign;
};

// What two numbers become.
enum class Arithmetic : int32_t { add, sub, mul, div };

// What is known of `rows` rows of x, at most 256, column by column: mean, the sum of their distances from
// that mean (it is rounded), and of the distances' squares. One chain of additions each, from +0.
struct MomentRows {
  const float* x;
  int64_t rows, step, channels;  // step: floats from one row to the next
  float *mean, *error, *squares;
};

// y[r][c] = clamp(x[r][c] * scale[c] + shift[c] + residual[r][c], low, high); no residual counts as +0.
struct AffineRows {
  const float *x, *scale, *shift, *residual;  // residual may be null
  float* y;
  int64_t rows, channels;
  float low, high;    // -inf and +inf where there is nothing to clamp
  int64_t xStep = 0;  // floats from one row of x to the next; 0: the channels
};

// Where a clamp holds: nowhere, below `low`, or above `high` too.
enum class Clamp : int32_t { none, below, both };

// The gradient that passes such a clamp backwards: zero where the clamp holds, by the output, or by the input
// where there is none.
struct GateRows {
  const float *upstream, *output;
  const float *scale, *shift;
  Clamp clamp;
  float low, high;
};

// Column by column, one chain each from +0: sum of u, and of u * (x - mean), u being the gradient behind the
// gate.
struct NormSumRows {
  GateRows gate;
  const float *x, *mean;
  int64_t rows, step, channels;
  float *sum, *product;
  float* residual;  // u itself, or null
};

// y[r][c] = u * scale[c] + (x - mean[c]) * slope[c] + offset[c]; slope and offset may be null: zeros.
struct NormGradientRows {
  GateRows gate;
  const float *x, *mean, *slope, *offset;
  float* y;
  int64_t rows, channels;
};

// One row of local response normalisation and of its gradient; what each kernel reads and writes is said
// there.
struct ResponseRow {
  int64_t channels, size;
  float alpha, k, factor;
  int quarters;  // the exponent times four, 0 where the powers come from elsewhere
  const float *x, *upstream;
  const float* window;  // a row with zeros around, channels + size - 1
  float *sums, *powers;
  float* y;
};

}  // namespace convkit
