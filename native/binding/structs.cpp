// Named fields to C++ structs. Reading a field may run JavaScript (a getter, a proxy), so nothing read here
// points into JavaScript's memory: lists are copied as soon as they are seen.
#include "binding/structs.h"

#include <algorithm>
#include <limits>
#include <string>

namespace convkit {
namespace {

class Fields {
 public:
  Fields(napi_env env, napi_value object, const char* operation, const std::string& name)
      : env_(env), object_(object), operation_(operation) {
    napi_valuetype type = napi_undefined;
    require(env, napi_typeof(env, object, &type));
    if (type != napi_object) wrongType(env, operation, name + " must be an object, got " + show(env, object));
  }

  napi_value get(const char* name) const {
    napi_value value = nullptr;
    require(env_, napi_get_named_property(env_, object_, name, &value));
    return value;
  }
  int64_t integer(const char* name, int64_t least) const {
    return integerOf(env_, get(name), operation_, name, least, kLargestSize);
  }
  // Rounded to float32.
  float number(const char* name) const {
    return static_cast<float>(numberOf(env_, get(name), operation_, name));
  }
  // 0 where it is left out.
  int64_t optionalInteger(const char* name) const {
    napi_valuetype type = napi_undefined;
    const napi_value field = get(name);
    require(env_, napi_typeof(env_, field, &type));
    return type == napi_undefined ? 0 : integerOf(env_, field, operation_, name, 1, kLargestSize);
  }
  // The first choice where it is left out.
  std::size_t optionalChoice(const char* name, std::initializer_list<const char*> choices) const {
    napi_valuetype type = napi_undefined;
    const napi_value field = get(name);
    require(env_, napi_typeof(env_, field, &type));
    return type == napi_undefined ? 0 : choiceOf(env_, field, operation_, name, choices);
  }
  bool flag(const char* name) const {
    const napi_value field = get(name);
    napi_valuetype type = napi_undefined;
    bool value = false;
    require(env_, napi_typeof(env_, field, &type));
    if (type != napi_boolean)
      wrongType(env_, operation_, std::string(name) + " must be true or false, got " + show(env_, field));
    require(env_, napi_get_value_bool(env_, field, &value));
    return value;
  }
  std::size_t choice(const char* name, std::initializer_list<const char*> choices) const {
    return choiceOf(env_, get(name), operation_, name, choices);
  }
  napi_value item(napi_value list, const char* name, uint32_t index) const {
    bool isArray = false;
    uint32_t length = 0;
    require(env_, napi_is_array(env_, list, &isArray));
    if (isArray) require(env_, napi_get_array_length(env_, list, &length));
    if (length != 3)
      wrongType(env_, operation_, std::string(name) + " must be an array of 3, got " + show(env_, list));
    napi_value value = nullptr;
    require(env_, napi_get_element(env_, list, index, &value));
    return value;
  }
  Triple triple(const char* name, int64_t least) const {
    const napi_value list = get(name);
    const auto integer = [&](uint32_t index) {
      return integerOf(env_, item(list, name, index), operation_, name, least, kLargestSize);
    };
    const int64_t depth = integer(0), height = integer(1);
    return {depth, height, integer(2)};
  }
  // Copies element `index` of a list of three Int32Arrays.
  std::vector<int32_t> integers(napi_value list, const char* name, uint32_t index, int64_t expected) const {
    std::vector<int32_t> copy = readIntegers(env_, item(list, name, index), operation_, name);
    if (static_cast<int64_t>(copy.size()) != expected) {
      wrongValue(env_, operation_,
                 std::string(name) + " must list one entry an output position, " + std::to_string(expected) +
                     ", got " + std::to_string(copy.size()));
    }
    return copy;
  }

 private:
  napi_env env_;
  napi_value object_;
  const char* operation_;
};

}  // namespace

std::vector<int32_t> readIntegers(napi_env env, napi_value value, const char* operation, const char* name) {
  napi_typedarray_type type = napi_int8_array;
  std::size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_int32_array) {
    wrongType(env, operation, std::string(name) + " must be an Int32Array, got " + show(env, value));
  }
  const auto* const first = static_cast<const int32_t*>(data);
  return length == 0 ? std::vector<int32_t>() : std::vector<int32_t>(first, first + length);
}

