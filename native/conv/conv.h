// A convolution of images: geometry in, checked plan out, and the runs over a batch.
#pragma once

#include <cstdint>
#include <memory>

#include "conv/filter_room.h"
#include "isa/kernels.h"
#include "threads/parallel.h"

namespace convkit {

enum class PaddingMode : int32_t { zeros, reflect, replicate, circular };

// One chain of taps an output, or Winograd's minimal filtering with tiles of 2x2 or 4x4 outputs: other bits.
enum class Algorithm : int32_t { direct, winograd2, winograd4 };

enum class Layout : int32_t { channelsLast, channelsFirst };

struct Triple {
  int64_t depth, height, width;
  int64_t product() const { return depth * height * width; }
};

struct ConvGeometry {
  int64_t inChannels, outChannels, groups;
  Triple inputSize, kernelSize, stride, dilation, padBegin, padEnd, outputSize;
  PaddingMode paddingMode;
  Activation activation;
  ActivationParameters activationParameters;
  // The transpose of a convolution that takes [outputSize, outChannels] to [inputSize, inChannels]; zero
  // padding only.
  bool transposed = false;
  Algorithm algorithm = Algorithm::direct;
  Layout inputLayout = Layout::channelsLast, outputLayout = Layout::channelsLast;
  // Floats from one position to the next: more than the channels where they are some of something wider. 0:
  // the channels.
  int64_t inputStride = 0, outputStride = 0;
  Activation inputActivation = Activation::none;  // a clamp: of x scaled and shifted
};

// Memory that a later call reads and would wait for.
struct Upcoming {
  const float* begin = nullptr;
  int64_t floats = 0;
};

struct Conv;          // a checked geometry, bound to a kernel table
struct PackedFilter;  // weights and bias as the kernels read them; owned apart from any Conv

// Null where the geometry is inconsistent or its element counts overflow; *reason then says why.
std::shared_ptr<const Conv> makeConv(const ConvGeometry& geometry, const Kernels& kernels,
                                     const char** reason);
// Floats from the first to the last.
int64_t inputLength(const Conv&, int64_t batch = 1);
int64_t outputLength(const Conv&, int64_t batch = 1);
int64_t inputChannels(const Conv&);
bool scalesInput(const Conv&);  // whether it can: 1x1, of stride 1, channels-last
int64_t weightLength(const Conv&);
int64_t biasLength(const Conv&);

// weight [outChannels, inChannels / groups, kd, kh, kw], transposed [inChannels, outChannels / groups, kd,
// kh, kw]; bias [outChannels] or null. The weights go into the room, where one is given and has as much left.
// Throws std::bad_alloc.
std::shared_ptr<const PackedFilter> packFilter(const Conv&, const float* weight, const float* bias,
                                               const std::shared_ptr<FilterRoom>& room = nullptr);
int64_t packedWeights(const Conv&);  // floats that a filter of it takes, its bias apart
int64_t packedBytes(const PackedFilter&);
// The weights, where they outweigh what `batch` images compute with them: a few positions' worth.
Upcoming streamedWeights(const Conv&, const PackedFilter&, int64_t batch);
// Whether a run can fetch so much while it multiplies.
bool canFetch(const Conv&, const Upcoming&, int64_t batch);
bool isSmallFilter(const PackedFilter&);  // which takes no time worth fetching for
bool isTinyFilter(const PackedFilter&);   // nor its first weights
// Whether the filter was packed for a convolution that differs from this one in image size and layouts only,
// if at all.
bool fits(const Conv&, const PackedFilter&);

// Where results go, and what lies like them and is added to them before the activation; null: nothing.
struct Output {
  float* y;
  const float* residual;
  Output(float* to, const float* added = nullptr) : y(to), residual(added) {}
  Output operator+(int64_t offset) const {
    return {y + offset, residual == nullptr ? nullptr : residual + offset};
  }
};

// A convolution that a program comes to before or after this one.
struct OtherConv {
  const Conv* conv = nullptr;
  const PackedFilter* filter = nullptr;
  int64_t batch = 0;
};

// What is read, and what happens to it on the way: channel c of x is first made clamp(fma(x, scale[c],
// shift[c])), or without a shift x * scale[image][c]; without a scale nothing. And what may be fetched
// meanwhile.
struct Input {
  const float* x;
  const float *scale, *shift;
  Upcoming upcoming;
  OtherConv next;   // whose first weights are fetched by a thread's last chunk
  OtherConv maker;  // which has just made x
  Input(const float* from, const float* by = nullptr, const float* plus = nullptr)
      : x(from), scale(by), shift(plus) {}
};

// x [batch, inputLength] -> y [batch, outputLength]. Throws std::bad_alloc.
void runConv(const Conv&, const PackedFilter&, const Input& x, Output y, int64_t batch,
             const CancelFlag* cancelled);

}  // namespace convkit
