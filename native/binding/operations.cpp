// One struct for each operation of the contract: `parse` is all that stands between JavaScript and the
// kernels.
#include "binding/operations.h"

#include <memory>
#include <utility>
#include <vector>

#include "binding/conv_tasks.h"
#include "binding/elementwise_tasks.h"
#include "binding/loss_tasks.h"
#include "binding/norm_tasks.h"
#include "binding/structs.h"
#include "binding/training_tasks.h"
#include "elementwise/elementwise.h"
#include "rearrange/remap.h"
#include "rearrange/windows.h"
#include "reduction/positions.h"
#include "sparse/sparse.h"

namespace convkit {
namespace {

struct PoolTask {
  std::shared_ptr<const PoolGeometry> pool;
  const Kernels* kernels;
  const float* x;
  float* y;
  int64_t batch;

  static PoolTask parse(Environment& environment, Arguments& arguments) {
    auto pool =
        std::static_pointer_cast<const PoolGeometry>(environment.handle<PoolGeometry>(arguments, 0).thing);
    const int64_t batch = arguments.integer(3, "batch", 0, kLargestSize);
    const Floats x = arguments.floats(1, "x"), y = arguments.floats(2, "y");
    arguments.requireLength(x, productOf({batch, inputLength(*pool)}), "x");
    arguments.requireLength(y, outputLength(*pool, batch), "y");
    arguments.requireApart(y, x, "x and y");
    return {std::move(pool), environment.kernels, x.data, y.data, batch};
  }
  void operator()(const CancelFlag* cancelled) const { runPool(*pool, *kernels, x, y, batch, cancelled); }
};

struct PoolGradientTask {
  std::shared_ptr<const PoolGeometry> pool;
  const Kernels* kernels;
  const float *x, *upstream;
  float* gradient;
  int64_t batch;

  static PoolGradientTask parse(Environment& environment, Arguments& arguments) {
    auto pool =
        std::static_pointer_cast<const PoolGeometry>(environment.handle<PoolGeometry>(arguments, 0).thing);
    const int64_t batch = arguments.integer(4, "batch", 0, kLargestSize);
    const int64_t inputs = productOf({batch, inputLength(*pool)});
    if (pool->outputStride > pool->channels)
      wrongValue(arguments.env(), arguments.operation(), "a pool's gradient reads whole images");
    const Floats upstream = arguments.floats(2, "upstream"), gradient = arguments.floats(3, "gradient");
    arguments.requireLength(upstream, productOf({batch, outputLength(*pool)}), "upstream");
    arguments.requireLength(gradient, inputs, "gradient");
    arguments.requireApart(gradient, upstream, "upstream and gradient");
    const float* x = nullptr;
    if (pool->kind == PoolKind::max) {
      const Floats given = arguments.floats(1, "x");
      arguments.requireLength(given, inputs, "x");
      arguments.requireApart(gradient, given, "x and gradient");
      x = given.data;
    }
    return {std::move(pool), environment.kernels, x, upstream.data, gradient.data, batch};
  }
  void operator()(const CancelFlag* cancelled) const {
    runPoolGradient(*pool, *kernels, x, upstream, gradient, batch, cancelled);
  }
};

struct ConcatTask {
  std::vector<const float*> inputs;
  std::vector<int64_t> widths;
  float* y;
  int64_t rows;

  static ConcatTask parse(Environment&, Arguments& arguments) {
    ConcatTask task{};
    task.rows = arguments.integer(3, "rows", 0, kLargestCount - 1);
    const std::vector<napi_value> arrays = arguments.items(0, "inputs"),
                                  widths = arguments.items(1, "widths");
    if (arrays.size() != widths.size()) {
      wrongValue(arguments.env(), arguments.operation(),
                 "inputs and widths must be as many, got " + std::to_string(arrays.size()) + " and " +
                     std::to_string(widths.size()));
    }
    int64_t total = 0;
    for (const napi_value width : widths) {
      task.widths.push_back(
          integerOf(arguments.env(), width, arguments.operation(), "each width", 0, kLargestSize));
      total += task.widths.back();  // at most 2^16 times 2^31
    }
    const Floats y = arguments.floats(2, "y");
    arguments.requireLength(y, productOf({task.rows, total}), "y");
    for (std::size_t k = 0; k < arrays.size(); ++k) {
      const Floats input = arguments.floatsOf(arrays[k], "each input");
      arguments.requireLength(input, productOf({task.rows, task.widths[k]}), "each input");
      arguments.requireApart(y, input, "inputs and y");
      task.inputs.push_back(input.data);
    }
    task.y = y.data;
    return task;
  }
  void operator()(const CancelFlag* cancelled) const {
    runConcat(inputs.data(), widths.data(), static_cast<int64_t>(inputs.size()), y, rows, cancelled);
  }
};

template <bool toChannelsLast>
struct LayoutTask {
  const Kernels* kernels;
  const float* x;
  float* y;
  int64_t batch, rows, columns;

