// The operations: each has one parser, which checks its arguments and gives a task; the task runs at once or
// on the job thread.
#pragma once

#include <functional>

#include "binding/arguments.h"
#include "binding/environment.h"
#include "threads/parallel.h"

namespace convkit {

using Work = std::function<void(const CancelFlag*)>;

struct Operation {
  const char* name;
  void (*run)(Environment&, Arguments&);
  Work (*prepare)(Environment&, Arguments&);
};

constexpr std::size_t kOperationCount = 12;
extern const Operation kOperations[kOperationCount];

}  // namespace convkit
