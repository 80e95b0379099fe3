// The operations that treat elements one by one, as operations.cpp lists them.
#pragma once

#include "binding/arguments.h"
#include "binding/environment.h"
#include "binding/structs.h"
#include "elementwise/elementwise.h"

namespace convkit {

struct ActivateTask {
  const Kernels* kernels;
  ActivationChoice activation;
  const float* x;
  float* y;
  int64_t n;

  static ActivateTask parse(Environment& environment, Arguments& arguments) {
    const ActivationChoice activation =
        readActivation(arguments.env(), arguments.at(0), arguments.operation());
    const Floats x = arguments.floats(1, "x"), y = arguments.floats(2, "y");
    arguments.requireLength(y, x.length, "y");
    arguments.requireApartOrSame(y, x, "x and y");
    return {environment.kernels, activation, x.data, y.data, x.length};
  }
  void operator()(const CancelFlag* cancelled) const {
    runActivate(*kernels, activation.kind, activation.parameters, x, y, n, cancelled);
  }
};

struct ActivateGradientTask {
  const Kernels* kernels;
  ActivationChoice activation;
  const float *values, *upstream;
  float* gradient;
  int64_t n;

  static ActivateGradientTask parse(Environment& environment, Arguments& arguments) {
    const ActivationChoice activation =
        readActivation(arguments.env(), arguments.at(0), arguments.operation());
    const Floats values = arguments.floats(1, "values"), upstream = arguments.floats(2, "upstream"),
                 gradient = arguments.floats(3, "gradient");
    arguments.requireLength(upstream, values.length, "upstream");
    arguments.requireLength(gradient, values.length, "gradient");
    arguments.requireApartOrSame(gradient, values, "values and gradient");
    arguments.requireApartOrSame(gradient, upstream, "upstream and gradient");
    return {environment.kernels, activation, values.data, upstream.data, gradient.data, values.length};
  }
  void operator()(const CancelFlag* cancelled) const {
    runActivateGradient(*kernels, activation.kind, activation.parameters, values, upstream, gradient, n,
                        cancelled);
  }
};

struct BinaryTask {
  const Kernels* kernels;
  bool multiplies;
  const float *a, *b;
  float* y;
  int64_t n;

  static BinaryTask parse(Environment& environment, Arguments& arguments) {
    const bool multiplies = arguments.choice(0, "kind", {"add", "mul"}) == 1;
    const Floats a = arguments.floats(1, "a"), b = arguments.floats(2, "b"), y = arguments.floats(3, "y");
    arguments.requireLength(b, a.length, "b");
    arguments.requireLength(y, a.length, "y");
    arguments.requireApartOrSame(y, a, "a and y");
    arguments.requireApartOrSame(y, b, "b and y");
    return {environment.kernels, multiplies, a.data, b.data, y.data, a.length};
  }
  void operator()(const CancelFlag* cancelled) const {
    (multiplies ? runMultiply : runAdd)(*kernels, a, b, y, n, cancelled);
  }
};

struct ModulusTask {
  const Kernels* kernels;
  const float* x;
  float* y;
  int64_t n;

  static ModulusTask parse(Environment& environment, Arguments& arguments) {
    const Floats x = arguments.floats(0, "x"), y = arguments.floats(1, "y");
    arguments.requireLength(x, productOf({2, y.length}), "x");
    arguments.requireApart(y, x, "x and y");
    return {environment.kernels, x.data, y.data, y.length};
  }
  void operator()(const CancelFlag* cancelled) const { runModulus(*kernels, x, y, n, cancelled); }
};

}  // namespace convkit
