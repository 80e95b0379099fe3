// Opaque handles: what createConv, createPool and packFilter give to JavaScript.
#pragma once

#include <napi.h>

#include <memory>
#include <unordered_set>

#include "binding/program.h"
#include "conv/conv.h"
#include "pooling/pool.h"

namespace convkit {

enum class HandleKind { conv, filter, pool, program, room };

template <class T>
struct HandleTraits;
template <>
struct HandleTraits<Conv> {
  static constexpr HandleKind kKind = HandleKind::conv;
  static constexpr const char* kWanted = "conv must be what createConv gave";
};
template <>
struct HandleTraits<PackedFilter> {
  static constexpr HandleKind kKind = HandleKind::filter;
  static constexpr const char* kWanted = "filter must be what packFilter gave";
};
template <>
struct HandleTraits<PoolGeometry> {
  static constexpr HandleKind kKind = HandleKind::pool;
  static constexpr const char* kWanted = "pool must be what createPool gave";
};

template <>
struct HandleTraits<FilterRoom> {
  static constexpr HandleKind kKind = HandleKind::room;
  static constexpr const char* kWanted = "room must be what createFilterRoom gave";
};

template <>
struct HandleTraits<Program> {
  static constexpr HandleKind kKind = HandleKind::program;
  static constexpr const char* kWanted = "program must be what createProgram gave";
};

struct Handle {
  HandleKind kind;
  std::shared_ptr<const void> thing;
  int64_t externalBytes;  // told to the garbage collector
};

// The handles alive in one environment. An external made by anyone else holds a pointer that is not in the
// set, so it is refused without being followed; a look-up costs a tenth of a type tag's.
class HandleSet : public std::enable_shared_from_this<HandleSet> {
 public:
  // `kept`, where given, stays reachable as long as the handle.
  template <class T>
  napi_value wrap(napi_env env, std::shared_ptr<const T> thing, int64_t externalBytes,
                  napi_value kept = nullptr) {
    return wrapHandle(env, {HandleTraits<T>::kKind, std::move(thing), externalBytes}, kept);
  }

  // Null where the value is no such handle. Valid while the value is reachable.
  template <class T>
  const Handle* find(napi_env env, napi_value value) const {
    void* pointer = nullptr;
    if (napi_get_value_external(env, value, &pointer) != napi_ok || alive_.count(pointer) == 0)
      return nullptr;
    const auto* const handle = static_cast<const Handle*>(pointer);
    return handle->kind == HandleTraits<T>::kKind && handle->thing ? handle : nullptr;
  }

  // Lets the thing go: `find` knows the handle no more. False where the value was never such a handle.
  template <class T>
  bool release(napi_env env, napi_value value) {
    void* pointer = nullptr;
    if (napi_get_value_external(env, value, &pointer) != napi_ok || alive_.count(pointer) == 0) return false;
    auto& handle = *static_cast<Handle*>(pointer);
    if (handle.kind != HandleTraits<T>::kKind) return false;
    letGo(env, handle);
    return true;
  }

 private:
  struct Owned;
  static void letGo(napi_env env, Handle& handle);
  napi_value wrapHandle(napi_env env, Handle handle, napi_value kept);

  std::unordered_set<const void*> alive_;
};

}  // namespace convkit
