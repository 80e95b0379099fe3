// The operations of normalisation, as native/binding/operations.cpp lists them.
#pragma once

#include "binding/arguments.h"
#include "binding/environment.h"
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

}  // namespace convkit
