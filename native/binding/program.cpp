// Parses a list of calls with each operation's own parser. The handle keeps their arrays reachable.
#include "binding/program.h"

#include <memory>
#include <utility>

#include "binding/conv_tasks.h"
#include "binding/operations.h"

namespace convkit {
namespace {

Work parseCall(Environment& environment, const Arguments& arguments, napi_value call,
               std::vector<napi_value>& kept) {
  const napi_env env = arguments.env();
  const std::vector<napi_value> items = itemsOf(env, call, arguments.operation(), "each call");
  const std::string name =
      items.empty() ? "" : textOf(env, items[0], arguments.operation(), "the name of each call");
  const Operation* const operation = findOperation(name);
  if (operation == nullptr || name == "program")
    wrongValue(env, arguments.operation(), "'" + name + "' is no operation of a program");
  Arguments own(env, operation->name, items.data() + 1, items.size() - 1);
  own.keepArraysIn(kept);
  return operation->prepare(environment, own);
}

// Weights that a few positions wait for, a classifier's, are fetched by the last convolution before that has
// the time. MobileNetV2's last product, AVX-512: 135 us to 100 with one thread, 100 to 55 with two.
void fetchEarly(Program& program) {
  for (std::size_t i = 1; i < program.size(); ++i) {
    const ConvTask* const task = program[i].target<ConvTask>();
    if (task == nullptr) continue;
    const Upcoming weights = streamedWeights(*task->conv, *task->filter, task->batch);
    for (std::size_t k = i; weights.floats > 0 && k-- > 0;) {
      ConvTask* const before = program[k].target<ConvTask>();
      if (before == nullptr) continue;
      if (canFetch(*before->conv, weights, before->batch)) before->x.upcoming = weights;
      else if (isSmallFilter(*before->filter)) continue;
      break;
    }
  }
}

// Every convolution fetches what the one after it begins with; depthwise ones in between have too little.
void fetchNext(Program& program) {
  ConvTask* before = nullptr;
  for (Work& work : program) {
    ConvTask* const task = work.target<ConvTask>();
    if (task == nullptr || isTinyFilter(*task->filter)) continue;
    if (before != nullptr) before->x.next = {task->conv.get(), task->filter.get(), task->batch};
    before = task;
  }
}

// A convolution whose input has just been made by another one divides it between threads as that one did.
void introduceMakers(Program& program) {
  const ConvTask* before = nullptr;
  for (Work& work : program) {
    ConvTask* const task = work.target<ConvTask>();
    if (task == nullptr) continue;
    if (before != nullptr) task->x.maker = {before->conv.get(), before->filter.get(), before->batch};
    before = task;
  }
}

}  // namespace

napi_value createProgram(Environment& environment, Arguments& arguments) {
  auto program = std::make_shared<Program>();
  std::vector<napi_value> kept;
  for (const napi_value call : arguments.items(0, "calls"))
    program->push_back(parseCall(environment, arguments, call, kept));
  fetchEarly(*program);
  fetchNext(*program);
  introduceMakers(*program);
  const Napi::Env env(arguments.env());
  Napi::Array list = Napi::Array::New(env, kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) list.Set(static_cast<uint32_t>(i), kept[i]);
  return environment.handles->wrap<Program>(env, std::move(program), 0, list);
}

}  // namespace convkit
