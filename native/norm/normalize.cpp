#include <cmath>
#include <limits>

#include "norm/parts.h"
#include "threads/scratch.h"

namespace convkit {
namespace {

// Of every chunk and channel: the mean of the chunk as one float, how far that is from the mean, summed over
// the rows, and the sum of squares around it. [images, chunks, channels]
struct Partials {
  float *mean, *error, *squares;
  int64_t chunks;
};

// Mean and variance of `count` groups in float64, from partial results taken chunk after chunk, in each the
// channels of a group in order.
void combine(const NormGeometry& g, const Partials& partials, int64_t image, int64_t firstGroup,
             int64_t count, NormStatistics statistics) {
  const int64_t channels = g.groupChannels();
  double total[kNormTogether] = {}, mean[kNormTogether], squares[kNormTogether] = {};
  // Calls visit(group of the block, index among the partial results, rows, 1 / rows)
  const auto each = [&](auto visit) {
    for (int64_t chunk = 0; chunk < partials.chunks; chunk++) {
      const auto rows =
          static_cast<double>(std::min(kPositionsPerChain, g.positions - chunk * kPositionsPerChain));
      const double inverse = 1.0 / rows;
      const int64_t first = (image * partials.chunks + chunk) * g.channels + firstGroup * channels;
      if (channels == 1) {
        for (int64_t i = 0; i < count; i++) visit(i, first + i, rows, inverse);
        continue;
      }
      for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < channels; c++) visit(i, first + i * channels + c, rows, inverse);
    }
  };
  const double elements = static_cast<double>(g.positions) * static_cast<double>(channels);
  each([&](int64_t i, int64_t at, double rows, double) {
    total[i] += rows * static_cast<double>(partials.mean[at]) + static_cast<double>(partials.error[at]);
  });
  for (int64_t i = 0; i < count; i++) mean[i] = total[i] / elements;
  each([&](int64_t i, int64_t at, double rows, double inverse) {
    const double error = static_cast<double>(partials.error[at]), own = error * inverse;
    const double apart = static_cast<double>(partials.mean[at]) + own - mean[i];
    squares[i] += static_cast<double>(partials.squares[at]) - error * own + rows * apart * apart;
  });
  for (int64_t i = 0; i < count; i++) {
    const double variance = squares[i] / elements;
    statistics.mean[image * g.groups + firstGroup + i] = static_cast<float>(mean[i]);
    statistics.variance[image * g.groups + firstGroup + i] = static_cast<float>(variance < 0 ? 0 : variance);
  }
}

}  // namespace

double inverseDeviation(const NormGeometry& g, float variance) {
  return 1.0 / std::sqrt(static_cast<double>(variance) + g.epsilon);
}

void normCoefficients(const NormGeometry& g, const NormInput& input, NormStatistics statistics, int64_t image,
                      int64_t firstGroup, int64_t count, float* scale, float* shift) {
  const int64_t together = g.groupChannels();
  for (int64_t group = firstGroup; group < firstGroup + count; group++) {
    const int64_t own = image * g.groups + group;
    const double inverse = inverseDeviation(g, statistics.variance[own]);
    const double mean = static_cast<double>(statistics.mean[own]);
    for (int64_t c = group * together; c < (group + 1) * together; c++) {
      const double factor =
          input.weight == nullptr ? inverse : static_cast<double>(input.weight[c]) * inverse;
      const double bias = input.bias == nullptr ? 0 : static_cast<double>(input.bias[c]);
      const auto rounded = static_cast<float>(factor);
      scale[image * g.channels + c] = rounded;
      shift[image * g.channels + c] = static_cast<float>(bias - mean * static_cast<double>(rounded));
    }
  }
}

void runNormalize(const NormGeometry& g, const Kernels& kernels, const NormInput& input,
                  const float* residual, float* y, NormStatistics statistics, const CancelFlag* cancelled) {
  const int64_t own = g.batch * g.groups;
  if (g.length() == 0) {
    if (statistics.mean != nullptr) std::fill_n(statistics.mean, own, 0.0f);
    if (statistics.variance != nullptr) std::fill_n(statistics.variance, own, 0.0f);
    return;
  }
  if (g.positions == 1 && g.groups == 1)
    return normalizeRows(g, kernels, input, residual, y, statistics, cancelled);
  detail::ScratchLease lease;
  const int64_t chunks = pieces(g.positions, kPositionsPerChain);
  const int64_t sums = g.batch * chunks * g.channels, coefficients = g.batch * g.channels;
  float* const memory =
      lease.scratch().floats(0, static_cast<std::size_t>(3 * sums + 2 * coefficients + 2 * own));
  const Partials partials{memory, memory + sums, memory + 2 * sums, chunks};
  float* const scale = memory + 3 * sums;
  float* const shift = scale + coefficients;
  if (statistics.mean == nullptr) statistics.mean = shift + coefficients;
  if (statistics.variance == nullptr) statistics.variance = shift + coefficients + own;

  forEachNormChunk(
      g, cancelled,
      [&](int64_t image, int64_t position, int64_t rows, int64_t channel, int64_t channels, int64_t chunk) {
        const int64_t at = (image * chunks + chunk) * g.channels + channel;
        kernels.momentRows({input.x + (image * g.positions + position) * g.channels + channel, rows,
                            g.channels, channels, partials.mean + at, partials.error + at,
                            partials.squares + at});
      });
  forEachNormBlock(g, g.groups, cancelled, [&](int64_t image, int64_t group, int64_t count) {
    combine(g, partials, image, group, count, statistics);
    normCoefficients(g, input, statistics, image, group, count, scale, shift);
  });
  forEachNormRows(g, cancelled, [&](int64_t image, int64_t position, int64_t rows) {
    const int64_t at = (image * g.positions + position) * g.channels;
    kernels.affineRows({input.x + at, scale + image * g.channels, shift + image * g.channels,
                        residual == nullptr ? nullptr : residual + at, y + at, rows, g.channels, g.low,
                        g.high});
  });
}

void runAffine(const Kernels& kernels, const Affine& affine, const float* x, const float* residual, float* y,
               int64_t rows, const CancelFlag* cancelled) {
  const float infinity = std::numeric_limits<float>::infinity();
  const bool relu6 = affine.activation == Activation::relu6;
  const bool clamps = relu6 || affine.activation == Activation::relu;
  const NormGeometry g{1, rows, affine.channels, affine.channels, 0, 0, 0, true};
  forEachNormRows(g, cancelled, [&](int64_t, int64_t position, int64_t count) {
    const int64_t at = position * affine.channels;
    kernels.affineRows({x + at, affine.scale, affine.shift, residual == nullptr ? nullptr : residual + at,
                        y + at, count, affine.channels, clamps ? 0.0f : -infinity, relu6 ? 6.0f : infinity});
    if (!clamps && affine.activation != Activation::none)
      kernels.activate(affine.activation, affine.parameters, {y + at, y + at, count * affine.channels});
  });
}

}  // namespace convkit
