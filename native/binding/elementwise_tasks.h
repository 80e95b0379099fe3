// The operations that treat elements one by one, and sums of them, as operations.cpp lists them.
#pragma once

#include "binding/arguments.h"
#include "binding/environment.h"
#include "binding/structs.h"
#include "elementwise/broadcast.h"
#include "elementwise/elementwise.h"
#include "reduction/sums.h"

namespace convkit {

inline Arithmetic readArithmetic(const Arguments& arguments) {
  // In the order of the enumeration
  return static_cast<Arithmetic>(arguments.choice(0, "kind", {"add", "sub", "mul", "div"}));
}

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
  Arithmetic kind;
  const float *a, *b;
  float* y;
  int64_t n;

  static BinaryTask parse(Environment& environment, Arguments& arguments) {
    const Arithmetic kind = readArithmetic(arguments);
    const Floats a = arguments.floats(1, "a"), b = arguments.floats(2, "b"), y = arguments.floats(3, "y");
    arguments.requireLength(b, a.length, "b");
    arguments.requireLength(y, a.length, "y");
    arguments.requireApartOrSame(y, a, "a and y");
    arguments.requireApartOrSame(y, b, "b and y");
    return {environment.kernels, kind, a.data, b.data, y.data, a.length};
  }
  void operator()(const CancelFlag* cancelled) const { runBinary(*kernels, kind, a, b, y, n, cancelled); }
};

struct BroadcastTask {
  const Kernels* kernels;
  Arithmetic kind;
  BroadcastGeometry geometry;
  const float *a, *b;
  float* y;

  static BroadcastTask parse(Environment& environment, Arguments& arguments) {
    const Arithmetic kind = readArithmetic(arguments);
    const BroadcastGeometry g =
        readBroadcastGeometry(arguments.env(), arguments.at(1), arguments.operation());
    const Floats a = arguments.floats(2, "a"), b = arguments.floats(3, "b"), y = arguments.floats(4, "y");
    arguments.requireLength(a, operandLength(g, g.aSteps), "a");
    arguments.requireLength(b, operandLength(g, g.bSteps), "b");
    arguments.requireLength(y, outputLength(g), "y");
    arguments.requireApart(y, a, "a and y");
    arguments.requireApart(y, b, "b and y");
    return {environment.kernels, kind, g, a.data, b.data, y.data};
  }
  void operator()(const CancelFlag* cancelled) const {
    runBroadcast(geometry, *kernels, kind, a, b, y, cancelled);
  }
};

struct SumTask {
  const Kernels* kernels;
  const float* x;
  float* y;
  int64_t outer, count, inner;
  float divisor;

  static SumTask parse(Environment& environment, Arguments& arguments) {
    const int64_t outer = arguments.integer(2, "outer", 0, kLargestSize);
    const int64_t count = arguments.integer(3, "count", 0, kLargestSize);
    const int64_t inner = arguments.integer(4, "inner", 0, kLargestSize);
    const double divisor = arguments.number(5, "divisor");
    const Floats x = arguments.floats(0, "x"), y = arguments.floats(1, "y");
    arguments.requireLength(x, productOf({outer, count, inner}), "x");
    arguments.requireLength(y, productOf({outer, inner}), "y");
    arguments.requireApart(y, x, "x and y");
    return {environment.kernels, x.data, y.data, outer, count, inner, static_cast<float>(divisor)};
  }
  void operator()(const CancelFlag* cancelled) const {
    runSum(*kernels, x, y, outer, count, inner, divisor, cancelled);
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

struct ModulusGradientTask {
  const Kernels* kernels;
  const float *x, *upstream;
  float* gradient;
  int64_t n;

  static ModulusGradientTask parse(Environment& environment, Arguments& arguments) {
    const Floats x = arguments.floats(0, "x"), upstream = arguments.floats(1, "upstream"),
                 gradient = arguments.floats(2, "gradient");
    const int64_t length = productOf({2, upstream.length});
    arguments.requireLength(x, length, "x");
    arguments.requireLength(gradient, length, "gradient");
    arguments.requireApart(gradient, x, "x and gradient");
    arguments.requireApart(gradient, upstream, "upstream and gradient");
    return {environment.kernels, x.data, upstream.data, gradient.data, upstream.length};
  }
  void operator()(const CancelFlag* cancelled) const {
    runModulusGradient(*kernels, x, upstream, gradient, n, cancelled);
  }
};

}  // namespace convkit
