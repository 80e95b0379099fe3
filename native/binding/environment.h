// What the addon keeps for one JavaScript environment: the main thread's, or a worker's.
#pragma once

#include <napi.h>

#include <memory>

#include "binding/arguments.h"
#include "binding/handles.h"
#include "isa/dispatch.h"

namespace convkit {

class Jobs;

struct Environment {
  explicit Environment(napi_env owner);
  ~Environment();

  // The thing behind argument `index`, which must be a handle of that kind.
  template <class T>
  const Handle& handle(const Arguments& arguments, std::size_t index) const {
    const Handle* const found = handles->find<T>(env, arguments.at(index));
    if (found == nullptr) {
      wrongType(env, arguments.operation(),
                std::string(HandleTraits<T>::kWanted) + ", got " + show(env, arguments.at(index)));
    }
    return *found;
  }

  const napi_env env;
  const Kernels* kernels = &bestKernels();
  const std::shared_ptr<HandleSet> handles = std::make_shared<HandleSet>();
  std::unique_ptr<Jobs> jobs;  // made with the first background job
};

// Counts the environment until its thread's isolate ends; when the last one has, every thread of the engine
// does. One isolate may load the addon more than once (a test runner that resets modules): each load counts.
void countEnvironment(Environment& environment);

}  // namespace convkit
