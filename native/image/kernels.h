// Resizing of bytes, one side at a time, in whole numbers: plain loops over a fixed number of neighbours,
// which the compiler turns into vectors of its instruction set. Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

constexpr int kWeightBits = 22;

// The byte that a sum stands for. Sums wrap around, as those of the reference do.
inline uint8_t byteOf(uint32_t sum) {
  const int32_t value = static_cast<int32_t>(sum) >> kWeightBits;
  return static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

// Compilers make one load, and one store, of these.
inline uint64_t wordAt(const uint8_t* p) {
  return uint64_t{p[0]} | uint64_t{p[1]} << 8 | uint64_t{p[2]} << 16 | uint64_t{p[3]} << 24 |
         uint64_t{p[4]} << 32 | uint64_t{p[5]} << 40 | uint64_t{p[6]} << 48 | uint64_t{p[7]} << 56;
}
inline void putWord(uint8_t* p, uint64_t word) {
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) p[i] = static_cast<uint8_t>(word >> (8 * i));
}

// to[c * toStep + r] = from[r][c] for r < 8, c < 8: halves, quarters and eighths of words change places.
inline void transposeBytes(const uint8_t* const* from, int64_t at, uint8_t* to, int64_t toStep) {
  uint64_t word[8];
  for (int r = 0; r < 8; r++) word[r] = wordAt(from[r] + at);
  constexpr uint64_t kMasks[3] = {0x00000000ffffffffu, 0x0000ffff0000ffffu, 0x00ff00ff00ff00ffu};
#pragma GCC unroll 3
  for (int stage = 0; stage < 3; stage++) {
    const int half = 4 >> stage, bits = 8 * half;
    const uint64_t mask = kMasks[stage];
#pragma GCC unroll 8
    for (int r = 0; r < 8; r++) {
      if ((r & half) != 0) continue;
      const uint64_t upper = word[r], lower = word[r + half];
      word[r] = (upper & mask) | ((lower & mask) << bits);
      word[r + half] = ((upper >> bits) & mask) | (lower & ~mask);
    }
  }
  for (int c = 0; c < 8; c++) putWord(to + c * toStep, word[c]);
}

// [kByteRows] rows of `count` bytes to [count][kByteRows], which may be written up to a multiple of 8 bytes.
inline void gatherRows(const uint8_t* const* rows, int64_t count, uint8_t* to) {
  int64_t c = 0;
  for (; c + 8 <= count; c += 8)
    for (int r = 0; r < kByteRows; r += 8) transposeBytes(rows + r, c, to + c * kByteRows + r, kByteRows);
  for (; c < count; c++)
    for (int r = 0; r < kByteRows; r++) to[c * kByteRows + r] = rows[r][c];
}

// One pixel of kByteRows rows: `kChannels` channels at a time.
template <int kChannels>
void resizePixel(const ByteTaps& t, int64_t pixel, const uint8_t* from, int64_t step, uint8_t* to) {
  constexpr int kCount = kChannels * kByteRows;
  uint32_t sums[kCount];
  for (int i = 0; i < kCount; i++) sums[i] = uint32_t{1} << (kWeightBits - 1);
  const int32_t* const weight = t.weight + pixel * t.taps;
  for (int32_t k = 0; k < t.count[pixel]; k++, from += step) {
    const auto w = static_cast<uint32_t>(weight[k]);
    for (int i = 0; i < kCount; i++) sums[i] += w * from[i];
  }
  for (int i = 0; i < kCount; i++) to[i] = byteOf(sums[i]);
}

template <class Simd>
void resizeBytesAlong(const ByteRows& r) {
  const int64_t channels = r.channels;
  gatherRows(r.rows, r.width * channels, r.gathered);
  const int64_t step = channels * kByteRows;
  for (int64_t pixel = 0; pixel < r.taps.outputs; pixel++) {
    const uint8_t* from = r.gathered + (r.taps.start[pixel] - r.first) * step;
    uint8_t* to = r.results + pixel * step;
    if (channels == 3) resizePixel<3>(r.taps, pixel, from, step, to);
    else
      for (int64_t c = 0; c < channels; c++)
        resizePixel<1>(r.taps, pixel, from + c * kByteRows, step, to + c * kByteRows);
  }
  // Back to rows, eight of each at a time
  const int64_t width = r.taps.outputs * channels;
  for (int row = 0; row < r.count; row += 8) {
    int64_t c = 0;
    for (; c + 8 <= width && row + 8 <= r.count; c += 8) {
      const uint8_t* words[8];
      for (int i = 0; i < 8; i++) words[i] = r.results + (c + i) * kByteRows + row;
      transposeBytes(words, 0, r.y + row * width + c, width);
    }
    for (; c < width; c++)
      for (int i = row; i < r.count && i < row + 8; i++) r.y[i * width + c] = r.results[c * kByteRows + i];
  }
}

template <class Simd>
void resizeBytesAcross(const ByteColumns& c) {
  constexpr int kTogether = 64;
  const auto run = [&](int64_t at, int64_t n) {
    uint32_t sums[kTogether];
    for (int i = 0; i < kTogether; i++) sums[i] = uint32_t{1} << (kWeightBits - 1);
    const uint8_t* from = c.x + at;
    for (int64_t k = 0; k < c.count; k++, from += c.width) {
      const auto w = static_cast<uint32_t>(c.weight[k]);
      if (n == kTogether)
        for (int i = 0; i < kTogether; i++) sums[i] += w * from[i];
      else
        for (int64_t i = 0; i < n; i++) sums[i] += w * from[i];
    }
    if (n == kTogether)
      for (int i = 0; i < kTogether; i++) c.y[at + i] = byteOf(sums[i]);
    else
      for (int64_t i = 0; i < n; i++) c.y[at + i] = byteOf(sums[i]);
  };
  for (int64_t at = 0; at < c.width; at += kTogether)
    run(at, c.width - at < kTogether ? c.width - at : kTogether);
}

}  // namespace
}  // namespace convkit
