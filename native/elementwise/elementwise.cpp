#include "elementwise/elementwise.h"

#include <algorithm>
#include <cstring>

namespace convkit {
namespace {

// Floats in one chunk of a loop: 64 KiB read and 64 KiB written stay in a second-level cache, and take
// several times longer than handing a chunk to a thread.
constexpr int64_t kChunk = 16384;

// A whole cache line of floats: bands of a matrix that are multiples of it share no line.
constexpr int64_t kLine = 16;

int64_t chunksOf(int64_t n, int64_t size) { return (n + size - 1) / size; }

template <class Body>
void forEachChunk(int64_t n, const CancelFlag* cancelled, Body&& body) {
  parallelFor(chunksOf(n, kChunk), cancelled, [&](int64_t chunk, Scratch&) {
    const int64_t begin = chunk * kChunk;
    body(begin, std::min(kChunk, n - begin));
  });
}

}  // namespace

void runActivate(const Kernels& kernels, Activation kind, ActivationParameters parameters, const float* x,
                 float* y, int64_t n, const CancelFlag* cancelled) {
  forEachChunk(n, cancelled, [&](int64_t begin, int64_t count) {
    kernels.activate(kind, parameters, {x + begin, y + begin, count});
  });
}

void runActivateGradient(const Kernels& kernels, Activation kind, ActivationParameters parameters,
                         const float* values, const float* upstream, float* gradient, int64_t n,
                         const CancelFlag* cancelled) {
  forEachChunk(n, cancelled, [&](int64_t begin, int64_t count) {
    kernels.activateGradient(kind, parameters, values + begin, upstream + begin, gradient + begin, count);
  });
}

void runBinary(const Kernels& kernels, Arithmetic kind, const float* a, const float* b, float* y, int64_t n,
               const CancelFlag* cancelled) {
  forEachChunk(n, cancelled, [&](int64_t begin, int64_t count) {
    kernels.combine(kind, a + begin, 1, b + begin, 1, y + begin, count);
  });
}

void runScale(const Kernels& kernels, float factor, const float* x, float* y, int64_t n,
              const CancelFlag* cancelled) {
  forEachChunk(n, cancelled,
               [&](int64_t begin, int64_t count) { kernels.scale(factor, x + begin, y + begin, count); });
}

void runClamp(const Kernels& kernels, float low, float high, const float* x, float* y, int64_t n,
              const CancelFlag* cancelled) {
  forEachChunk(n, cancelled,
               [&](int64_t begin, int64_t count) { kernels.clamp(low, high, x + begin, y + begin, count); });
}

void runModulus(const Kernels& kernels, const float* x, float* y, int64_t n, const CancelFlag* cancelled) {
  forEachChunk(n, cancelled,
               [&](int64_t begin, int64_t count) { kernels.modulus(x + 2 * begin, y + begin, count); });
}

void runModulusGradient(const Kernels& kernels, const float* x, const float* upstream, float* gradient,
                        int64_t n, const CancelFlag* cancelled) {
  forEachChunk(n, cancelled, [&](int64_t begin, int64_t count) {
    kernels.modulusGradient(x + 2 * begin, upstream + begin, gradient + 2 * begin, count);
  });
}

void runConcat(const float* const* inputs, const int64_t* widths, int64_t count, float* y, int64_t rows,
               const CancelFlag* cancelled) {
  int64_t width = 0;
  for (int64_t k = 0; k < count; k++) width += widths[k];
  if (width == 0) return;
  const int64_t rowsPerChunk = std::max<int64_t>(1, kChunk / width);
  parallelFor(chunksOf(rows, rowsPerChunk), cancelled, [&](int64_t chunk, Scratch&) {
    const int64_t end = std::min(rows, (chunk + 1) * rowsPerChunk);
    int64_t offset = 0;
    for (int64_t k = 0; k < count; k++) {
      const int64_t w = widths[k];
      for (int64_t r = chunk * rowsPerChunk; r < end; r++) {
        if (w > 0)
          std::memcpy(y + r * width + offset, inputs[k] + r * w, static_cast<size_t>(w) * sizeof(float));
      }
      offset += w;
    }
  });
}

// Small matrices go several to a chunk; a large one is cut into bands along its longer side.
void runTranspose(const Kernels& kernels, const float* x, float* y, int64_t batch, int64_t rows,
                  int64_t columns, const CancelFlag* cancelled) {
  const int64_t size = rows * columns;
  if (batch == 0 || size == 0) return;
  if (size <= kChunk) {
    const int64_t perChunk = kChunk / size;
    parallelFor(chunksOf(batch, perChunk), cancelled, [&](int64_t chunk, Scratch&) {
      const int64_t end = std::min(batch, (chunk + 1) * perChunk);
      for (int64_t n = chunk * perChunk; n < end; n++) {
        kernels.transpose(x + n * size, columns, y + n * size, rows, rows, columns);
      }
    });
    return;
  }
  const bool alongRows = rows > columns;
  const int64_t length = alongRows ? rows : columns;
  const int64_t band = std::max(kLine, kChunk / (size / length) / kLine * kLine);
  const int64_t bands = chunksOf(length, band);
  parallelFor(batch * bands, cancelled, [&](int64_t chunk, Scratch&) {
    const int64_t begin = chunk % bands * band;
    const int64_t count = std::min(band, length - begin);
    const float* from = x + chunk / bands * size;
    float* to = y + chunk / bands * size;
    if (alongRows) kernels.transpose(from + begin * columns, columns, to + begin, rows, count, columns);
    else kernels.transpose(from + begin, columns, to + begin * rows, rows, rows, count);
  });
}

}  // namespace convkit