ActivationChoice readActivation(napi_env env, napi_value value, const char* operation) {
  const Fields fields(env, value, operation, "activation");
  // In the order of the enumeration
  const std::size_t kind =
      fields.choice("kind", {"none", "relu", "relu6", "leakyRelu", "sigmoid", "tanh", "silu", "gelu",
                             "hardswish", "elu", "hardsigmoid", "softplus"});
  const auto number = [&](const char* name) {
    return static_cast<float>(numberOf(env, fields.get(name), operation, name));
  };
  ActivationChoice choice{static_cast<Activation>(kind), {number("negativeSlope"), 0}};
  if (choice.kind == Activation::elu) choice.parameters.first = number("alpha");
  if (choice.kind == Activation::softplus) {
    choice.parameters.first = number("beta");
    choice.parameters.second = number("threshold");
  }
  return choice;
}

ConvGeometry readConvGeometry(napi_env env, napi_value value, const char* operation) {
  const Fields fields(env, value, operation, "geometry");
  ConvGeometry g{};
  g.inChannels = fields.integer("inChannels", 1);
  g.outChannels = fields.integer("outChannels", 1);
  g.groups = fields.integer("groups", 1);
  g.inputSize = fields.triple("inputSize", 0);
  g.kernelSize = fields.triple("kernelSize", 1);
  g.stride = fields.triple("stride", 1);
  g.dilation = fields.triple("dilation", 1);
  g.padBegin = fields.triple("padBegin", 0);
  g.padEnd = fields.triple("padEnd", 0);
  g.outputSize = fields.triple("outputSize", 0);
  g.paddingMode =
      static_cast<PaddingMode>(fields.choice("paddingMode", {"zeros", "reflect", "replicate", "circular"}));
  const ActivationChoice activation = readActivation(env, fields.get("activation"), operation);
  g.activation = activation.kind;
  g.activationParameters = activation.parameters;
  g.algorithm = static_cast<Algorithm>(fields.choice("algorithm", {"direct", "winograd2", "winograd4"}));
  g.transposed = fields.flag("transposed");
  g.inputLayout = static_cast<Layout>(fields.choice("inputLayout", {"channelsLast", "channelsFirst"}));
  g.outputLayout = static_cast<Layout>(fields.choice("outputLayout", {"channelsLast", "channelsFirst"}));
  g.inputStride = fields.optionalInteger("inputStride");
  g.outputStride = fields.optionalInteger("outputStride");
  g.inputActivation =
      static_cast<Activation>(fields.optionalChoice("inputActivation", {"none", "relu", "relu6"}));
  return g;
}

LocalResponse readLocalResponse(napi_env env, napi_value value, const char* operation) {
  const Fields fields(env, value, operation, "response");
  LocalResponse l{};
  l.channels = fields.integer("channels", 1);
  l.size = fields.integer("size", 1);
  l.alpha = numberOf(env, fields.get("alpha"), operation, "alpha");
  l.beta = numberOf(env, fields.get("beta"), operation, "beta");
  l.k = numberOf(env, fields.get("k"), operation, "k");
  return l;
}

NormGeometry readNormGeometry(napi_env env, napi_value value, const char* operation) {
  const Fields fields(env, value, operation, "norm");
  NormGeometry g{};
  g.batch = fields.integer("batch", 0);
  g.positions = fields.integer("positions", 0);
  g.channels = fields.integer("channels", 1);
  g.groups = fields.integer("groups", 1);
  g.epsilon = numberOf(env, fields.get("epsilon"), operation, "epsilon");
  const std::size_t activation = fields.choice("activation", {"none", "relu", "relu6"});
  g.given = fields.choice("statistics", {"own", "given"}) == 1;
  if (g.channels % g.groups != 0) wrongValue(env, operation, "groups must divide channels");
  // The statistics are at most as many as the elements, but those of an image without positions
  if (productOf({g.batch, g.positions, g.channels}) >= kLargestCount ||
      productOf({g.batch, g.channels}) >= kLargestCount) {
    wrongValue(env, operation, "too many elements");
  }
  const float infinity = std::numeric_limits<float>::infinity();
  g.low = activation == 0 ? -infinity : 0.0f;
  g.high = activation == 2 ? 6.0f : infinity;
  return g;
}