  static LayoutTask parse(Environment& environment, Arguments& arguments) {
    const int64_t batch = arguments.integer(2, "batch", 0, kLargestSize);
    const int64_t channels = arguments.integer(3, "channels", 0, kLargestSize);
    const int64_t positions = arguments.integer(4, "positions", 0, kLargestCount - 1);
    const Floats x = arguments.floats(0, "x"), y = arguments.floats(1, "y");
    const int64_t length = productOf({batch, channels, positions});
    arguments.requireLength(x, length, "x");
    arguments.requireLength(y, length, "y");
    arguments.requireApart(y, x, "x and y");
    return toChannelsLast ? LayoutTask{environment.kernels, x.data, y.data, batch, channels, positions}
                          : LayoutTask{environment.kernels, x.data, y.data, batch, positions, channels};
  }
  void operator()(const CancelFlag* cancelled) const {
    // An empty array has no address to work from
    if (batch > 0 && rows > 0 && columns > 0) runTranspose(*kernels, x, y, batch, rows, columns, cancelled);
  }
};

template <bool unfolds>
struct WindowTask {
  WindowGeometry window;
  const Kernels* kernels;
  const float* x;
  float* y;
  int64_t batch;

  static WindowTask parse(Environment& environment, Arguments& arguments) {
    const WindowGeometry window = readWindowGeometry(arguments.env(), arguments.at(0), arguments.operation());
    const int64_t batch = arguments.integer(3, "batch", 0, kLargestSize);
    const Floats x = arguments.floats(1, "x"), y = arguments.floats(2, "y");
    const int64_t image = productOf({batch, imageLength(window)}),
                  columns = productOf({batch, columnLength(window)});
    arguments.requireLength(x, unfolds ? image : columns, "x");
    arguments.requireLength(y, unfolds ? columns : image, "y");
    arguments.requireApart(y, x, "x and y");
    return {window, environment.kernels, x.data, y.data, batch};
  }
  void operator()(const CancelFlag* cancelled) const {
    (unfolds ? runUnfold : runFold)(window, *kernels, x, y, batch, cancelled);
  }
};

template <bool isGradient>
struct RemapTask {
  RemapGeometry map;
  const float* x;
  float* y;
  int64_t batch;

  static RemapTask parse(Environment&, Arguments& arguments) {
    RemapGeometry map = readRemapGeometry(arguments.env(), arguments.at(0), arguments.operation());
    const int64_t batch = arguments.integer(3, "batch", 0, kLargestSize);
    const char* const names[2] = {isGradient ? "upstream" : "x", isGradient ? "gradient" : "y"};
    const Floats x = arguments.floats(1, names[0]), y = arguments.floats(2, names[1]);
    const int64_t input = productOf({batch, inputLength(map)}),
                  output = productOf({batch, outputLength(map)});
    arguments.requireLength(x, isGradient ? output : input, names[0]);
    arguments.requireLength(y, isGradient ? input : output, names[1]);
    arguments.requireApart(y, x, isGradient ? "upstream and gradient" : "x and y");
    return {std::move(map), x.data, y.data, batch};
  }
  void operator()(const CancelFlag* cancelled) const {
    (isGradient ? runRemapGradient : runRemap)(map, x, y, batch, cancelled);
  }
};

struct SparseTask {
  SparseMatrix matrix;
  const Kernels* kernels;
  const float* x;
  float* y;
  int64_t width;

  static SparseTask parse(Environment& environment, Arguments& arguments) {
    const napi_env env = arguments.env();
    SparseTask task{};
    task.kernels = environment.kernels;
    task.width = arguments.integer(5, "width", 1, kLargestSize);
    task.matrix.starts = readIntegers(env, arguments.at(0), arguments.operation(), "starts");
    task.matrix.columns = readIntegers(env, arguments.at(1), arguments.operation(), "columns");
    const Floats values = arguments.floats(2, "values"), x = arguments.floats(3, "x"),
                 y = arguments.floats(4, "y");
    const int64_t inputs = x.length / task.width;
    arguments.requireLength(values, static_cast<int64_t>(task.matrix.columns.size()), "values");
    arguments.requireLength(x, inputs * task.width, "x");
    if (const char* const reason = checkSparse(task.matrix, inputs))
      wrongValue(env, arguments.operation(), reason);
    arguments.requireLength(y, productOf({task.matrix.rows(), task.width}), "y");
    arguments.requireApart(y, x, "x and y");
    arguments.requireApart(y, values, "values and y");
    task.matrix.values = values.data;
    task.x = x.data;
    task.y = y.data;
    return task;
  }
  void operator()(const CancelFlag* cancelled) const { runSparse(matrix, *kernels, x, y, width, cancelled); }
};

struct SumPositionsTask {
  const Kernels* kernels;
  const float* x;
  float* y;
  int64_t positions, channels;

