// Externals with a finalizer. A handle keeps the set it is listed in, because an environment that ends may
// finalize its instance data first.
#include "binding/handles.h"

#include "binding/arguments.h"

namespace convkit {

struct HandleSet::Owned {
  Handle handle;  // first: the external points to it
  std::shared_ptr<HandleSet> set;
  napi_ref kept = nullptr;
};

void HandleSet::letGo(napi_env env, Handle& handle) {
  int64_t total = 0;
  if (handle.thing) napi_adjust_external_memory(env, -handle.externalBytes, &total);
  handle.thing.reset();
}

napi_value HandleSet::wrapHandle(napi_env env, Handle handle, napi_value kept) {
  auto owned = std::make_unique<Owned>(Owned{std::move(handle), shared_from_this()});
  const auto finalize = [](napi_env environment, void* pointer, void*) {
    const std::unique_ptr<Owned> dying(static_cast<Owned*>(pointer));
    dying->set->alive_.erase(pointer);
    if (dying->kept != nullptr) napi_delete_reference(environment, dying->kept);
    letGo(environment, dying->handle);
  };
  if (kept != nullptr) require(env, napi_create_reference(env, kept, 1, &owned->kept));
  const auto listed = alive_.insert(owned.get()).first;
  napi_value external = nullptr;
  const napi_status status = napi_create_external(env, owned.get(), finalize, nullptr, &external);
  if (status != napi_ok) alive_.erase(listed);
  require(env, status);
  int64_t total = 0;
  napi_adjust_external_memory(env, owned.release()->handle.externalBytes, &total);
  return external;
}

}  // namespace convkit