WindowGeometry readWindowGeometry(napi_env env, napi_value value, const char* operation) {
  const Fields fields(env, value, operation, "window");
  WindowGeometry g{};
  g.channels = fields.integer("channels", 1);
  g.inputSize = fields.triple("inputSize", 1);
  g.kernelSize = fields.triple("kernelSize", 1);
  g.stride = fields.triple("stride", 1);
  g.dilation = fields.triple("dilation", 1);
  g.padBegin = fields.triple("padBegin", 0);
  g.padEnd = fields.triple("padEnd", 0);
  g.outputSize = fields.triple("outputSize", 1);
  const Triple &in = g.inputSize, &k = g.kernelSize, &out = g.outputSize;
  if (productOf({g.channels, in.depth, in.height, in.width}) >= kLargestCount ||
      productOf({g.channels, k.depth, k.height, k.width, out.depth, out.height, out.width}) >=
          kLargestCount) {
    wrongValue(env, operation, "too many elements");
  }
  if (const char* const reason = checkWindows(g)) wrongValue(env, operation, reason);
  return g;
}

RemapGeometry readRemapGeometry(napi_env env, napi_value value, const char* operation) {
  const Fields fields(env, value, operation, "map");
  RemapGeometry g{};
  g.channels = fields.integer("channels", 1);
  const Triple input = fields.triple("inputSize", 0);
  g.value = static_cast<float>(numberOf(env, fields.get("value"), operation, "value"));
  const int64_t sizes[3] = {input.depth, input.height, input.width};
  const napi_value source = fields.get("source");
  int64_t length = g.channels;
  for (uint32_t axis = 0; axis < 3; ++axis) {
    g.inputSize[axis] = sizes[axis];
    g.source[axis] = readIntegers(env, fields.item(source, "source", axis), operation, "source");
    length = productOf({length, static_cast<int64_t>(g.source[axis].size())});
  }
  if (length >= kLargestCount || productOf({g.channels, sizes[0], sizes[1], sizes[2]}) >= kLargestCount)
    wrongValue(env, operation, "too many elements");
  if (const char* const reason = checkRemap(g)) wrongValue(env, operation, reason);
  return g;
}

ResizeGeometry readResizeGeometry(napi_env env, napi_value value, const char* operation) {
  const Fields fields(env, value, operation, "geometry");
  const auto axis = [&](const char* name) {
    const Fields listed(env, fields.get(name), operation, name);
    const auto list = [&](const char* field) {
      return readIntegers(env, listed.get(field), operation, field);
    };
    return ResizeAxis{listed.integer("taps", 0), list("start"), list("count"), list("weight")};
  };
  ResizeGeometry g{fields.integer("channels", 1), fields.integer("height", 0), fields.integer("width", 0),
                   axis("rows"), axis("columns")};
  // The larger of what is read, what lies between and what is written
  const int64_t most = productOf({g.channels, std::max(g.height, g.rows.outputs()),
                                  std::max(g.width, g.columns.outputs()), int64_t{kByteRows}});
  if (most >= kLargestCount) wrongValue(env, operation, "too many pixels");
  if (const char* const reason = checkResize(g)) wrongValue(env, operation, reason);
  return g;
}

