// What the drivers of normalisation share: how rows and groups are cut into chunks, and what statistics
// become per channel.
#pragma once

#include <algorithm>

#include "norm/norm.h"
#include "reduction/positions.h"

namespace convkit {

// Channels of one kernel call on a chunk: 256 KiB are read twice, the second time from a second-level cache.
constexpr int64_t kNormColumns = 256;
// Floats of one kernel call that treats each row alone.
constexpr int64_t kNormFloats = 16384;
// Groups, or channels, whose sums one call settles.
constexpr int64_t kNormTogether = 32;

inline int64_t pieces(int64_t n, int64_t size) { return (n + size - 1) / size; }

// Calls body(image, first position, positions, first channel, channels, chunk of the image) for every chunk
// of 256 positions and block of channels.
template <class Body>
void forEachNormChunk(const NormGeometry& g, const CancelFlag* cancelled, Body&& body) {
  const int64_t chunks = pieces(g.positions, kPositionsPerChain), blocks = pieces(g.channels, kNormColumns);
  parallelFor(g.batch * chunks * blocks, cancelled, [&](int64_t index, Scratch&) {
    const int64_t block = index % blocks, chunk = index / blocks % chunks, image = index / blocks / chunks;
    const int64_t position = chunk * kPositionsPerChain, channel = block * kNormColumns;
    body(image, position, std::min(kPositionsPerChain, g.positions - position), channel,
         std::min(kNormColumns, g.channels - channel), chunk);
  });
}

// Calls body(image, first position, positions) for blocks of rows, the last ones first: they were read last,
// and may be in a cache still.
template <class Body>
void forEachNormRows(const NormGeometry& g, const CancelFlag* cancelled, Body&& body) {
  const int64_t together = std::max<int64_t>(1, kNormFloats / g.channels);
  const int64_t blocks = pieces(g.positions, together), count = g.batch * blocks;
  parallelFor(count, cancelled, [&](int64_t index, Scratch&) {
    const int64_t reversed = count - 1 - index, position = reversed % blocks * together;
    body(reversed / blocks, position, std::min(together, g.positions - position));
  });
}

// Calls body(image, first, count) for blocks of `all` groups or channels of every image.
template <class Body>
void forEachNormBlock(const NormGeometry& g, int64_t all, const CancelFlag* cancelled, Body&& body) {
  const int64_t blocks = pieces(all, kNormTogether);
  parallelFor(g.batch * blocks, cancelled, [&](int64_t index, Scratch&) {
    const int64_t first = index % blocks * kNormTogether;
    body(index / blocks, first, std::min(kNormTogether, all - first));
  });
}

// runNormalize for images of one position and one group.
void normalizeRows(const NormGeometry& g, const Kernels& kernels, const NormInput& input,
                   const float* residual, float* y, NormStatistics statistics, const CancelFlag* cancelled);

double inverseDeviation(const NormGeometry& g, float variance);

// Of `count` groups of an image: what its channels are multiplied by, and what is added then. [batch,
// channels]
void normCoefficients(const NormGeometry& g, const NormInput& input, NormStatistics statistics, int64_t image,
                      int64_t firstGroup, int64_t count, float* scale, float* shift);

}  // namespace convkit
