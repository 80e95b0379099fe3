// Reads JavaScript values; throws Napi::Error. No heap is touched where the argument is right.
#include "binding/arguments.h"

#include <cmath>

namespace convkit {
namespace {

bool overlap(const Floats& a, const Floats& b) {
  if (a.length == 0 || b.length == 0) return false;
  const auto begin = [](const Floats& f) { return reinterpret_cast<std::uintptr_t>(f.data); };
  const auto end = [&](const Floats& f) {
    return begin(f) + static_cast<std::uintptr_t>(f.length) * sizeof(float);
  };
  return begin(a) < end(b) && begin(b) < end(a);
}

bool isResizable(napi_env env, napi_value buffer) {
  napi_value resizable = nullptr;
  bool answer = false;
  require(env, napi_get_named_property(env, buffer, "resizable", &resizable));
  return napi_get_value_bool(env, resizable, &answer) == napi_ok && answer;
}

}  // namespace

void wrongType(napi_env env, const char* operation, const std::string& law) {
  throw Napi::TypeError::New(env, std::string(operation) + ": " + law);
}

void wrongValue(napi_env env, const char* operation, const std::string& law) {
  throw Napi::RangeError::New(env, std::string(operation) + ": " + law);
}

void require(napi_env env, napi_status status) {
  if (status != napi_ok) throw Napi::Error::New(env);
}

std::string show(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  require(env, napi_typeof(env, value, &type));
  switch (type) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_symbol:
      return "a symbol";
    case napi_function:
      return "a function";
    case napi_external:
      return "an external";
    case napi_string: {
      const std::string text = Napi::String(env, value).Utf8Value();
      return "'" + (text.size() > 40 ? text.substr(0, 40) + "…" : text) + "'";
    }
    case napi_number:
    case napi_boolean:
    case napi_bigint:
      return Napi::Value(env, value).ToString().Utf8Value();
    case napi_object:
      break;
  }
  bool isArray = false;
  require(env, napi_is_array(env, value, &isArray));
  return isArray ? "an array" : "an object";
}

int64_t productOf(std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  bool tooLarge = false;
  for (const int64_t factor : factors) {
    if (factor == 0) return 0;
    if (product > kLargestCount / factor) tooLarge = true;
    if (!tooLarge) product *= factor;
  }
  return tooLarge ? kLargestCount : product;
}

napi_value Arguments::at(std::size_t index) const {
  if (index < count_) return values_[index];
  napi_value undefined = nullptr;
  require(env_, napi_get_undefined(env_, &undefined));
  return undefined;
}

void Arguments::requireOwned(napi_value buffer, std::size_t length, const char* name) const {
  bool plain = false, detached = false;
  require(env_, napi_is_arraybuffer(env_, buffer, &plain));
  if (!plain)
    wrongType(env_, operation_, std::string(name) + " must not lie in a SharedArrayBuffer; copy it first");
  if (length > 0) return;  // of a detached buffer an array has no elements
  require(env_, napi_is_detached_arraybuffer(env_, buffer, &detached));
  if (detached) wrongType(env_, operation_, std::string(name) + " lies in a detached ArrayBuffer");
}

Floats Arguments::floats(std::size_t index, const char* name) { return floatsOf(at(index), name); }

Arguments::Elements Arguments::elementsOf(napi_value value, napi_typedarray_type wanted, const char* kind,
                                          const char* name) const {
  napi_typedarray_type type = napi_int8_array;
  Elements found{};
  if (napi_get_typedarray_info(env_, value, &type, &found.length, &found.data, &found.buffer, nullptr) !=
          napi_ok ||
      type != wanted) {
    wrongType(env_, operation_, std::string(name) + " must be a " + kind + ", got " + show(env_, value));
  }
  requireOwned(found.buffer, found.length, name);
  return found;
}

Floats Arguments::floatsOf(napi_value value, const char* name) {
  const Elements found = elementsOf(value, napi_float32_array, "Float32Array", name);
  if (kept_ != nullptr) {
    if (isResizable(env_, found.buffer)) {
      wrongType(env_, operation_,
                std::string(name) + " must not lie in a resizable ArrayBuffer; copy it first");
    }
    kept_->push_back(value);
  }
  return {static_cast<float*>(found.data), static_cast<int64_t>(found.length)};
}

Bytes Arguments::bytes(std::size_t index, const char* name) const {
  const Elements found = elementsOf(at(index), napi_uint8_array, "Uint8Array", name);
  return {static_cast<uint8_t*>(found.data), static_cast<int64_t>(found.length)};
}

