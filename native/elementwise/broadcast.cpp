#include "elementwise/broadcast.h"

#include <algorithm>

namespace convkit {
namespace {

constexpr int64_t kChunk = 16384;  // floats of one unit, as in elementwise.cpp

}  // namespace

int64_t outputLength(const BroadcastGeometry& g) {
  int64_t length = 1;
  for (int axis = 0; axis < g.axes; axis++) length *= g.sizes[axis];
  return length;
}

int64_t operandLength(const BroadcastGeometry& g, const int64_t* steps) {
  if (outputLength(g) == 0) return 0;
  int64_t last = 0;
  for (int axis = 0; axis < g.axes; axis++) last += (g.sizes[axis] - 1) * steps[axis];
  return last + 1;
}

// Lines are runs along the last axis. A unit is several whole lines, or a piece of a long one.
void runBroadcast(const BroadcastGeometry& g, const Kernels& kernels, Arithmetic kind, const float* a,
                  const float* b, float* y, const CancelFlag* cancelled) {
  const int outer = g.axes - 1;
  const int64_t length = outer < 0 ? 1 : g.sizes[outer];
  const int aStep = outer < 0 ? 1 : static_cast<int>(g.aSteps[outer]);
  const int bStep = outer < 0 ? 1 : static_cast<int>(g.bSteps[outer]);
  const int64_t total = outputLength(g);
  if (total == 0) return;
  const int64_t lines = total / length;
  const int64_t piece = std::min(length, kChunk), pieces = (length + piece - 1) / piece;
  const int64_t linesPerUnit = std::max<int64_t>(1, kChunk / length);
  const int64_t units = (lines + linesPerUnit - 1) / linesPerUnit;
  parallelFor(units * pieces, cancelled, [&](int64_t unit, Scratch&) {
    const int64_t from = unit % pieces * piece, count = std::min(piece, length - from);
    const int64_t first = unit / pieces * linesPerUnit, end = std::min(lines, first + linesPerUnit);
    int64_t at[kMostAxes] = {}, aAt = 0, bAt = 0;
    for (int64_t rest = first, axis = outer - 1; axis >= 0; axis--) {
      at[axis] = rest % g.sizes[axis];
      rest /= g.sizes[axis];
      aAt += at[axis] * g.aSteps[axis];
      bAt += at[axis] * g.bSteps[axis];
    }
    for (int64_t line = first; line < end; line++) {
      kernels.combine(kind, a + aAt + from * aStep, aStep, b + bAt + from * bStep, bStep,
                      y + line * length + from, count);
      for (int axis = outer - 1; axis >= 0; axis--) {
        aAt += g.aSteps[axis];
        bAt += g.bSteps[axis];
        if (++at[axis] < g.sizes[axis]) break;
        at[axis] = 0;
        aAt -= g.sizes[axis] * g.aSteps[axis];
        bAt -= g.sizes[axis] * g.bSteps[axis];
      }
    }
  });
}

}  // namespace convkit
