#include "binding/norm_tasks.h"

#include "binding/structs.h"

namespace convkit {
namespace {

// The arrays of one call, which have to be apart: outputs from everything, inputs from outputs. One output
// may be one input, where it is said.
class Arrays {
 public:
  explicit Arrays(Arguments& arguments) : arguments_(arguments) {}

  float* input(std::size_t index, const char* name, int64_t length) {
    return read(index, name, length, false);
  }
  float* output(std::size_t index, const char* name, int64_t length) {
    return read(index, name, length, true);
  }
  // Null where null is given.
  float* optionalInput(std::size_t index, const char* name, int64_t length) {
    return isNull(index) ? nullptr : input(index, name, length);
  }
  float* optionalOutput(std::size_t index, const char* name, int64_t length) {
    return isNull(index) ? nullptr : output(index, name, length);
  }
  void requireApart(const float* from = nullptr, const float* to = nullptr) const {
    for (const Array& a : arrays_) {
      for (const Array& b : arrays_) {
        if (&a == &b || !a.isOutput) continue;
        const std::string names = std::string(b.name) + " and " + a.name;
        if (to != nullptr && a.floats.data == to && b.floats.data == from && !b.isOutput)
          arguments_.requireApartOrSame(a.floats, b.floats, names.c_str());
        else arguments_.requireApart(a.floats, b.floats, names.c_str());
      }
    }
  }

 private:
  struct Array {
    Floats floats;
    const char* name;
    bool isOutput;
  };

  bool isNull(std::size_t index) const {
    napi_valuetype type = napi_undefined;
    require(arguments_.env(), napi_typeof(arguments_.env(), arguments_.at(index), &type));
    return type == napi_null;
  }
  float* read(std::size_t index, const char* name, int64_t length, bool isOutput) {
    const Floats floats = arguments_.floats(index, name);
    arguments_.requireLength(floats, length, name);
    arrays_.push_back({floats, name, isOutput});
    return floats.data;
  }

  Arguments& arguments_;
  std::vector<Array> arrays_;
};

}  // namespace

AffineTask AffineTask::parse(Environment& environment, Arguments& arguments) {
  const ActivationChoice activation = readActivation(arguments.env(), arguments.at(0), arguments.operation());
  const Floats x = arguments.floats(1, "x"), scale = arguments.floats(2, "scale");
  const int64_t channels = scale.length;
  if (channels == 0) wrongValue(arguments.env(), arguments.operation(), "scale must have elements");
  arguments.requireLength(x, x.length / channels * channels, "x");
  Arrays arrays(arguments);
  const float* const shift = arrays.input(3, "shift", channels);
  const float* const residual = arrays.optionalInput(4, "residual", x.length);
  const Floats y = arguments.floats(5, "y");
  arguments.requireLength(y, x.length, "y");
  // Each element is read before it is written
  arguments.requireApartOrSame(y, x, "x and y");
  if (residual != nullptr)
    arguments.requireApartOrSame(y, {const_cast<float*>(residual), x.length}, "residual and y");
  arguments.requireApart(y, scale, "scale and y");
  arguments.requireApart(y, {const_cast<float*>(shift), channels}, "shift and y");
  return {environment.kernels,
          {scale.data, shift, channels, activation.kind, activation.parameters},
          x.data,
          residual,
          y.data,
          x.length / channels};
}

NormalizeTask NormalizeTask::parse(Environment& environment, Arguments& arguments) {
  const NormGeometry g = readNormGeometry(arguments.env(), arguments.at(0), arguments.operation());
  if (g.given) {
    wrongValue(arguments.env(), arguments.operation(),
               "given statistics normalise by affine, not by normalize");
  }
  Arrays arrays(arguments);
  NormalizeTask task{environment.kernels, g, {}, nullptr, nullptr, {}};
  task.input.x = arrays.input(1, "x", g.length());
  task.input.weight = arrays.optionalInput(2, "weight", g.channels);
  task.input.bias = arrays.optionalInput(3, "bias", g.channels);
  task.residual = arrays.optionalInput(4, "residual", g.length());
  task.y = arrays.output(5, "y", g.length());
  task.statistics.mean = arrays.optionalOutput(6, "mean", g.batch * g.groups);
  task.statistics.variance = arrays.optionalOutput(7, "variance", g.batch * g.groups);
  arrays.requireApart();
  return task;
}

NormalizeGradientTask NormalizeGradientTask::parse(Environment& environment, Arguments& arguments) {
  const NormGeometry g = readNormGeometry(arguments.env(), arguments.at(0), arguments.operation());
  Arrays arrays(arguments);
  NormalizeGradientTask task{environment.kernels, g, {}, {}, nullptr, nullptr, {}};
  task.input.x = arrays.input(1, "x", g.length());
  task.input.weight = arrays.optionalInput(2, "weight", g.channels);
  task.input.bias = arrays.optionalInput(3, "bias", g.channels);
  task.statistics.mean = arrays.input(4, "mean", g.batch * g.groups);
  task.statistics.variance = arrays.input(5, "variance", g.batch * g.groups);
  task.output = arrays.optionalInput(6, "output", g.length());
  task.upstream = arrays.input(7, "upstream", g.length());
  task.gradients.x = arrays.optionalOutput(8, "gradX", g.length());
  task.gradients.weight = arrays.optionalOutput(9, "gradWeight", g.channels);
  task.gradients.bias = arrays.optionalOutput(10, "gradBias", g.channels);
  task.gradients.residual = arrays.optionalOutput(11, "gradResidual", g.length());
  arrays.requireApart(task.upstream, task.gradients.x);  // each element is read before it is written
  return task;
}

template <bool gradient>
LocalResponseTask<gradient> LocalResponseTask<gradient>::parse(Environment& environment,
                                                               Arguments& arguments) {
  const LocalResponse response = readLocalResponse(arguments.env(), arguments.at(0), arguments.operation());
  const Floats x = arguments.floats(1, "x");
  arguments.requireLength(x, x.length / response.channels * response.channels, "x");
  Arrays arrays(arguments);
  arrays.input(1, "x", x.length);
  const float* const upstream = gradient ? arrays.input(2, "upstream", x.length) : nullptr;
  float* const y = arrays.output(gradient ? 3 : 2, gradient ? "gradient" : "y", x.length);
  arrays.requireApart();
  return {environment.kernels, response, x.data, upstream, y, x.length / response.channels};
}

template struct LocalResponseTask<false>;
template struct LocalResponseTask<true>;

}  // namespace convkit
