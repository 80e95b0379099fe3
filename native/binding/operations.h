// The operations: each has one parser, which checks its arguments and gives a task; the task runs at once or
// on the job thread.
#pragma once

#include <string>

#include "binding/arguments.h"
#include "binding/environment.h"
#include "binding/program.h"

namespace convkit {

struct Operation {
  const char* name;
  void (*run)(Environment&, Arguments&);
  Work (*prepare)(Environment&, Arguments&);
};

constexpr std::size_t kOperationCount = 36;
extern const Operation kOperations[kOperationCount];
const Operation* findOperation(const std::string& name);  // null where there is none

}  // namespace convkit
