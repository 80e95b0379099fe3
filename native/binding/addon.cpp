// The exports of the addon: every member of `Binding` in binding.d.ts.
#include <napi.h>

#include <cstdint>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "binding/environment.h"
#include "binding/freed_memory.h"
#include "binding/jobs.h"
#include "binding/measure.h"
#include "binding/operations.h"
#include "binding/structs.h"
#include "elementwise/scale_rows.h"
#include "threads/float_environment.h"
#include "threads/pages.h"
#include "threads/parallel.h"

namespace convkit {
namespace {

constexpr int kAbi = 21;

// Runs a body in the engine's floating-point environment; no C++ exception leaves it.
template <class Body>
napi_value guarded(napi_env env, napi_callback_info info, const char* operation, Body body) noexcept {
  std::size_t count = Arguments::kMost;
  napi_value values[Arguments::kMost];
  void* data = nullptr;
  if (napi_get_cb_info(env, info, &count, values, nullptr, &data) != napi_ok) return nullptr;
  if (count > Arguments::kMost) count = Arguments::kMost;
  try {
    const FloatEnvironment floatEnvironment;
    Arguments arguments(env, operation, values, count);
    return body(*static_cast<Environment*>(data), arguments);
  } catch (const Napi::Error& error) {
    error.ThrowAsJavaScriptException();
  } catch (const std::bad_alloc&) {
    const char* const sentences[] = {operation, ": not enough memory"};
    char message[96] = {};
    std::size_t length = 0;
    for (const char* sentence : sentences) {
      for (; *sentence != '\0' && length + 1 < sizeof message; ++sentence) message[length++] = *sentence;
    }
    napi_throw_error(env, "ERR_MEMORY_ALLOCATION_FAILED", message);
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return nullptr;
}

template <std::size_t index>
napi_value runOperation(napi_env env, napi_callback_info info) {
  return guarded(env, info, kOperations[index].name,
                 [](Environment& environment, Arguments& arguments) -> napi_value {
                   kOperations[index].run(environment, arguments);
                   return nullptr;
                 });
}

napi_value submit(Environment& environment, Arguments& arguments) {
  const std::string name = arguments.text(0, "operation");
  const Operation* const operation = findOperation(name);
  if (operation == nullptr) wrongValue(arguments.env(), "submit", "there is no operation '" + name + "'");
  std::vector<napi_value> kept;
  napi_value rest[Arguments::kMost];
  for (std::size_t i = 0; i + 1 < Arguments::kMost; ++i) rest[i] = arguments.at(i + 1);
  Arguments own(arguments.env(), operation->name, rest, Arguments::kMost - 1);
  own.keepArraysIn(kept);
  Work work = operation->prepare(environment, own);
  if (!environment.jobs) environment.jobs = std::make_unique<Jobs>(arguments.env());
  return environment.jobs->submit(std::move(work), kept);
}

napi_value expectJob(Environment&, Arguments&) {
  JobThread::instance().expect();
  return nullptr;
}

napi_value createConv(Environment& environment, Arguments& arguments) {
  const ConvGeometry geometry = readConvGeometry(arguments.env(), arguments.at(0), arguments.operation());
  const char* reason = "the geometry is not consistent";
  std::shared_ptr<const Conv> conv = makeConv(geometry, *environment.kernels, &reason);
  if (!conv) wrongValue(arguments.env(), arguments.operation(), reason);
  return environment.handles->wrap<Conv>(arguments.env(), std::move(conv), 0);
}

napi_value createPool(Environment& environment, Arguments& arguments) {
  auto pool = std::make_shared<const PoolGeometry>(
      readPoolGeometry(arguments.env(), arguments.at(0), arguments.operation()));
  if (const char* const reason = checkPool(*pool)) wrongValue(arguments.env(), arguments.operation(), reason);
  return environment.handles->wrap<PoolGeometry>(arguments.env(), std::move(pool), 0);
}

napi_value createFilterRoom(Environment& environment, Arguments& arguments) {
  std::size_t bytes = 0;
  for (const napi_value item : arguments.items(0, "convs")) {
    const Handle* const found = environment.handles->find<Conv>(arguments.env(), item);
    if (found == nullptr) {
      wrongType(arguments.env(), arguments.operation(),
                std::string("each ") + HandleTraits<Conv>::kWanted + ", got " + show(arguments.env(), item));
    }
    const auto& conv = *static_cast<const Conv*>(found->thing.get());
    const std::size_t own = FilterRoom::bytesOf(static_cast<std::size_t>(packedWeights(conv)));
    if (own > std::numeric_limits<std::size_t>::max() / 2 - bytes) throw std::bad_alloc();
    bytes += own;
  }
  return environment.handles->wrap<FilterRoom>(arguments.env(), std::make_shared<FilterRoom>(bytes), 0);
}

// A handle keeps what nobody changes, but for a room: it is filled, by its environment's thread alone.
std::shared_ptr<FilterRoom> roomOf(const Handle& handle) {
  return std::const_pointer_cast<FilterRoom>(std::static_pointer_cast<const FilterRoom>(handle.thing));
}

napi_value pack(Environment& environment, Arguments& arguments) {
  const auto& conv = *static_cast<const Conv*>(environment.handle<Conv>(arguments, 0).thing.get());
  const Floats weight = arguments.floats(1, "weight");
  arguments.requireLength(weight, weightLength(conv), "weight");
  const float* bias = nullptr;
  if (!arguments.isNull(2)) {
    const Floats given = arguments.floats(2, "bias");
    arguments.requireLength(given, biasLength(conv), "bias");
    bias = given.data;
  }
  std::shared_ptr<FilterRoom> room;
  if (!arguments.isAbsent(3)) room = roomOf(environment.handle<FilterRoom>(arguments, 3));
  std::shared_ptr<const PackedFilter> filter = packFilter(conv, weight.data, bias, room);
  // A quarter: the weights it is made of press too, and training, which frees it itself, would have the
  // garbage collector run twice a step for nothing
  const int64_t bytes = packedBytes(*filter) / 4;
  return environment.handles->wrap<PackedFilter>(arguments.env(), std::move(filter), bytes);
}

napi_value releaseFilter(Environment& environment, Arguments& arguments) {
  if (!environment.handles->release<PackedFilter>(arguments.env(), arguments.at(0))) {
    wrongType(
        arguments.env(), arguments.operation(),
        std::string(HandleTraits<PackedFilter>::kWanted) + ", got " + show(arguments.env(), arguments.at(0)));
  }
  return nullptr;
}

napi_value resizeBytes(Environment& environment, Arguments& arguments) {
  const ResizeGeometry geometry = readResizeGeometry(arguments.env(), arguments.at(0), arguments.operation());
  const Bytes x = arguments.bytes(1, "x"), y = arguments.bytes(2, "y");
  const auto requireLength = [&](const Bytes& array, int64_t length, const char* name) {
    if (array.length == length) return;
    wrongValue(arguments.env(), arguments.operation(),
               std::string(name) + " must have " + std::to_string(length) + " elements, got " +
                   std::to_string(array.length));
  };
  requireLength(x, productOf({geometry.height, geometry.width, geometry.channels}), "x");
  requireLength(y, productOf({geometry.rows.outputs(), geometry.columns.outputs(), geometry.channels}), "y");
  const auto begin = [](const Bytes& array) { return reinterpret_cast<std::uintptr_t>(array.data); };
  const auto bytes = [](const Bytes& array) { return static_cast<std::uintptr_t>(array.length); };
  if (x.length > 0 && y.length > 0 && begin(x) < begin(y) + bytes(y) && begin(y) < begin(x) + bytes(x)) {
    wrongValue(arguments.env(), arguments.operation(), "x and y must not share memory");
  }
  runResize(geometry, *environment.kernels, x.data, y.data);
  return nullptr;
}

napi_value scaleRows(Environment&, Arguments& arguments) {
  const Doubles scale = arguments.doubles(1, "scale");
  const Floats x = arguments.floats(0, "x"), y = arguments.floats(2, "y");
  if (scale.length == 0 ? x.length > 0 : x.length % scale.length != 0) {
    wrongValue(arguments.env(), arguments.operation(),
               "x must be as many rows as there are scales, " + std::to_string(scale.length) + ", got " +
                   std::to_string(x.length));
  }
  arguments.requireLength(y, x.length, "y");
  arguments.requireApartOrSame(y, x, "x and y");
  if (x.length > 0) runScaleRows(x.data, scale.data, scale.length, x.length / scale.length, y.data);
  return nullptr;
}

napi_value isa(Environment& environment, Arguments& arguments) {
  return Napi::String::New(arguments.env(), environment.kernels->name);
}

napi_value useIsa(Environment& environment, Arguments& arguments) {
  const std::string name = arguments.text(0, "isa");
  if (const Kernels* const kernels = findKernels(name)) {
    environment.kernels = kernels;
    return nullptr;
  }
  std::string list;
  for (const Kernels* const kernels : supportedKernels())
    list += (list.empty() ? "" : ", ") + std::string(kernels->name);
  wrongValue(arguments.env(), arguments.operation(),
             "'" + name + "' is not supported here; use one of " + list);
}

napi_value cpu(Environment&, Arguments& arguments) {
  const Napi::Env env(arguments.env());
  const auto list = [&](const std::vector<std::string>& names) {
    Napi::Array array = Napi::Array::New(env, names.size());
    for (std::size_t i = 0; i < names.size(); ++i) array.Set(static_cast<uint32_t>(i), names[i]);
    return array;
  };
  std::vector<std::string> supported;
  for (const Kernels* const kernels : supportedKernels()) supported.emplace_back(kernels->name);
  Napi::Object report = Napi::Object::New(env);
  report.Set("features", list(cpuFeatures()));
  report.Set("supported", list(supported));
  report.Set("brand", cpuBrand());
  return report;
}

napi_value threads(Environment&, Arguments& arguments) {
  return Napi::Number::New(arguments.env(), threadCount());
}

napi_value setThreads(Environment&, Arguments& arguments) {
  setThreadCount(static_cast<int>(arguments.integer(0, "count", 1, 1024)));
  return nullptr;
}

napi_value beforeLine(Environment&, Arguments& arguments) {
  constexpr std::uintptr_t kLine = 64;
  const auto address = reinterpret_cast<std::uintptr_t>(arguments.floats(0, "array").data);
  return Napi::Number::New(arguments.env(),
                           static_cast<double>((kLine - address % kLine) % kLine / sizeof(float)));
}

napi_value largePages(Environment&, Arguments& arguments) {
  const Floats array = arguments.floats(0, "array");
  adviseHugePages(array.data, static_cast<std::size_t>(array.length) * sizeof(float));
  return nullptr;
}

napi_value freeScratch(Environment&, Arguments&) {
  releaseScratch();
  returnFreedMemory();
  return nullptr;
}

double secondsOf(const Arguments& arguments, std::size_t index) {
  const double seconds = arguments.number(index, "seconds");
  if (!(seconds > 0 && seconds <= 60)) {
    wrongValue(arguments.env(), arguments.operation(),
               "seconds must be above 0 and at most 60, got " + show(arguments.env(), arguments.at(index)));
  }
  return seconds;
}

napi_value peak(Environment& environment, Arguments& arguments) {
  return Napi::Number::New(arguments.env(), measurePeak(*environment.kernels, secondsOf(arguments, 0)));
}

napi_value bandwidth(Environment& environment, Arguments& arguments) {
  const int64_t bytes = arguments.integer(0, "bytes", 4096, int64_t{1} << 32);
  return Napi::Number::New(arguments.env(),
                           measureBandwidth(*environment.kernels, bytes, secondsOf(arguments, 1)));
}

napi_value nothing(napi_env, napi_callback_info) { return nullptr; }

using Body = napi_value (*)(Environment&, Arguments&);

// The members that are no operations; their names also open their errors' sentences.
struct Member {
  const char* name;
  Body body;
};
constexpr Member kMembers[] = {
    {"submit", submit},
    {"expectJob", expectJob},
    {"createConv", createConv},
    {"createPool", createPool},
    {"createFilterRoom", createFilterRoom},
    {"packFilter", pack},
    {"releaseFilter", releaseFilter},
    {"createProgram", createProgram},
    {"resizeBytes", resizeBytes},
    {"scaleRows", scaleRows},
    {"isa", isa},
    {"useIsa", useIsa},
    {"cpu", cpu},
    {"threads", threads},
    {"setThreads", setThreads},
    {"beforeLine", beforeLine},
    {"largePages", largePages},
    {"releaseScratch", freeScratch},
    {"measurePeak", peak},
    {"measureBandwidth", bandwidth},
};
constexpr std::size_t kMemberCount = sizeof kMembers / sizeof kMembers[0];

template <std::size_t index>
napi_value runMember(napi_env env, napi_callback_info info) {
  return guarded(env, info, kMembers[index].name, kMembers[index].body);
}

napi_property_descriptor exported(const char* name, napi_callback callback, Environment* environment) {
  return {name, nullptr, callback, nullptr, nullptr, nullptr, napi_enumerable, environment};
}

template <std::size_t... operations, std::size_t... members>
void exportAll(Napi::Object exports, Environment* environment, std::index_sequence<operations...>,
               std::index_sequence<members...>) {
  const napi_property_descriptor all[] = {
      exported(kOperations[operations].name, runOperation<operations>, environment)...,
      exported(kMembers[members].name, runMember<members>, environment)...,
      exported("nothing", nothing, environment),
  };
  require(exports.Env(), napi_define_properties(exports.Env(), exports, sizeof all / sizeof all[0], all));
  exports.Set("abi", kAbi);
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  keepFreedMemory();
  auto* const environment = new Environment(env);
  env.SetInstanceData(environment);
  countEnvironment(*environment);
  exportAll(exports, environment, std::make_index_sequence<kOperationCount>(),
            std::make_index_sequence<kMemberCount>());
  return exports;
}

}  // namespace
}  // namespace convkit

NAPI_MODULE_INIT() { return Napi::RegisterModule(env, exports, convkit::initialise); }
