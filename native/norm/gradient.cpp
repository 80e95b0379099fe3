#include <cmath>
#include <limits>

#include "norm/parts.h"
#include "threads/scratch.h"

namespace convkit {
namespace {

// Working memory of one gradient. [batch, channels] each, but the chunks' [batch, chunks, channels] and the
// deviations' [batch, groups].
struct Working {
  double *gradient, *product;  // over all positions of an image: sum of u, and of u * (x - mean)
  double* inverse;             // 1 / deviation
  float *chunkGradient, *chunkProduct;
  float *scale, *shift, *mean;
  // The gradient of x is u * scale + (x - mean) * slope + offset: what a group's own mean and variance take
  // back
  float *slope, *offset;
  int64_t chunks;

  Working(const NormGeometry& g, Scratch& scratch) : chunks(pieces(g.positions, kPositionsPerChain)) {
    const int64_t perChannel = g.batch * g.channels, perGroup = g.batch * g.groups;
    const int64_t perChunk = perChannel * chunks;
    gradient = static_cast<double*>(
        scratch.bytes(0, static_cast<std::size_t>(2 * perChannel + perGroup) * sizeof(double)));
    product = gradient + perChannel;
    inverse = product + perChannel;
    chunkGradient = scratch.floats(1, static_cast<std::size_t>(2 * perChunk + 5 * perChannel));
    chunkProduct = chunkGradient + perChunk;
    scale = chunkProduct + perChunk;
    shift = scale + perChannel;
    mean = shift + perChannel;
    slope = mean + perChannel;
    offset = slope + perChannel;
  }
};

// The chunks' results of some channels added in order.
void addChunks(const NormGeometry& g, const float* perChunk, int64_t chunks, int64_t image, int64_t channel,
               int64_t count, double* sums) {
  double total[kNormTogether] = {};
  for (int64_t chunk = 0; chunk < chunks; chunk++) {
    const float* const own = perChunk + (image * chunks + chunk) * g.channels + channel;
    for (int64_t c = 0; c < count; c++) total[c] += static_cast<double>(own[c]);
  }
  std::copy_n(total, count, sums + image * g.channels + channel);
}

// weight: sum over images of product / deviation; bias: of gradient.
void parameterGradients(const NormGeometry& g, const Working& working, const NormGradients& to) {
  const int64_t together = g.groupChannels();
  for (int64_t c = 0; c < g.channels; c++) {
    double weight = 0, bias = 0;
    for (int64_t image = 0; image < g.batch; image++) {
      const int64_t at = image * g.channels + c;
      weight += working.product[at] * working.inverse[image * g.groups + c / together];
      bias += working.gradient[at];
    }
    if (to.weight != nullptr) to.weight[c] = static_cast<float>(weight);
    if (to.bias != nullptr) to.bias[c] = static_cast<float>(bias);
  }
}

void takeBack(const NormGeometry& g, const NormInput& input, const Working& working) {
  const int64_t together = g.groupChannels();
  const double count = static_cast<double>(g.positions) * static_cast<double>(together);
  for (int64_t own = 0; own < g.batch * g.groups; own++) {
    const int64_t first = own / g.groups * g.channels, group = own % g.groups;
    double gradient = 0, product = 0;
    for (int64_t c = group * together; c < (group + 1) * together; c++) {
      const double weight = input.weight == nullptr ? 1 : static_cast<double>(input.weight[c]);
      gradient += weight * working.gradient[first + c];
      product += weight * working.product[first + c];
    }
    const double inverse = working.inverse[own];
    const auto slope = static_cast<float>(-(inverse * inverse * inverse * product / count));
    const auto offset = static_cast<float>(-(inverse * gradient / count));
    std::fill_n(working.slope + first + group * together, together, slope);
    std::fill_n(working.offset + first + group * together, together, offset);
  }
}

}  // namespace

void runNormalizeGradient(const NormGeometry& g, const Kernels& kernels, const NormInput& input,
                          NormStatistics statistics, const float* output, const float* upstream,
                          NormGradients to, const CancelFlag* cancelled) {
  if (g.length() == 0) {
    if (to.weight != nullptr) std::fill_n(to.weight, g.channels, 0.0f);
    if (to.bias != nullptr) std::fill_n(to.bias, g.channels, 0.0f);
    return;
  }
  detail::ScratchLease lease;
  const Working working(g, lease.scratch());
  const int64_t together = g.groupChannels(), chunks = working.chunks;
  forEachNormBlock(g, g.groups, cancelled, [&](int64_t image, int64_t group, int64_t count) {
    normCoefficients(g, input, statistics, image, group, count, working.scale, working.shift);
    for (int64_t own = image * g.groups + group; own < image * g.groups + group + count; own++) {
      working.inverse[own] = inverseDeviation(g, statistics.variance[own]);
      std::fill_n(working.mean + own * together, together, statistics.mean[own]);
    }
  });

  const float infinity = std::numeric_limits<float>::infinity();
  const Clamp clamp = g.high < infinity ? Clamp::both : g.low > -infinity ? Clamp::below : Clamp::none;
  const auto gateAt = [&](int64_t image, int64_t at, int64_t channel) -> GateRows {
    const int64_t own = image * g.channels + channel;
    return {upstream + at,
            output == nullptr ? nullptr : output + at,
            working.scale + own,
            working.shift + own,
            clamp,
            g.low,
            g.high};
  };
  const bool passed = to.residual != nullptr;
  if (passed || to.weight != nullptr || to.bias != nullptr || (to.x != nullptr && !g.given)) {
    forEachNormChunk(
        g, cancelled,
        [&](int64_t image, int64_t position, int64_t rows, int64_t channel, int64_t channels, int64_t chunk) {
          const int64_t at = (image * g.positions + position) * g.channels + channel;
          const int64_t own = (image * chunks + chunk) * g.channels + channel;
          kernels.normSumRows({gateAt(image, at, channel), input.x + at,
                               working.mean + image * g.channels + channel, rows, g.channels, channels,
                               working.chunkGradient + own, working.chunkProduct + own,
                               passed ? to.residual + at : nullptr});
        });
    forEachNormBlock(g, g.channels, cancelled, [&](int64_t image, int64_t channel, int64_t count) {
      addChunks(g, working.chunkGradient, chunks, image, channel, count, working.gradient);
      addChunks(g, working.chunkProduct, chunks, image, channel, count, working.product);
    });
    parameterGradients(g, working, to);
  }
  if (to.x == nullptr) return;
  if (!g.given) takeBack(g, input, working);
  forEachNormRows(g, cancelled, [&](int64_t image, int64_t position, int64_t rows) {
    const int64_t at = (image * g.positions + position) * g.channels, own = image * g.channels;
    GateRows gate = gateAt(image, at, 0);
    // The gradient of the residual is what passed the clamp
    if (passed) {
      gate.upstream = to.residual + at;
      gate.clamp = Clamp::none;
    }
    kernels.normGradientRows({gate, input.x + at, working.mean + own, g.given ? nullptr : working.slope + own,
                              g.given ? nullptr : working.offset + own, to.x + at, rows, g.channels});
  });
}

}  // namespace convkit
