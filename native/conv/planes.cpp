// Images laid out channels-first, a plane for each channel: a few at a time are brought into the drivers'
// order, and their outputs back, in working memory that stays from call to call. Fresh arrays of the caller's
// cost more than the rearranging itself: 256 to 64 channels of 1x1 at 56x56, one thread, AVX-512: 0.83 ms
// with them, 0.60 with these, 0.44 without rearranging.
#include <algorithm>

#include "conv/plan.h"
#include "elementwise/elementwise.h"
#include "threads/scratch.h"

namespace convkit {
namespace {

constexpr int64_t kFloatsAtOnce = 1 << 21;  // of input and output: 8 MiB, while there are several images

}  // namespace

void runPlanes(const Conv& conv, const PackedFilter& filter, const float* x, Output y, int64_t batch,
               const CancelFlag* cancelled) {
  const ConvGeometry& g = conv.geometry;
  const bool reads = readsPlanes(conv) && !takesBands(conv), writes = writesPlanes(conv);
  const int64_t inputs = conv.imageFloats(), outputs = conv.outputFloats();
  if (!reads && !writes) return runChannelsLast(conv, filter, x, y, batch, cancelled);
  const int64_t perImage = (reads ? inputs : 0) + (writes ? outputs : 0);
  const int64_t atOnce = std::min(batch, std::max<int64_t>(1, kFloatsAtOnce / perImage));
  detail::ScratchLease lease;
  float* in = reads ? lease.scratch().floats(0, static_cast<std::size_t>(atOnce * inputs)) : nullptr;
  float* out = writes ? lease.scratch().floats(1, static_cast<std::size_t>(atOnce * outputs)) : nullptr;
  float* added = writes && y.residual != nullptr
                     ? lease.scratch().floats(2, static_cast<std::size_t>(atOnce * outputs))
                     : nullptr;
  for (int64_t first = 0; first < batch; first += atOnce) {
    const int64_t images = std::min(atOnce, batch - first);
    const float* from = x + first * inputs;
    const Output to = y + first * outputs;
    if (reads) runTranspose(*conv.kernels, from, in, images, g.inChannels, g.inputSize.product(), cancelled);
    if (added != nullptr)
      runTranspose(*conv.kernels, to.residual, added, images, g.outChannels, conv.positions(), cancelled);
    runChannelsLast(conv, filter, reads ? in : from, writes ? Output(out, added) : to, images, cancelled);
    if (writes) runTranspose(*conv.kernels, out, to.y, images, conv.positions(), g.outChannels, cancelled);
  }
}

}  // namespace convkit
