#include "image/resize.h"

#include <algorithm>

#include "threads/parallel.h"
#include "threads/scratch.h"

namespace convkit {
namespace {

bool fits(const ResizeAxis& axis, int64_t size) {
  const std::size_t outputs = axis.start.size();
  if (axis.count.size() != outputs || axis.weight.size() != outputs * static_cast<std::size_t>(axis.taps))
    return false;
  for (std::size_t i = 0; i < outputs; ++i) {
    const int64_t start = axis.start[i], count = axis.count[i];
    if (start < 0 || count < 0 || count > axis.taps || start + count > size) return false;
  }
  return true;
}

struct Span {
  int64_t begin, end;
};

// The inputs that an axis reads.
Span spanOf(const ResizeAxis& axis) {
  Span span{int64_t{1} << 31, 0};
  for (std::size_t i = 0; i < axis.start.size(); ++i) {
    span.begin = std::min<int64_t>(span.begin, axis.start[i]);
    span.end = std::max<int64_t>(span.end, int64_t{axis.start[i]} + axis.count[i]);
  }
  return {std::min(span.begin, span.end), span.end};
}

ByteTaps tapsOf(const ResizeAxis& axis) {
  return {axis.start.data(), axis.count.data(), axis.weight.data(), axis.taps, axis.outputs()};
}

constexpr int64_t kOutputRows = 8;  // of one chunk

}  // namespace

const char* checkResize(const ResizeGeometry& g) {
  if (!fits(g.rows, g.height)) return "a tap along the rows lies outside the image, or has no weight";
  if (!fits(g.columns, g.width)) return "a tap along the columns lies outside the image, or has no weight";
  return nullptr;
}

void runResize(const ResizeGeometry& g, const Kernels& kernels, const uint8_t* x, uint8_t* y) {
  const int64_t width = g.columns.outputs() * g.channels, height = g.rows.outputs();
  if (width == 0 || height == 0) return;
  const Span rows = spanOf(g.rows), columns = spanOf(g.columns);
  const int64_t read = rows.end - rows.begin, inputs = (columns.end - columns.begin) * g.channels;
  detail::ScratchLease lease;
  auto* const between =
      static_cast<uint8_t*>(lease.scratch().bytes(0, static_cast<std::size_t>(read * width)));

  parallelFor((read + kByteRows - 1) / kByteRows, nullptr, [&](int64_t chunk, Scratch& scratch) {
    const int64_t first = chunk * kByteRows;
    const int count = static_cast<int>(std::min<int64_t>(kByteRows, read - first));
    const uint8_t* pointers[kByteRows];
    // Where there are fewer rows, the last one is read again
    for (int r = 0; r < kByteRows; ++r) {
      const int64_t row = rows.begin + first + std::min(r, count - 1);
      pointers[r] = x + (row * g.width + columns.begin) * g.channels;
    }
    auto* const gathered =
        static_cast<uint8_t*>(scratch.bytes(0, static_cast<std::size_t>(inputs) * kByteRows));
    auto* const results =
        static_cast<uint8_t*>(scratch.bytes(1, static_cast<std::size_t>(width) * kByteRows));
    kernels.resizeBytesAlong({pointers, count, g.channels, columns.begin, columns.end - columns.begin,
                              tapsOf(g.columns), gathered, results, between + first * width});
  });
  parallelFor((height + kOutputRows - 1) / kOutputRows, nullptr, [&](int64_t chunk, Scratch&) {
    for (int64_t row = chunk * kOutputRows; row < std::min(height, (chunk + 1) * kOutputRows); ++row) {
      const auto at = static_cast<std::size_t>(row);
      kernels.resizeBytesAcross({between + (g.rows.start[at] - rows.begin) * width, width, g.rows.count[at],
                                 g.rows.weight.data() + row * g.rows.taps, y + row * width});
    }
  });
}

}  // namespace convkit
