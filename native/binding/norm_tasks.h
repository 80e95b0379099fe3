// The operations of normalisation, as native/binding/operations.cpp lists them.
#pragma once

#include "binding/arguments.h"
#include "binding/environment.h"
#include "norm/local_response.h"
#include "norm/norm.h"

namespace convkit {

struct AffineTask {
  const Kernels* kernels;
  Affine affine;
  const float *x, *residual;
  float* y;
  int64_t rows;

  static AffineTask parse(Environment&, Arguments&);
  void operator()(const CancelFlag* cancelled) const {
    runAffine(*kernels, affine, x, residual, y, rows, cancelled);
  }
};

struct NormalizeTask {
  const Kernels* kernels;
  NormGeometry norm;
  NormInput input;
  const float* residual;
  float* y;
  NormStatistics statistics;

  static NormalizeTask parse(Environment&, Arguments&);
  void operator()(const CancelFlag* cancelled) const {
    runNormalize(norm, *kernels, input, residual, y, statistics, cancelled);
  }
};

struct NormalizeGradientTask {
  const Kernels* kernels;
  NormGeometry norm;
  NormInput input;
  NormStatistics statistics;
  const float *output, *upstream;
  NormGradients gradients;

  static NormalizeGradientTask parse(Environment&, Arguments&);
  void operator()(const CancelFlag* cancelled) const {
    runNormalizeGradient(norm, *kernels, input, statistics, output, upstream, gradients, cancelled);
  }
};

template <bool gradient>
struct LocalResponseTask {
  const Kernels* kernels;
  LocalResponse response;
  const float *x, *upstream;
  float* y;
  int64_t rows;

  static LocalResponseTask parse(Environment&, Arguments&);
  void operator()(const CancelFlag* cancelled) const {
    if constexpr (gradient) runLocalResponseGradient(*kernels, response, x, upstream, y, rows, cancelled);
    else runLocalResponse(*kernels, response, x, y, rows, cancelled);
  }
};

}  // namespace convkit