  static SumPositionsTask parse(Environment& environment, Arguments& arguments) {
    const int64_t positions = arguments.integer(2, "positions", 0, kLargestCount - 1);
    const Floats x = arguments.floats(0, "x"), y = arguments.floats(1, "y");
    arguments.requireLength(x, productOf({positions, y.length}), "x");
    arguments.requireApart(y, x, "x and y");
    return {environment.kernels, x.data, y.data, positions, y.length};
  }
  void operator()(const CancelFlag* cancelled) const {
    runSumPositions(*kernels, x, positions, channels, y, cancelled);
  }
};

struct ProgramTask {
  std::shared_ptr<const Program> program;
  int64_t begin, end;

  static ProgramTask parse(Environment& environment, Arguments& arguments) {
    auto program = std::static_pointer_cast<const Program>(environment.handle<Program>(arguments, 0).thing);
    arguments.keep(0);  // its arrays live as long as it does
    const int64_t count = static_cast<int64_t>(program->size());
    const int64_t begin = arguments.integer(1, "begin", 0, count);
    return {std::move(program), begin, arguments.integer(2, "end", begin, count)};
  }
  void operator()(const CancelFlag* cancelled) const {
    for (int64_t call = begin; call < end; ++call) {
      if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed)) return;
      (*program)[static_cast<std::size_t>(call)](cancelled);
    }
  }
};

template <class Task>
void run(Environment& environment, Arguments& arguments) {
  Task::parse(environment, arguments)(nullptr);
}

template <class Task>
Work prepare(Environment& environment, Arguments& arguments) {
  return Work(Task::parse(environment, arguments));
}

template <class Task>
constexpr Operation operation(const char* name) {
  return {name, run<Task>, prepare<Task>};
}

}  // namespace

const Operation kOperations[kOperationCount] = {
    operation<ConvTask>("conv"),
    operation<WeightGradientTask>("convWeightGradient"),
    operation<PoolTask>("pool"),
    operation<PoolGradientTask>("poolGradient"),
    operation<ActivateTask>("activate"),
    operation<ActivateGradientTask>("activateGradient"),
    operation<BinaryTask>("binary"),
    operation<BroadcastTask>("broadcast"),
    operation<SumTask>("sum"),
    operation<ModulusTask>("modulus"),
    operation<ModulusGradientTask>("modulusGradient"),
    operation<ConcatTask>("concat"),
    operation<WindowTask<true>>("unfold"),
    operation<WindowTask<false>>("fold"),
    operation<RemapTask<false>>("remap"),
    operation<RemapTask<true>>("remapGradient"),
    operation<SparseTask>("sparse"),
    operation<SumPositionsTask>("sumPositions"),
    operation<SumSquaresTask>("sumSquares"),
    operation<ScaleTask>("scale"),
    operation<ClampTask>("clamp"),
    operation<SgdTask>("sgdStep"),
    operation<AdamTask>("adamStep"),
    operation<AffineTask>("affine"),
    operation<NormalizeTask>("normalize"),
    operation<NormalizeGradientTask>("normalizeGradient"),
    operation<LocalResponseTask<false>>("localResponse"),
    operation<LocalResponseTask<true>>("localResponseGradient"),
    operation<LayoutTask<true>>("toChannelsLast"),
    operation<LayoutTask<false>>("toChannelsFirst"),
    operation<SoftmaxTask>("softmax"),
    operation<SoftmaxGradientTask>("softmaxGradient"),
    operation<CrossEntropyTask>("crossEntropy"),
    operation<CrossEntropyGradientTask>("crossEntropyGradient"),
    operation<DropoutMaskTask>("dropoutMask"),
    operation<ProgramTask>("program"),
};

const Operation* findOperation(const std::string& name) {
  for (const Operation& operation : kOperations) {
    if (name == operation.name) return &operation;
  }
  return nullptr;
}

}  // namespace convkit