Doubles Arguments::doubles(std::size_t index, const char* name) const {
  const Elements found = elementsOf(at(index), napi_float64_array, "Float64Array", name);
  return {static_cast<const double*>(found.data), static_cast<int64_t>(found.length)};
}

Floats Arguments::floatsOrNull(std::size_t index, const char* name) {
  return isNull(index) ? Floats{nullptr, 0} : floats(index, name);
}

int64_t Arguments::integer(std::size_t index, const char* name, int64_t least, int64_t most) const {
  double value = 0;
  if (napi_get_value_double(env_, at(index), &value) == napi_ok && value >= static_cast<double>(least) &&
      value <= static_cast<double>(most) && std::floor(value) == value) {
    return static_cast<int64_t>(value);
  }
  return integerOf(env_, at(index), operation_, name, least, most);
}

double Arguments::number(std::size_t index, const char* name) const {
  return numberOf(env_, at(index), operation_, name);
}

std::size_t Arguments::choice(std::size_t index, const char* name,
                              std::initializer_list<const char*> choices) const {
  return choiceOf(env_, at(index), operation_, name, choices);
}

std::string Arguments::text(std::size_t index, const char* name) const {
  return textOf(env_, at(index), operation_, name);
}

std::vector<napi_value> Arguments::items(std::size_t index, const char* name) const {
  return itemsOf(env_, at(index), operation_, name);
}

void Arguments::requireLength(const Floats& array, int64_t length, const char* name) const {
  if (array.length == length) return;
  const std::string wanted = length >= kLargestCount ? "more than any array has" : std::to_string(length);
  wrongValue(env_, operation_,
             std::string(name) + " must have " + wanted + " elements, got " + std::to_string(array.length));
}

bool Arguments::isNull(std::size_t index) const {
  napi_valuetype type = napi_undefined;
  require(env_, napi_typeof(env_, at(index), &type));
  return type == napi_null;
}

bool Arguments::isAbsent(std::size_t index) const {
  if (index >= count_) return true;
  napi_valuetype type = napi_undefined;
  require(env_, napi_typeof(env_, values_[index], &type));
  return type == napi_null || type == napi_undefined;
}

void Arguments::requireApart(const Floats& y, const Floats& x, const char* names) const {
  if (overlap(y, x)) wrongValue(env_, operation_, std::string(names) + " must not share memory");
}

void Arguments::requireApartOrSame(const Floats& y, const Floats& x, const char* names) const {
  if (y.data != x.data && overlap(y, x)) {
    wrongValue(env_, operation_,
               std::string(names) + " must be the same memory or apart, not overlap in part");
  }
}

int64_t integerOf(napi_env env, napi_value value, const char* operation, const std::string& name,
                  int64_t least, int64_t most) {
  const double number = numberOf(env, value, operation, name);
  if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)) ||
      std::floor(number) != number) {
    wrongValue(env, operation,
               name + " must be an integer from " + std::to_string(least) + " to " + std::to_string(most) +
                   ", got " + show(env, value));
  }
  return static_cast<int64_t>(number);
}

double numberOf(napi_env env, napi_value value, const char* operation, const std::string& name) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok) {
    wrongType(env, operation, name + " must be a number, got " + show(env, value));
  }
  return number;
}

std::string textOf(napi_env env, napi_value value, const char* operation, const std::string& name) {
  char text[64];
  std::size_t length = 0;
  if (napi_get_value_string_utf8(env, value, text, sizeof text, &length) != napi_ok) {
    wrongType(env, operation, name + " must be a string, got " + show(env, value));
  }
  return std::string(text, length);
}

std::vector<napi_value> itemsOf(napi_env env, napi_value value, const char* operation,
                                const std::string& name) {
  bool isArray = false;
  require(env, napi_is_array(env, value, &isArray));
  if (!isArray) wrongType(env, operation, name + " must be an array, got " + show(env, value));
  uint32_t length = 0;
  require(env, napi_get_array_length(env, value, &length));
  if (length > 65536) {
    wrongValue(env, operation, name + " must have at most 65536 items, got " + std::to_string(length));
  }
  std::vector<napi_value> items(length);
  for (uint32_t k = 0; k < length; ++k) require(env, napi_get_element(env, value, k, &items[k]));
  return items;
}

std::size_t choiceOf(napi_env env, napi_value value, const char* operation, const std::string& name,
                     std::initializer_list<const char*> choices) {
  const std::string text = textOf(env, value, operation, name);
  std::size_t position = 0;
  std::string list;
  for (const char* const choice : choices) {
    if (text == choice) return position;
    list += (position++ == 0 ? "'" : ", '") + std::string(choice) + "'";
  }
  wrongValue(env, operation, name + " must be one of " + list + ", got " + show(env, value));
}

}  // namespace convkit
