// Weight gradients of grouped convolutions whose groups are narrower than a vector: sums over positions, lane
// by lane. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

// Adds what a chunk has summed up to what chunks before it have, +0 where it is the first.
template <class Simd>
inline void addSum(float* c, typename Simd::V sum, bool first, int lanes) {
  const bool whole = lanes == Simd::kLanes;
  typename Simd::V before = Simd::zero();
  if (!first) before = whole ? Simd::load(c) : Simd::loadPartial(c, lanes);
  if (whole) Simd::store(c, Simd::add(before, sum));
  else Simd::storePartial(c, Simd::add(before, sum), lanes);
}

// One tap of a depthwise convolution of any shape.
template <class Simd, int kVectors, bool kWhole>
inline void diagonalProducts(const OuterTile& tile, int64_t channel, int tail) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  const auto load = [tail](const float* p) { return kWhole ? Simd::load(p) : Simd::loadPartial(p, tail); };
  V acc[kVectors];
#pragma GCC unroll 8
  for (int j = 0; j < kVectors; j++) acc[j] = Simd::zero();
  for (int64_t r = 0; r < tile.runs; r++) {
    const float* row = tile.run[r].rows + channel;
    const float* lane = tile.run[r].lanes + channel;
    for (int64_t p = tile.run[r].positions; p > 0; p--, row += tile.rowStep, lane += tile.laneStep) {
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; j++)
        acc[j] = Simd::fma(load(row + j * kLanes), load(lane + j * kLanes), acc[j]);
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < kVectors; j++)
    addSum<Simd>(tile.c + channel + j * kLanes, acc[j], tile.first, kWhole ? kLanes : tail);
}

// c[n] for the channels [begin, end).
template <class Simd>
void diagonalTile(const OuterTile& tile, int64_t begin, int64_t end) {
  constexpr int kLanes = Simd::kLanes;
  int64_t channel = begin;
  for (; channel + 4 * kLanes <= end; channel += 4 * kLanes)
    diagonalProducts<Simd, 4, true>(tile, channel, kLanes);
  for (; channel + kLanes <= end; channel += kLanes) diagonalProducts<Simd, 1, true>(tile, channel, kLanes);
  if (channel < end) diagonalProducts<Simd, 1, false>(tile, channel, static_cast<int>(end - channel));
}

// A kernel row of a depthwise convolution: what the columns of a line read overlaps, so every pixel is loaded
// once and handed on from tap to tap.
template <class Simd, int kKernel, int kStride, int kVectors, bool kWhole>
inline void channelProducts(const ChannelSums& sums, int64_t channel, int tail) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes, kFresh = kStride < kKernel ? kStride : kKernel;
  const auto load = [tail](const float* p) { return kWhole ? Simd::load(p) : Simd::loadPartial(p, tail); };
  const int64_t step = sums.channels;
  V acc[kKernel][kVectors];
#pragma GCC unroll 7
  for (int k = 0; k < kKernel; k++) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++) acc[k][j] = Simd::zero();
  }

  for (int64_t l = 0; l < sums.lines; l++) {
    const ChannelLine& line = sums.line[l];
    const float* upstream = line.upstream + line.begin * step + channel;
    const float* x = line.x + (line.begin * kStride - sums.padBegin) * step + channel;
    int64_t w = line.begin;
    const auto advance = [&] { w++, x += kStride * step, upstream += step; };

    // Columns at the edges, whose taps may read padding
    const auto edge = [&] {
      const int64_t from = w * kStride - sums.padBegin;
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; j++) {
        const V u = load(upstream + j * kLanes);
#pragma GCC unroll 7
        for (int k = 0; k < kKernel; k++)
          if (from + k >= 0 && from + k < sums.inputWidth)
            acc[k][j] = Simd::fma(load(x + k * step + j * kLanes), u, acc[k][j]);
      }
      advance();
    };
    while (w < line.end && w < sums.insideBegin) edge();

    const int64_t insideEnd = sums.insideEnd < line.end ? sums.insideEnd : line.end;
    if (w < insideEnd) {
      V pixels[kKernel][kVectors];
#pragma GCC unroll 7
      for (int k = kFresh; k < kKernel; k++) {
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; j++) pixels[k][j] = load(x + (k - kFresh) * step + j * kLanes);
      }
      while (w < insideEnd) {
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; j++) {
          const V u = load(upstream + j * kLanes);
#pragma GCC unroll 7
          for (int k = 0; k < kKernel; k++) {
            if (k + kFresh < kKernel) pixels[k][j] = pixels[k + kFresh][j];
            else pixels[k][j] = load(x + k * step + j * kLanes);
            acc[k][j] = Simd::fma(pixels[k][j], u, acc[k][j]);
          }
        }
        advance();
      }
    }
    while (w < line.end) edge();
  }

#pragma GCC unroll 7
  for (int k = 0; k < kKernel; k++) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; j++)
      addSum<Simd>(sums.c + k * step + channel + j * kLanes, acc[k][j], sums.first, kWhole ? kLanes : tail);
  }
}

template <class Simd, int kKernel, int kStride, int kVectors>
void channelSums(const ChannelSums& sums, int64_t begin, int64_t end) {
  constexpr int kLanes = Simd::kLanes;
  int64_t channel = begin;
  for (; channel + kVectors * kLanes <= end; channel += kVectors * kLanes)
    channelProducts<Simd, kKernel, kStride, kVectors, true>(sums, channel, kLanes);
  if constexpr (kVectors > 2) {
    for (; channel + 2 * kLanes <= end; channel += 2 * kLanes)
      channelProducts<Simd, kKernel, kStride, 2, true>(sums, channel, kLanes);
  }
  for (; channel + kLanes <= end; channel += kLanes)
    channelProducts<Simd, kKernel, kStride, 1, true>(sums, channel, kLanes);
  if (channel < end)
    channelProducts<Simd, kKernel, kStride, 1, false>(sums, channel, static_cast<int>(end - channel));
}

// One tap of a block of groups: the lanes are output channels, and a permutation brings each lane the input
// channel of its own group.
template <class Simd, int kDepth>
void groupedSums(const GroupedSums& sums) {
  using V = typename Simd::V;
  constexpr int kLanes = Simd::kLanes;
  const bool whole = sums.inputs == kLanes && sums.outputs == kLanes;
  typename Simd::Index index[kDepth];
  V acc[kDepth];
  index[0] = Simd::loadIndex(sums.index);
#pragma GCC unroll 8
  for (int k = 1; k < kDepth; k++) index[k] = Simd::step(index[k - 1]);
#pragma GCC unroll 8
  for (int k = 0; k < kDepth; k++) acc[k] = Simd::zero();
  for (int64_t r = 0; r < sums.runs; r++) {
    const float* x = sums.run[r].rows + sums.input;
    const float* upstream = sums.run[r].lanes + sums.output;
    for (int64_t p = sums.run[r].positions; p > 0; p--, x += sums.inputStep, upstream += sums.outputStep) {
      const V pixel = whole ? Simd::load(x) : Simd::loadPartial(x, sums.inputs);
      const V u = whole ? Simd::load(upstream) : Simd::loadPartial(upstream, sums.outputs);
#pragma GCC unroll 8
      for (int k = 0; k < kDepth; k++) acc[k] = Simd::fma(Simd::permute(pixel, index[k]), u, acc[k]);
    }
  }
#pragma GCC unroll 8
  for (int k = 0; k < kDepth; k++) addSum<Simd>(sums.c + k * sums.ldc, acc[k], sums.first, sums.outputs);
}

}  // namespace
}  // namespace convkit
