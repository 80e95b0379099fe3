// Calls that were checked once and are made again and again: what createProgram gives.
#pragma once

#include <napi.h>

#include <functional>
#include <vector>

#include "threads/parallel.h"

namespace convkit {

using Work = std::function<void(const CancelFlag*)>;
using Program = std::vector<Work>;

struct Environment;
class Arguments;

// Argument 0: a list of calls, each a list of an operation's name and its arguments.
napi_value createProgram(Environment& environment, Arguments& arguments);

}  // namespace convkit
