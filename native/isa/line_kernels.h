// What kernels are told whose lanes are neighbouring output columns, and those that bring lines into buffers.
#pragma once

#include <cstdint>

namespace convkit {

constexpr int kLineOutputs = 8;  // most output channels of a tile
constexpr int kLineVectors = 8;  // most vectors of positions of a tile
constexpr int kFewLineVectors = 4;
constexpr int kColumnVectors = 4;  // vectors and rows of a depthwise tile
constexpr int kColumnRows = 4;
constexpr int kMostInterleaved = 4;                    // planes that are interleaved rather than transposed
constexpr int kColumnKernels = 2, kColumnStrides = 2;  // kernel sizes 3 and 5, strides 1 and 2

// Rows of a matrix with zeros around them: after `above` rows of zeros to[r * toStep + i] = from[r * fromStep
// + i] for i < count, zeros for the rest of a row's `length`, and `below` rows of zeros. Up to a vector of
// zeros is written beyond a row where its length is no multiple of a vector. Split: the even columns of a row
// from its place 0 on and the odd ones from `second` on, or with oddFirst the other way round; whole vectors
// of either fit.
struct RowCopy {
  const float* from;
  int64_t fromStep, rows, count;
  int64_t above, below;
  float* to;
  int64_t toStep, length;
  int64_t second;
  bool oddFirst;
};

// One tile of a convolution whose lanes are neighbouring output columns: several vectors of them by a few
// output channels of one group. Lane l of vector j, output n:
//   c[places[j] + n * outputStep + l] = clamp(sum over taps t, k < depth of
//   x[starts[j] + tap[t].input + k * step + l] * weights[(tap[t].step + k) * weightStep + n] + bias[n] +
//   residual[places[j] + n * outputStep + l])
struct LineTap {
  int64_t input, step;
};
struct LineTile {
  const float* x;
  const int64_t* starts;
  const LineTap* tap;
  int64_t taps, depth, step;
  const float* weights;
  int64_t weightStep;
  const float* bias;
  float* c;
  const float* residual;  // lies like c, which it may be; null: none
  const int64_t* places;
  const int* lanes;  // of each vector, those to write: 0..lanes
  int64_t outputStep;
  float low, high;
};
struct LineKernel {
  int vectors;  // 0: there is none
  void (*run)(const LineTile&);
};

// One tile of a depthwise convolution whose lanes are neighbouring output columns: kColumnVectors vectors of
// them, each at kColumnRows output rows one below the other, kernel size and stride fixed by the kernel. Lane
// l of vector j, row r:
//   c[places[j] + r * outputStep + l] = clamp(sum over kh, kw of
//   x[starts[j] + (r * stride + kh) * step + shifts[kw] + l] * weights[(kh * width + kw) * weightStep] + bias
//   + residual[places[j] + r * outputStep + l])
struct ColumnTile {
  const float* x;
  const int64_t* starts;
  const int64_t* shifts;
  int64_t step;
  const float* weights;
  int64_t weightStep;
  float bias;
  float* c;
  const float* residual;  // lies like c, which it may be; null: none
  const int64_t* places;
  const int *rows, *lanes;  // of each vector, those to write
  int64_t outputStep;
  float low, high;
};
using ColumnKernel = void (*)(const ColumnTile&);

}  // namespace convkit
