// The operations of losses and regularisation, as operations.cpp lists them.
#pragma once

#include <vector>

#include "binding/arguments.h"
#include "binding/environment.h"
#include "binding/structs.h"
#include "random/dropout.h"
#include "softmax/softmax.h"

namespace convkit {

struct SoftmaxTask {
  const Kernels* kernels;
  bool log;
  const float* x;
  float* y;
  int64_t rows, length;

  static SoftmaxTask parse(Environment& environment, Arguments& arguments) {
    const bool log = arguments.choice(0, "kind", {"softmax", "logSoftmax"}) == 1;
    const int64_t length = arguments.integer(3, "length", 1, kLargestSize);
    const Floats x = arguments.floats(1, "x"), y = arguments.floats(2, "y");
    const int64_t rows = x.length / length;
    arguments.requireLength(x, rows * length, "x");
    arguments.requireLength(y, x.length, "y");
    arguments.requireApart(y, x, "x and y");
    return {environment.kernels, log, x.data, y.data, rows, length};
  }
  void operator()(const CancelFlag* cancelled) const {
    runSoftmax(*kernels, log, x, y, rows, length, cancelled);
  }
};

struct SoftmaxGradientTask {
  const Kernels* kernels;
  bool log;
  const float *y, *upstream;
  float* gradient;
  int64_t rows, length;

  static SoftmaxGradientTask parse(Environment& environment, Arguments& arguments) {
    const bool log = arguments.choice(0, "kind", {"softmax", "logSoftmax"}) == 1;
    const int64_t length = arguments.integer(4, "length", 1, kLargestSize);
    const Floats y = arguments.floats(1, "y"), upstream = arguments.floats(2, "upstream"),
                 gradient = arguments.floats(3, "gradient");
    const int64_t rows = y.length / length;
    arguments.requireLength(y, rows * length, "y");
    arguments.requireLength(upstream, y.length, "upstream");
    arguments.requireLength(gradient, y.length, "gradient");
    arguments.requireApart(gradient, y, "y and gradient");
    arguments.requireApartOrSame(gradient, upstream, "upstream and gradient");
    return {environment.kernels, log, y.data, upstream.data, gradient.data, rows, length};
  }
  void operator()(const CancelFlag* cancelled) const {
    runSoftmaxGradient(*kernels, log, y, upstream, gradient, rows, length, cancelled);
  }
};

// What crossEntropy and its gradient read alike: arguments 0 to 3.
struct CrossEntropyInput {
  std::vector<int32_t> targets;
  CrossEntropy loss;

  static CrossEntropyInput parse(Arguments& arguments) {
    const napi_env env = arguments.env();
    CrossEntropyInput input{};
    const double smoothing = arguments.number(3, "smoothing");
    if (!(smoothing >= 0 && smoothing <= 1))
      wrongValue(env, arguments.operation(),
                 "smoothing must be from 0 to 1, got " + show(env, arguments.at(3)));
    input.targets = readIntegers(env, arguments.at(1), arguments.operation(), "targets");
    const Floats x = arguments.floats(0, "logProbabilities");
    const auto rows = static_cast<int64_t>(input.targets.size());
    const int64_t length = rows == 0 ? 1 : x.length / rows;
    arguments.requireLength(x, rows * length, "logProbabilities");
    for (const int32_t target : input.targets)
      if (target < -1 || target >= length)
        wrongValue(
            env, arguments.operation(),
            "targets must be from -1 to " + std::to_string(length - 1) + ", got " + std::to_string(target));
    napi_valuetype type = napi_undefined;
    require(env, napi_typeof(env, arguments.at(2), &type));
    const float* weight = nullptr;
    if (type != napi_null && rows > 0) {
      const Floats given = arguments.floats(2, "weight");
      arguments.requireLength(given, length, "weight");
      weight = given.data;
    }
    input.loss = {x.data,
                  nullptr,
                  weight,
                  static_cast<float>(1 - smoothing),
                  static_cast<float>(smoothing / static_cast<double>(length)),
                  rows,
                  length};
    return input;
  }
  CrossEntropy get() const {
    CrossEntropy whole = loss;
    whole.targets = targets.data();
    return whole;
  }
};

struct CrossEntropyTask {
  const Kernels* kernels;
  CrossEntropyInput input;
  float* losses;

  static CrossEntropyTask parse(Environment& environment, Arguments& arguments) {
    CrossEntropyInput input = CrossEntropyInput::parse(arguments);
    const Floats losses = arguments.floats(4, "losses");
    arguments.requireLength(losses, input.loss.rows, "losses");
    arguments.requireApart(losses, arguments.floats(0, "logProbabilities"), "logProbabilities and losses");
    return {environment.kernels, std::move(input), losses.data};
  }
  void operator()(const CancelFlag* cancelled) const {
    runCrossEntropy(*kernels, input.get(), losses, cancelled);
  }
};

struct CrossEntropyGradientTask {
  const Kernels* kernels;
  CrossEntropyInput input;
  const float* upstream;
  float* gradient;

  static CrossEntropyGradientTask parse(Environment& environment, Arguments& arguments) {
    CrossEntropyInput input = CrossEntropyInput::parse(arguments);
    const Floats x = arguments.floats(0, "logProbabilities"), upstream = arguments.floats(4, "upstream"),
                 gradient = arguments.floats(5, "gradient");
    arguments.requireLength(upstream, input.loss.rows, "upstream");
    arguments.requireLength(gradient, x.length, "gradient");
    arguments.requireApart(gradient, x, "logProbabilities and gradient");
    arguments.requireApart(gradient, upstream, "upstream and gradient");
    return {environment.kernels, std::move(input), upstream.data, gradient.data};
  }
  void operator()(const CancelFlag* cancelled) const {
    runCrossEntropyGradient(*kernels, input.get(), upstream, gradient, cancelled);
  }
};

struct DropoutMaskTask {
  PhiloxKey key;
  double probability;
  float* mask;
  int64_t n;

  static DropoutMaskTask parse(Environment&, Arguments& arguments) {
    constexpr int64_t kWord = (int64_t{1} << 32) - 1;
    const auto word = [&](std::size_t index, const char* name) {
      return static_cast<uint32_t>(arguments.integer(index, name, 0, kWord));
    };
    const PhiloxKey key{{word(0, "seedLow"), word(1, "seedHigh")},
                        {word(2, "streamLow"), word(3, "streamHigh")}};
    const double probability = arguments.number(4, "probability");
    if (!(probability >= 0 && probability < 1))
      wrongValue(arguments.env(), arguments.operation(),
                 "probability must be from 0 to below 1, got " + show(arguments.env(), arguments.at(4)));
    const Floats mask = arguments.floats(5, "mask");
    return {key, probability, mask.data, mask.length};
  }
  void operator()(const CancelFlag* cancelled) const { runDropoutMask(key, probability, mask, n, cancelled); }
};

}  // namespace convkit
