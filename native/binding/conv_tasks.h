// Convolutions and the gradients of their weights, as operations.cpp lists them.
#pragma once

#include <memory>
#include <utility>

#include "binding/arguments.h"
#include "binding/environment.h"
#include "binding/handles.h"
#include "conv/weight_gradient.h"

namespace convkit {

struct ConvTask {
  std::shared_ptr<const Conv> conv;
  std::shared_ptr<const PackedFilter> filter;
  Input x;
  Output y;
  int64_t batch;

  static ConvTask parse(Environment& environment, Arguments& arguments) {
    auto conv = std::static_pointer_cast<const Conv>(environment.handle<Conv>(arguments, 0).thing);
    auto filter =
        std::static_pointer_cast<const PackedFilter>(environment.handle<PackedFilter>(arguments, 1).thing);
    if (!fits(*conv, *filter)) {
      wrongValue(arguments.env(), arguments.operation(),
                 "filter was packed for a convolution that differs in more than image size");
    }
    const int64_t batch = arguments.integer(4, "batch", 0, kLargestSize);
    const int64_t outputs = outputLength(*conv, batch);
    const Floats x = arguments.floats(2, "x"), y = arguments.floats(3, "y");
    arguments.requireLength(x, inputLength(*conv, batch), "x");
    arguments.requireLength(y, outputs, "y");
    arguments.requireApart(y, x, "x and y");
    Output output = y.data;
    if (!arguments.isAbsent(5)) {
      const Floats residual = arguments.floats(5, "residual");
      arguments.requireLength(residual, outputs, "residual");
      arguments.requireApart(y, residual, "residual and y");
      output.residual = residual.data;
    }
    Input input(x.data);
    if (!arguments.isAbsent(6)) {
      if (!scalesInput(*conv))
        wrongValue(arguments.env(), arguments.operation(),
                   "scale is for 1x1 convolutions of stride 1, channels-last");
      const Floats scale = arguments.floats(6, "scale");
      const bool shifted = !arguments.isAbsent(7);
      arguments.requireLength(scale, productOf({shifted ? 1 : batch, inputChannels(*conv)}), "scale");
      arguments.requireApart(y, scale, "scale and y");
      input.scale = scale.data;
      if (shifted) {
        const Floats shift = arguments.floats(7, "shift");
        arguments.requireLength(shift, inputChannels(*conv), "shift");
        arguments.requireApart(y, shift, "shift and y");
        input.shift = shift.data;
      }
    }
    return {std::move(conv), std::move(filter), input, output, batch};
  }
  void operator()(const CancelFlag* cancelled) const { runConv(*conv, *filter, x, y, batch, cancelled); }
};

struct WeightGradientTask {
  std::shared_ptr<const Conv> conv;
  const float *x, *upstream;
  float *gradient, *biasGradient;
  int64_t batch;

  static WeightGradientTask parse(Environment& environment, Arguments& arguments) {
    auto conv = std::static_pointer_cast<const Conv>(environment.handle<Conv>(arguments, 0).thing);
    if (const char* const reason = checkWeightGradient(*conv))
      wrongValue(arguments.env(), arguments.operation(), reason);
    const int64_t batch = arguments.integer(5, "batch", 0, kLargestSize);
    const Floats x = arguments.floats(1, "x"), upstream = arguments.floats(2, "upstream"),
                 gradient = arguments.floats(3, "gradient");
    arguments.requireLength(x, inputLength(*conv, batch), "x");
    arguments.requireLength(upstream, outputLength(*conv, batch), "upstream");
    arguments.requireLength(gradient, weightLength(*conv), "gradient");
    arguments.requireApart(gradient, x, "x and gradient");
    arguments.requireApart(gradient, upstream, "upstream and gradient");
    float* biasGradient = nullptr;
    if (!arguments.isNull(4)) {
      const Floats given = arguments.floats(4, "biasGradient");
      arguments.requireLength(given, biasLength(*conv), "biasGradient");
      arguments.requireApart(given, x, "x and biasGradient");
      arguments.requireApart(given, upstream, "upstream and biasGradient");
      arguments.requireApart(given, gradient, "gradient and biasGradient");
      biasGradient = given.data;
    }
    return {std::move(conv), x.data, upstream.data, gradient.data, biasGradient, batch};
  }
  void operator()(const CancelFlag* cancelled) const {
    runWeightGradient(*conv, x, upstream, gradient, biasGradient, batch, cancelled);
  }
};

}  // namespace convkit
