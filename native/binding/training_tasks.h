// The operations of training, one struct each as in operations.cpp: steps of optimisers, and what gradients
// are clipped by.
#pragma once

#include "binding/operations.h"
#include "binding/structs.h"
#include "elementwise/elementwise.h"
#include "optim/steps.h"
#include "reduction/squares.h"

namespace convkit {

struct SgdTask {
  const Kernels* kernels;
  SgdStep step;
  float* parameter;
  const float* gradient;
  float* momentum;
  int64_t n;

  static SgdTask parse(Environment& environment, Arguments& arguments) {
    const SgdStep step = readSgdStep(arguments.env(), arguments.at(0), arguments.operation());
    const Floats parameter = arguments.floats(1, "parameter"), gradient = arguments.floats(2, "gradient"),
                 momentum = arguments.floatsOrNull(3, "momentum");
    arguments.requireLength(gradient, parameter.length, "gradient");
    arguments.requireApart(parameter, gradient, "parameter and gradient");
    if (momentum.data != nullptr) {
      arguments.requireLength(momentum, parameter.length, "momentum");
      arguments.requireApart(momentum, parameter, "momentum and parameter");
      arguments.requireApart(momentum, gradient, "momentum and gradient");
    }
    return {environment.kernels, step, parameter.data, gradient.data, momentum.data, parameter.length};
  }
  void operator()(const CancelFlag* cancelled) const {
    runSgdStep(*kernels, step, parameter, gradient, momentum, n, cancelled);
  }
};

struct AdamTask {
  const Kernels* kernels;
  AdamStep step;
  float* arrays[5];  // parameter, gradient, mean, variance, largest
  int64_t n;

  static AdamTask parse(Environment& environment, Arguments& arguments) {
    static constexpr const char* kNames[] = {"parameter", "gradient", "mean", "variance", "largest"};
    const AdamStep step = readAdamStep(arguments.env(), arguments.at(0), arguments.operation());
    Floats arrays[5];
    for (std::size_t k = 0; k < 4; ++k) arrays[k] = arguments.floats(k + 1, kNames[k]);
    arrays[4] = arguments.floatsOrNull(5, kNames[4]);
    AdamTask task{environment.kernels, step, {}, arrays[0].length};
    for (std::size_t k = 0; k < 5; ++k) {
      task.arrays[k] = arrays[k].data;
      if (arrays[k].data == nullptr) continue;
      arguments.requireLength(arrays[k], task.n, kNames[k]);
      for (std::size_t other = 0; other < k; ++other)
        arguments.requireApart(arrays[k], arrays[other], "parameter, gradient and state");
    }
    return task;
  }
  void operator()(const CancelFlag* cancelled) const {
    runAdamStep(*kernels, step, arrays[0], arrays[1], arrays[2], arrays[3], arrays[4], n, cancelled);
  }
};

struct SumSquaresTask {
  const Kernels* kernels;
  const float* x;
  float* y;
  int64_t n;

  static SumSquaresTask parse(Environment& environment, Arguments& arguments) {
    const Floats x = arguments.floats(0, "x"), y = arguments.floats(1, "y");
    arguments.requireLength(y, 1, "y");
    arguments.requireApart(y, x, "x and y");
    return {environment.kernels, x.data, y.data, x.length};
  }
  void operator()(const CancelFlag* cancelled) const { runSumSquares(*kernels, x, n, y, cancelled); }
};

struct ScaleTask {
  const Kernels* kernels;
  float factor;
  const float* x;
  float* y;
  int64_t n;

  static ScaleTask parse(Environment& environment, Arguments& arguments) {
    const auto factor = static_cast<float>(arguments.number(0, "factor"));
    const Floats x = arguments.floats(1, "x"), y = arguments.floats(2, "y");
    arguments.requireLength(y, x.length, "y");
    arguments.requireApartOrSame(y, x, "x and y");
    return {environment.kernels, factor, x.data, y.data, x.length};
  }
  void operator()(const CancelFlag* cancelled) const { runScale(*kernels, factor, x, y, n, cancelled); }
};

struct ClampTask {
  const Kernels* kernels;
  float low, high;
  const float* x;
  float* y;
  int64_t n;

  static ClampTask parse(Environment& environment, Arguments& arguments) {
    const auto low = static_cast<float>(arguments.number(0, "low")),
               high = static_cast<float>(arguments.number(1, "high"));
    const Floats x = arguments.floats(2, "x"), y = arguments.floats(3, "y");
    arguments.requireLength(y, x.length, "y");
    arguments.requireApartOrSame(y, x, "x and y");
    return {environment.kernels, low, high, x.data, y.data, x.length};
  }
  void operator()(const CancelFlag* cancelled) const { runClamp(*kernels, low, high, x, y, n, cancelled); }
};

}  // namespace convkit
