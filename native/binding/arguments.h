// The arguments of one call from JavaScript, read with every check that memory safety needs. TypeScript has
// validated for people; these sentences are for whoever reaches past it.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace convkit {

struct Floats {
  float* data;
  int64_t length;
};

struct Doubles {
  const double* data;
  int64_t length;
};

struct Bytes {
  uint8_t* data;
  int64_t length;
};

[[noreturn]] void wrongType(napi_env env, const char* operation, const std::string& law);
[[noreturn]] void wrongValue(napi_env env, const char* operation, const std::string& law);
std::string show(napi_env env, napi_value value);

constexpr int64_t kLargestSize = (int64_t{1} << 31) - 1;  // of any one extent, stride, count
constexpr int64_t kLargestCount = int64_t{1} << 53;       // of elements; every whole number up to it is exact

// a * b, or kLargestCount where that is passed; both at least 0.
int64_t productOf(std::initializer_list<int64_t> factors);

class Arguments {
 public:
  static constexpr std::size_t kMost = 16;

  Arguments(napi_env env, const char* operation, const napi_value* values, std::size_t count)
      : env_(env), operation_(operation), values_(values), count_(count) {}

  napi_env env() const { return env_; }
  const char* operation() const { return operation_; }
  napi_value at(std::size_t index) const;

  // The memory stays valid while no JavaScript runs, so read structs and lists first and arrays last.
  Floats floats(std::size_t index, const char* name);
  Floats floatsOf(napi_value value, const char* name);
  // For calls in the foreground.
  Bytes bytes(std::size_t index, const char* name) const;
  Doubles doubles(std::size_t index, const char* name) const;
  bool isNull(std::size_t index) const;
  // Null, undefined or left out.
  bool isAbsent(std::size_t index) const;
  // Without data where the argument is null.
  Floats floatsOrNull(std::size_t index, const char* name);
  int64_t integer(std::size_t index, const char* name, int64_t least, int64_t most) const;
  double number(std::size_t index, const char* name) const;
  // The position of the string among `choices`.
  std::size_t choice(std::size_t index, const char* name, std::initializer_list<const char*> choices) const;
  std::string text(std::size_t index, const char* name) const;
  // The items of a list, before any of them is looked into: reading one may run JavaScript.
  std::vector<napi_value> items(std::size_t index, const char* name) const;

  void requireLength(const Floats& array, int64_t length, const char* name) const;
  void requireApart(const Floats& y, const Floats& x, const char* names) const;
  void requireApartOrSame(const Floats& y, const Floats& x, const char* names) const;

  // From here on every array read is listed, and has to be of fixed size: a background job will use it.
  void keepArraysIn(std::vector<napi_value>& kept) { kept_ = &kept; }
  // Lists argument `index` as well.
  void keep(std::size_t index) {
    if (kept_ != nullptr) kept_->push_back(at(index));
  }

 private:
  struct Elements {
    void* data;
    std::size_t length;
    napi_value buffer;
  };
  // Of a typed array of the wanted kind, which errors call `kind`.
  Elements elementsOf(napi_value value, napi_typedarray_type wanted, const char* kind,
                      const char* name) const;
  // Memory of this isolate that is there, of so many elements.
  void requireOwned(napi_value buffer, std::size_t length, const char* name) const;

  napi_env env_;
  const char* operation_;
  const napi_value* values_;
  std::size_t count_;
  std::vector<napi_value>* kept_ = nullptr;
};

// The same readings for a value that is no argument of its own.
int64_t integerOf(napi_env env, napi_value value, const char* operation, const std::string& name,
                  int64_t least, int64_t most);
double numberOf(napi_env env, napi_value value, const char* operation, const std::string& name);
std::string textOf(napi_env env, napi_value value, const char* operation, const std::string& name);
std::vector<napi_value> itemsOf(napi_env env, napi_value value, const char* operation,
                                const std::string& name);
std::size_t choiceOf(napi_env env, napi_value value, const char* operation, const std::string& name,
                     std::initializer_list<const char*> choices);

// Turns a failed Node-API call into the JavaScript exception it left, or one that says so.
void require(napi_env env, napi_status status);

}  // namespace convkit