BroadcastGeometry readBroadcastGeometry(napi_env env, napi_value value, const char* operation) {
  const Fields fields(env, value, operation, "geometry");
  const auto list = [&](const char* name, int64_t most) {
    const std::vector<napi_value> items = itemsOf(env, fields.get(name), operation, name);
    std::vector<int64_t> numbers;
    for (const napi_value item : items) numbers.push_back(integerOf(env, item, operation, name, 0, most));
    return numbers;
  };
  const std::vector<int64_t> sizes = list("sizes", kLargestSize), aSteps = list("aSteps", kLargestSize),
                             bSteps = list("bSteps", kLargestSize);
  if (sizes.size() > kMostAxes || aSteps.size() != sizes.size() || bSteps.size() != sizes.size()) {
    wrongValue(env, operation, "sizes, aSteps and bSteps must be as many, 8 at most");
  }
  BroadcastGeometry g{};
  g.axes = static_cast<int>(sizes.size());
  int64_t length = 1, aLength = 1, bLength = 1;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    g.sizes[axis] = sizes[axis];
    g.aSteps[axis] = aSteps[axis];
    g.bSteps[axis] = bSteps[axis];
    length = productOf({length, sizes[axis]});
    aLength += productOf({sizes[axis], aSteps[axis]});  // eight times at most
    bLength += productOf({sizes[axis], bSteps[axis]});
  }
  if (length >= kLargestCount || aLength >= kLargestCount || bLength >= kLargestCount)
    wrongValue(env, operation, "too many elements");
  if (!sizes.empty() && (aSteps.back() > 1 || bSteps.back() > 1))
    wrongValue(env, operation, "the last steps must be 0 or 1");
  return g;
}

PoolGeometry readPoolGeometry(napi_env env, napi_value value, const char* operation) {
  const Fields fields(env, value, operation, "geometry");
  PoolGeometry g{};
  g.kind = static_cast<PoolKind>(fields.choice("kind", {"max", "average"}));
  g.channels = fields.integer("channels", 1);
  const Triple input = fields.triple("inputSize", 0), output = fields.triple("outputSize", 0),
               dilation = fields.triple("dilation", 1);
  const int64_t sizes[3] = {input.depth, input.height, input.width};
  const int64_t outputs[3] = {output.depth, output.height, output.width};
  const int64_t dilations[3] = {dilation.depth, dilation.height, dilation.width};
  const napi_value begin = fields.get("begin"), end = fields.get("end"), span = fields.get("span");
  for (uint32_t axis = 0; axis < 3; ++axis) {
    g.axes[axis] = {sizes[axis], dilations[axis], fields.integers(begin, "begin", axis, outputs[axis]),
                    fields.integers(end, "end", axis, outputs[axis]),
                    fields.integers(span, "span", axis, outputs[axis])};
  }
  g.outputStride = fields.optionalInteger("outputStride");
  if (productOf({g.channels, sizes[0], sizes[1], sizes[2]}) >= kLargestCount ||
      productOf({std::max(g.channels, g.outputStride), outputs[0], outputs[1], outputs[2]}) >=
          kLargestCount) {
    wrongValue(env, operation, "too many elements");
  }
  return g;
}

SgdStep readSgdStep(napi_env env, napi_value value, const char* operation) {
  const Fields fields(env, value, operation, "step");
  SgdStep step{};
  step.rate = fields.number("rate");
  step.decay = fields.number("decay");
  step.momentum = fields.number("momentum");
  step.keep = fields.number("keep");
  step.sign = fields.flag("maximize") ? -1.0f : 1.0f;
  step.nesterov = fields.flag("nesterov");
  step.first = fields.flag("first");
  return step;
}

AdamStep readAdamStep(napi_env env, napi_value value, const char* operation) {
  const Fields fields(env, value, operation, "step");
  AdamStep step{};
  step.rate = fields.number("rate");
  step.root = fields.number("root");
  step.eps = fields.number("eps");
  step.fresh1 = fields.number("fresh1");
  step.fresh2 = fields.number("fresh2");
  step.decay = fields.number("decay");
  step.shrink = fields.number("shrink");
  step.sign = fields.flag("maximize") ? -1.0f : 1.0f;
  return step;
}

}  // namespace convkit
