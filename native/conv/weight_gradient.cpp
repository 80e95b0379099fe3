// A weight gradient is a product of matrices: the rows of one are what the taps read, a channel each, the
// rows of the other the upstream gradient's channels, and the sum runs over the output positions of the
// batch, chunk by chunk. Threads share the chunks where the sums are few, a buffer for each chunk's, and
// otherwise the sums.
#include "conv/weight_gradient.h"

#include <algorithm>

#include "conv/gradient_sums.h"
#include "conv/winograd_gradient.h"
#include "threads/scratch.h"

namespace convkit {
namespace {

constexpr int64_t kSharesPerThread = 4;     // so that a thread that starts late does not finish late
constexpr int64_t kFewSums = 1 << 15;       // their buffers cost little beside what is summed
constexpr int64_t kBufferFloats = 1 << 20;  // of chunks at a time
constexpr int64_t kColumns = 1024;          // of the buffers, added up by one thread

std::unique_ptr<GradientSums> chooseSums(const Conv& conv, const float* x, const float* upstream) {
  const ConvGeometry& g = conv.geometry;
  if (conv.kind == FilterKind::depthwise) return depthwiseSums(conv, x, upstream);
  const bool shared = g.groups > 1 && groupsPerBlock(g, conv.kernels->lanes) > 1;
  if (shared && conv.kernels->groupedSums[conv.groupInputs()] != nullptr)
    return groupedSums(conv, x, upstream);
  const bool fewChannels = g.groups == 1 && g.inChannels < 8 && g.outChannels >= conv.kernels->lanes / 2;
  if (fewChannels && g.kernelSize.width > 1 && g.dilation.width == 1) return bandSums(conv, x, upstream);
  return denseSums(conv, x, upstream);
}

GradientPart partOf(int64_t chain, int64_t positions, int64_t begin, int64_t end, float* sums, bool fresh) {
  const int64_t first = chain * kPositionsPerChain;
  return {first, std::min(kPositionsPerChain, positions - first), begin, end, sums, fresh};
}

// Every thread has a share of the items, and takes the chunks in order.
void shareItems(const GradientSums& form, int64_t positions, int64_t shares, float* sums,
                const CancelFlag* cancelled) {
  const int64_t items = form.items(), chains = ceilDivide(positions, kPositionsPerChain);
  parallelFor(shares, cancelled, [&](int64_t share, Scratch& scratch) {
    const int64_t begin = items * share / shares, end = items * (share + 1) / shares;
    for (int64_t chain = 0; chain < chains; chain++) {
      if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed)) return;
      form.add(partOf(chain, positions, begin, end, sums, chain == 0), scratch);
    }
  });
}

// A row of a buffer holds the sums of one chunk, the first the sum of all chunks before.
void shareChunks(const Conv& conv, const GradientSums& form, int64_t positions, float* buffer, float* sums,
                 const CancelFlag* cancelled) {
  const int64_t length = weightLength(conv), chains = ceilDivide(positions, kPositionsPerChain);
  const int64_t wanted = threadCount() * kSharesPerThread;
  const int64_t atOnce = std::min(chains, std::max(wanted, kBufferFloats / length));
  // Few chunks leave threads their shares of the items
  const int64_t blocks = std::min(form.items(), ceilDivide(wanted, atOnce));
  for (int64_t done = 0; done < chains; done += atOnce) {
    const int64_t now = std::min(atOnce, chains - done);
    parallelFor(now * blocks, cancelled, [&](int64_t index, Scratch& scratch) {
      const int64_t block = index % blocks, row = index / blocks;
      form.add(partOf(done + row, positions, form.items() * block / blocks,
                      form.items() * (block + 1) / blocks, buffer + (row + 1) * length, true),
               scratch);
    });
    const float* const from = done == 0 ? buffer + length : buffer;
    float* const to = done + now == chains ? sums : buffer;
    parallelFor(ceilDivide(length, kColumns), cancelled, [&](int64_t block, Scratch&) {
      const int64_t begin = block * kColumns, columns = std::min(kColumns, length - begin);
      conv.kernels->sumRows({from + begin, now + (done == 0 ? 0 : 1), length, columns, to + begin});
    });
  }
}

}  // namespace

const char* checkWeightGradient(const Conv& conv) {
  if (conv.geometry.transposed)
    return "the weight gradient of a transposed convolution is that of the convolution it transposes, its "
           "operands exchanged";
  if (conv.geometry.algorithm == Algorithm::winograd2)
    return "Winograd's algorithm takes tiles of 4x4 for a weight gradient";
  if (readsPlanes(conv) || writesPlanes(conv)) return "a weight gradient reads channels-last images";
  if (conv.geometry.inputStride != conv.geometry.inChannels ||
      conv.geometry.outputStride != conv.geometry.outChannels)
    return "a weight gradient reads whole images";
  return nullptr;
}

void runWeightGradient(const Conv& conv, const float* x, const float* upstream, float* gradient,
                       float* biasGradient, int64_t batch, const CancelFlag* cancelled) {
  const int64_t positions = batch * conv.positions(), length = weightLength(conv), threads = threadCount();
  if (biasGradient != nullptr)
    runSumPositions(*conv.kernels, upstream, positions, conv.geometry.outChannels, biasGradient, cancelled);
  if (positions == 0) {
    std::fill_n(gradient, length, 0.0f);
    return;
  }
  if (conv.geometry.algorithm == Algorithm::winograd4)
    return runWinogradGradient(conv, x, upstream, gradient, batch, cancelled);
  const auto form = chooseSums(conv, x, upstream);
  detail::ScratchLease lease;
  const auto floats = [&](int slot, int64_t n) {
    return lease.scratch().floats(slot, static_cast<std::size_t>(n));
  };
  float* const sums = form->liesAsWeight() ? gradient : floats(0, length);
  const bool few = length <= kFewSums && positions > kPositionsPerChain;
  if (threads > 1 && few) {
    const int64_t rows = std::max(threads * kSharesPerThread, kBufferFloats / length) + 1;
    const int64_t chains = ceilDivide(positions, kPositionsPerChain);
    shareChunks(conv, *form, positions, floats(1, std::min(rows, chains + 1) * length), sums, cancelled);
  } else {
    const int64_t shares = threads > 1 ? std::min(form->items(), threads * kSharesPerThread) : 1;
    shareItems(*form, positions, shares, sums, cancelled);
  }
  if (!form->liesAsWeight()) form->arrange(sums, gradient, cancelled);
}

}  // namespace convkit
